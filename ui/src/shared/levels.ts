import type { Level } from "../ipc/gen/Level";

/** Words of the levels; exhaustive, so that a new level does not compile until it has one. */
export const LEVEL_WORD: Record<Level, string> = {
  ok: "normal",
  in_transition: "in transition",
  warning: "warning",
  unknown: "unknown",
  critical: "critical",
};

/** How roll-up ranks them; only ever used to pick what to paint, never to judge. */
export const LEVEL_RANK: Record<Level, number> = {
  ok: 0,
  in_transition: 1,
  warning: 2,
  unknown: 3,
  critical: 4,
};

/** The worse of two. */
export function worse(a: Level, b: Level): Level {
  return LEVEL_RANK[b] > LEVEL_RANK[a] ? b : a;
}

/** The worst of many; `ok` of none. */
export function worst(levels: Iterable<Level>): Level {
  let out: Level = "ok";
  for (const level of levels) out = worse(out, level);
  return out;
}

/** Short class names used in the style sheet. */
export const LEVEL_CLASS: Record<Level, string> = {
  ok: "",
  in_transition: "t",
  warning: "w",
  unknown: "u",
  critical: "c",
};
