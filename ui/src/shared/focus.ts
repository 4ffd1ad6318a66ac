// Where the focus goes when what had it is gone.

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
