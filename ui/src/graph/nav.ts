// Arrow keys over placed things: the nearest one in that direction, straight ahead before aside.
import type { Rect } from "./layout";

export type Direction = "left" | "right" | "up" | "down";

export interface Spot {
  key: string;
  rect: Rect;
}

/** The spot to go to from `from`, or null when there is none that way. */
export function neighbour(spots: readonly Spot[], from: string, direction: Direction): string | null {
  const here = spots.find((s) => s.key === from)?.rect;
  if (here === undefined) return spots[0]?.key ?? null;
  let best: { key: string; cost: number } | null = null;
  for (const spot of spots) {
    if (spot.key === from) continue;
    const cost = costOf(here, spot.rect, direction);
    if (cost !== null && (best === null || cost < best.cost)) best = { key: spot.key, cost };
  }
  return best?.key ?? null;
}

function costOf(a: Rect, b: Rect, direction: Direction): number | null {
  const horizontal = direction === "left" || direction === "right";
  const ahead =
    direction === "right" ? b.x - (a.x + a.w) : direction === "left" ? a.x - (b.x + b.w) : direction === "down" ? b.y - (a.y + a.h) : a.y - (b.y + b.h);
  if (ahead < -4) return null;
  const aside = horizontal ? gap(a.y, a.h, b.y, b.h) : gap(a.x, a.w, b.x, b.w);
  const centre = horizontal ? Math.abs(a.y + a.h / 2 - b.y - b.h / 2) : Math.abs(a.x + a.w / 2 - b.x - b.w / 2);
  // Up and down stay in their column.
  return Math.max(0, ahead) + aside * (horizontal ? 2 : 12) + centre * 0.05;
}

/** Distance between two spans, 0 when they overlap. */
function gap(a: number, al: number, b: number, bl: number): number {
  return Math.max(0, a - (b + bl), b - (a + al));
}
