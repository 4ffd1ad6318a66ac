// A queue's figures in words.
import type { Level } from "../../ipc/gen/Level";
import type { Node } from "../../ipc/gen/Node";
import { num } from "../../shared/facts";
import { clockOf, count, rate, seconds } from "../../shared/format";
import { worst } from "../../shared/levels";
import type { Loss } from "../../store/queues";

export interface Said {
  text: string;
  level: Level;
  /** Nobody needs to read it now. */
  quiet?: boolean;
  /** How it is known, on hover. */
  title?: string;
}

/** The level of the worst reason given by one of these rules. */
function byRule(queue: Node, ...rules: string[]): Level {
  return worst(queue.health.reasons.filter((r) => rules.includes(r.rule)).map((r) => r.level));
}

const UNKNOWN: Said = { text: "–", level: "ok", title: "not read" };

/** Messages that wait, and those a consumer has taken. */
export function depthOf(queue: Node, fact: "messages_visible" | "messages_not_visible"): Said {
  const n = num(queue.facts, fact);
  if (n === undefined) return UNKNOWN;
  const level = fact === "messages_visible" ? byRule(queue, "queue.not-draining", "queue.dlq-growing", "queue.dlq-not-empty") : byRule(queue, "queue.in-flight");
  return { text: count(n), level };
}

export function oldestOf(queue: Node): Said {
  const age = num(queue.facts, "oldest_age_seconds");
  if (age === undefined) return UNKNOWN;
  return { text: age <= 0 ? "" : seconds(age), level: byRule(queue, "queue.age", "queue.expiring") };
}

/** What comes and what is done. */
export function flowOf(queue: Node): Said {
  const sent = num(queue.facts, "sent_per_second");
  const deleted = num(queue.facts, "deleted_per_second");
  if (sent === undefined && deleted === undefined) return UNKNOWN;
  const say = (n: number | undefined): string => (n === undefined ? "–" : rate(n));
  return { text: `${say(sent)} → ${say(deleted)}`, level: byRule(queue, "queue.not-draining"), title: `${say(sent)} sent, ${say(deleted)} deleted` };
}

/** How long until it is empty at the present rates, or why never. */
export function drainOf(queue: Node): Said {
  const visible = num(queue.facts, "messages_visible");
  if (visible === undefined) return UNKNOWN;
  if (visible === 0) return { text: "empty", level: "ok", quiet: true };
  const drain = num(queue.facts, "time_to_drain_seconds");
  if (drain !== undefined) return { text: seconds(drain), level: "ok", title: "at the present rates" };
  const sent = num(queue.facts, "sent_per_second");
  const deleted = num(queue.facts, "deleted_per_second");
  if (sent === undefined || deleted === undefined) return UNKNOWN;
  const net = sent - deleted;
  const level = byRule(queue, "queue.not-draining");
  if (deleted === 0 && sent === 0) return { text: "no: idle", level, title: "nothing comes and nothing is done" };
  return net < 0.05 * sent ? { text: "holds level", level, quiet: level === "ok", title: "as much comes as is done" } : { text: `no: +${rate(net)}`, level, title: `${rate(net)} more come than are done` };
}

/** When the first message is gone for good. */
export function lossText(loss: Loss | undefined, now: number): Said {
  if (loss === undefined) return { text: "", level: "ok" };
  const left = (loss.at - now) / 1000;
  const level = byRule(loss.queue, "queue.expiring");
  const title = `${loss.queue.name}: kept ${seconds(num(loss.queue.facts, "retention_seconds") ?? 0)}, the oldest came ${seconds(num(loss.queue.facts, "oldest_age_seconds") ?? 0)} before it was read${loss.bound ? ". The time counts from when it was first sent, its age is known only since it was moved: it may be lost earlier" : ""}`;
  if (left <= 0) return { text: "being lost now", level, title };
  const before = loss.bound ? "≤ " : "";
  return { ...(left > 86_400 && level === "ok" ? { quiet: true } : {}), text: left < 86_400 ? `${before}${clockOf(loss.at, "utc", false)} · ${seconds(left)}` : `${before}${seconds(left)}`, level, title };
}

/** The whole dead-letter queue in one figure. */
export function deadOf(dead: Node | undefined, growth: string): Said {
  if (dead === undefined) return { text: "none", level: "ok", quiet: true, title: "no redrive policy: what fails is received again until it expires" };
  const n = num(dead.facts, "messages_visible");
  return n === undefined ? { text: "not read", level: "unknown" } : { text: `${count(n)}${growth}`, quiet: n === 0, level: n === 0 ? "ok" : dead.health.level };
}
