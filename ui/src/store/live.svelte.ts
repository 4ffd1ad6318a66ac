// The live world: subscribes, applies, resubscribes after a gap, survives what makes no sense.
import type { About, Host, HostError } from "../ipc/host";
import { hostError } from "../ipc/host";
import { apply, type Touched, type World } from "./world";

export type Phase = "starting" | "live" | "resubscribing" | "failed";

/** Seconds before the next try after a failed subscription. */
const RETRY_S = 3;
/** Updates that made no sense in a row, before asking for everything again. */
const RESUBSCRIBE_AFTER = 1;

export class Live {
  /** Rises with every applied update; read it (through `world`) to depend on the world. */
  revision = $state(0);
  phase = $state<Phase>("starting");
  /** What is wrong with the subscription, in words. */
  trouble = $state<HostError | null>(null);
  about = $state<About | null>(null);
  /** Items and updates that made no sense since start. */
  skipped = $state(0);
  /** How fast platform time runs beside ours; 1 but for a simulation that is told to hurry. */
  pace = $state(1);
  /** Applied updates in the last ten seconds, per second. */
  perSecond = $state(0);

  private held: World | null = null;
  private receivedAt = 0;
  private malformedInARow = 0;
  private recent: number[] = [];
  private told: Told[] = [];
  private listeners = new Set<(world: World, touched: Touched) => void>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private generation = 0;

  constructor(readonly host: Host) {}

  /** The world as last told, or null before the first snapshot. */
  get world(): World | null {
    void this.revision;
    return this.held;
  }

  /** Called after every applied update, before views are drawn. */
  onApplied(listener: (world: World, touched: Touched) => void): void {
    this.listeners.add(listener);
  }

  /** Platform time now: that of the last update plus what has passed since, at the platform's speed. */
  platformNow(): number {
    return this.held === null ? Date.now() : this.held.takenAt + (performance.now() - this.receivedAt) * this.pace;
  }

  async start(): Promise<void> {
    try {
      this.about = await this.host.about();
    } catch (thrown) {
      this.trouble = hostError(thrown);
    }
    if (this.about?.error) return;
    await this.subscribe();
  }

  async subscribe(): Promise<void> {
    clearTimeout(this.timer);
    this.generation += 1;
    const mine = this.generation;
    this.phase = this.held === null ? "starting" : "resubscribing";
    try {
      await this.host.subscribe((update) => {
        if (mine === this.generation) this.take(update);
      });
      this.trouble = null;
    } catch (thrown) {
      if (mine !== this.generation) return;
      this.trouble = hostError(thrown);
      this.phase = "failed";
      this.timer = setTimeout(() => void this.subscribe(), RETRY_S * 1000);
    }
  }

  /** One update from the shell. Never throws: a bad one must not blank the screen. */
  take(update: unknown): void {
    const result = apply(this.held, update);
    if (result.outcome === "applied") {
      this.held = result.world;
      this.receivedAt = performance.now();
      this.told = [...this.told.slice(-20), { ours: this.receivedAt, theirs: result.world.takenAt }];
      this.pace = paceOf(this.told);
      this.malformedInARow = 0;
      this.skipped += result.skipped;
      this.phase = "live";
      this.count();
      for (const listener of this.listeners) listener(result.world, result.touched);
      this.revision += 1;
      return;
    }
    if (result.outcome === "malformed") {
      this.skipped += 1;
      this.malformedInARow += 1;
      this.trouble = { code: "malformed", message: `An update made no sense: ${result.detail}.`, hint: "What is drawn is the last good state.", retryable: true };
      if (this.malformedInARow > RESUBSCRIBE_AFTER) {
        this.phase = "failed";
        clearTimeout(this.timer);
        this.timer = setTimeout(() => void this.subscribe(), RETRY_S * 1000);
        return;
      }
    }
    void this.subscribe();
  }

  private count(): void {
    const now = performance.now();
    this.recent.push(now);
    while ((this.recent[0] ?? now) < now - 10_000) this.recent.shift();
    this.perSecond = this.recent.length / Math.max(1, Math.min(10, (now - (this.recent[0] ?? now)) / 1000 || 1));
  }
}

/** When an update came by our clock, and what time it was on the platform; milliseconds. */
export interface Told {
  ours: number;
  theirs: number;
}

/**
 * The platform's speed: the middle one of the steps between updates some seconds apart, so that neither a single leap of
 * its time, nor a late update, nor the whole seconds of a `Date` header changes it. Unless it is far from ours it is ours.
 */
export function paceOf(told: readonly Told[]): number {
  const steps: number[] = [];
  let last = told[0];
  for (const next of told) {
    if (last === undefined || next.ours - last.ours < 1500) continue;
    steps.push((next.theirs - last.theirs) / (next.ours - last.ours));
    last = next;
  }
  if (steps.length < 4) return 1;
  steps.sort((a, b) => a - b);
  const middle = steps[Math.floor(steps.length / 2)] ?? 1;
  return middle < 2.5 ? 1 : Math.min(1000, Math.round(middle));
}
