// When an open loop is to be closed, in words.
import type { Level } from "../../ipc/gen/Level";
import type { LoopState } from "../../ipc/gen/LoopState";
import type { OpenLoop } from "../../ipc/gen/OpenLoop";
import { clockOf, seconds } from "../../shared/format";

export const LOOP_LEVEL: Record<LoopState, Level> = { expired: "critical", unseen: "unknown", open: "in_transition" };
export const LOOP_WORD: Record<LoopState, string> = { expired: "past its time", unseen: "not read lately", open: "open" };

/** `until 03:20 UTC, 12 m left`, `was to be closed at 03:20 UTC, 4 m ago`. */
export function dueText(loop: OpenLoop, now: number): string {
  const t = loop.until === undefined ? Number.NaN : Date.parse(loop.until);
  if (!Number.isFinite(t)) return "no time was set";
  const left = (t - now) / 1000;
  const at = `${clockOf(t, "utc", false)} UTC`;
  return left >= 0 ? `until ${at}, ${seconds(left)} left` : `was to be closed at ${at}, ${seconds(-left)} ago`;
}
