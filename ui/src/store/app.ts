// The stores of one window, handed down by Svelte's context.
import { getContext, setContext } from "svelte";
import type { Host } from "../ipc/host";
import { Acts } from "./acts.svelte";
import { Clock } from "./clock.svelte";
import { Desk } from "./desk.svelte";
import { Grid } from "./grid";
import { Live } from "./live.svelte";

export interface App {
  host: Host;
  live: Live;
  clock: Clock;
  desk: Desk;
  acts: Acts;
  grid: Grid;
}

const KEY = "quarterdeck";

export function makeApp(host: Host): App {
  const live = new Live(host);
  const grid = new Grid();
  const acts = new Acts(host);
  const app: App = { host, live, grid, acts, desk: new Desk(), clock: new Clock(() => live.platformNow()) };
  live.onApplied((world, touched) => {
    grid.follow(world, touched);
    acts.worldChanged();
  });
  return app;
}

export function provide(app: App): void {
  setContext(KEY, app);
}

export function app(): App {
  return getContext<App>(KEY);
}
