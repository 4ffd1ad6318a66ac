// Where the focus goes when what had it is gone.
import { tick } from "svelte";

/** What had it: an element of the page, or what a test has in its place. */
export type Held = Pick<HTMLElement, "isConnected" | "dataset">;

/** The first control of the frame: it is always there. */
export const FRAME = ".top button";

/** It, or what has taken its place meanwhile: the row of the same thing, the button of the same purpose; else the frame's first control. */
export function heir<T extends Held>(held: T | null, find: (selector: string) => T | null): T | null {
  if (held?.isConnected === true) return held;
  for (const name of ["row", "place"]) {
    const value = held?.dataset[name];
    const twin = value === undefined ? null : find(`[data-${name}="${CSS.escape(value)}"]`);
    if (twin !== null) return twin;
  }
  return find(FRAME);
}

/** Once what changes now is drawn: what had the focus and lost it only by being moved takes it again; for what is gone, the first there is of `others`. */
export async function goOn(held: HTMLElement, ...others: string[]): Promise<void> {
  await tick();
  if (document.activeElement !== document.body) return;
  const next = held.isConnected ? held : others.map((selector) => document.querySelector<HTMLElement>(selector)).find((e) => e !== null);
  next?.focus();
}
