// The one axis of alarms, changes, actions and metrics: pure arithmetic of times, ticks and labels that do not touch.
import type { Change } from "../../ipc/gen/Change";
import type { Fact } from "../../ipc/gen/Fact";
import type { Level } from "../../ipc/gen/Level";
import type { Node } from "../../ipc/gen/Node";
import type { NodeId } from "../../ipc/gen/NodeId";
import type { Receipt } from "../../ipc/gen/Receipt";
import type { World } from "../../store/world";
import { levelOfFact } from "../../graph/cards";
import { LEVEL_RANK } from "../../shared/levels";

export interface Mark {
  at: number;
  text: string;
  node: NodeId | null;
  run: string | null;
  shape: "critical" | "warning" | "ok" | "change" | "deploy" | "done" | "act";
}

export interface PlacedMark extends Mark {
  x: number;
  /** Drawn beside the mark; empty where it would touch the next one. */
  label: string;
}

/** Minutes shown, by zoom step. */
export const SPANS = [5, 10, 20, 30, 60, 180] as const;

/** The shortest step that reaches so many milliseconds back, with a little before it; else the longest. */
export function spanFor(ms: number): number {
  const fits = SPANS.findIndex((minutes) => ms < minutes * 54_000);
  return fits < 0 ? SPANS.length - 1 : fits;
}

/** Round steps, in minutes, that give four to seven ticks. */
export function ticks(from: number, to: number): number[] {
  const span = (to - from) / 60_000;
  const step = [1, 2, 5, 10, 15, 30, 60].find((s) => span / s <= 7) ?? 120;
  const ms = step * 60_000;
  const out: number[] = [];
  for (let t = Math.ceil(from / ms) * ms; t <= to; t += ms) out.push(t);
  return out;
}

/** Places marks and keeps only the labels that have room; `perChar` is the width of a letter. */
export function placeMarks(marks: Mark[], from: number, to: number, width: number, perChar = 5.9): PlacedMark[] {
  const scale = (t: number): number => ((t - from) / (to - from)) * width;
  const shown = bunch(marks.filter((m) => m.at >= from && m.at <= to).sort((a, b) => a.at - b.at), ((to - from) / width) * 12);
  return shown.map((m, i) => {
    const x = scale(m.at);
    const next = shown[i + 1];
    const room = Math.min(width, next === undefined ? width : scale(next.at)) - x - 16;
    const fits = Math.floor(room / perChar);
    const label = fits >= m.text.length ? m.text : fits >= 8 ? `${m.text.slice(0, fits - 1)}…` : "";
    return { ...m, x, label };
  });
}

/** Marks closer together than `near` milliseconds are one; the weightiest of them speaks. */
function bunch(marks: Mark[], near: number): Mark[] {
  const out: (Mark & { of: Mark[] })[] = [];
  for (const mark of marks) {
    const last = out.at(-1);
    if (last !== undefined && mark.at - last.at < near) last.of.push(mark);
    else out.push({ ...mark, of: [mark] });
  }
  return out.map(({ of, at }) => {
    const lead = of.reduce((a, b) => (weight(b) > weight(a) ? b : a));
    return of.length === 1 ? lead : { ...lead, at, text: `${lead.text} (+${of.length - 1})` };
  });
}

function weight(mark: Mark): number {
  return (mark.run !== null ? 8 : 0) + { critical: 6, warning: 5, done: 4, act: 4, deploy: 3, change: 1, ok: 0 }[mark.shape];
}

export function alarmMarks(changes: Change[]): Mark[] {
  return changes
    .filter((c) => c.kind === "alarm")
    .map((c) => ({ at: Date.parse(c.at), text: c.sentence, node: c.node, run: null, shape: /→ ?OK|to OK|recovered/i.test(c.sentence) ? "ok" : /INSUFFICIENT/i.test(c.sentence) ? "warning" : "critical" }));
}

export function changeMarks(changes: Change[]): Mark[] {
  return changes
    .filter((c) => c.kind === "deploy" || c.kind === "scale" || c.kind === "event")
    .map((c) => ({ at: Date.parse(c.at), text: c.sentence, node: c.node, run: null, shape: c.kind === "event" ? "change" : "deploy" }));
}

export function actionMarks(changes: Change[], runs: Receipt[]): Mark[] {
  const own: Mark[] = runs.map((r) => ({
    at: Date.parse(r.pressed_at),
    text: `${r.action} ${r.plan.name}${r.verdict === undefined ? "" : `, ${r.verdict}`}`,
    node: r.node,
    run: r.run,
    shape: r.verdict === "verified" ? "done" : "act",
  }));
  const others: Mark[] = changes
    .filter((c) => c.kind === "action")
    .map((c) => ({ at: Date.parse(c.at), text: c.sentence, node: c.node, run: null, shape: "act" }));
  return [...own, ...others];
}

export interface Metric {
  node: Node;
  fact: Fact;
  start: number;
  step: number;
  values: (number | null)[];
  level: Level;
}

/** Which figures matter most when something is wrong, and which stand for the path when nothing is. */
const WEIGHT: Partial<Record<Fact, number>> = {
  target_5xx_percent: 9,
  error_5xx_percent: 7,
  errors_percent: 8,
  replica_lag_ms: 8,
  messages_visible: 6,
  commit_latency_ms: 6,
  latency_p99_ms: 5,
  requests_per_second: 4,
  cpu_percent: 2,
};

/** Up to three series, one per fact: those of causes and abnormal nodes first, at most one of each figure. */
export function pickMetrics(world: World, region: string | null, most = 3): Metric[] {
  const causes = new Set(world.causes.flatMap((c) => [...c.targets, ...c.signals.map((s) => s.node)]));
  const found: { metric: Metric; weight: number }[] = [];
  for (const node of world.nodes.values()) {
    if (node.series === undefined || node.kind === "pod") continue;
    const r = node.scope.region;
    if (region !== null && r !== undefined && r !== "global" && r !== region) continue;
    for (const s of node.series) {
      if (s.values.filter((v) => v !== null).length < 3) continue;
      const level = levelOfFact(node, s.fact);
      // What is not known is no worse for it: its line says nothing about now.
      const ill = node.health.level === "warning" || node.health.level === "critical";
      const dead = node.facts.is_dead_letter_queue === true;
      const weight =
        (WEIGHT[s.fact] ?? 1) + LEVEL_RANK[level] * 20 + (ill ? LEVEL_RANK[node.health.level] * 3 : 0) + (causes.has(node.id) ? 15 : 0) + (dead ? (ill ? 12 : -4) : 0);
      found.push({ metric: { node, fact: s.fact, start: Date.parse(s.start), step: s.step_seconds * 1000, values: s.values, level }, weight });
    }
  }
  found.sort((a, b) => b.weight - a.weight || (a.metric.node.id < b.metric.node.id ? -1 : 1));
  const out: Metric[] = [];
  for (const { metric } of found) {
    if (out.length === most) break;
    if (out.some((m) => m.fact === metric.fact && !(m.level !== "ok" && metric.level !== "ok"))) continue;
    if (out.filter((m) => m.fact === metric.fact).length > 1) continue;
    out.push(metric);
  }
  return out;
}

/** Line and area of a series inside a box whose left edge is `from`. */
export function metricPath(metric: Metric, from: number, to: number, width: number, height: number): { line: string; area: string; peak: { x: number; y: number; value: number } | null } {
  const points: { x: number; y: number; value: number }[] = [];
  const known = metric.values.filter((v): v is number => v !== null);
  const high = Math.max(...known, 1e-9);
  let line = "";
  let open = false;
  metric.values.forEach((v, i) => {
    const t = metric.start + i * metric.step;
    if (v === null || t < from - metric.step || t > to) {
      open = false;
      return;
    }
    const x = Math.max(0, ((t - from) / (to - from)) * width);
    const y = height - 1 - (v / high) * (height - 4);
    points.push({ x, y, value: v });
    line += `${open ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
    open = true;
  });
  const first = points[0];
  const last = points.at(-1);
  const area = first === undefined || last === undefined ? "" : `${line}L${last.x.toFixed(1)} ${height}L${first.x.toFixed(1)} ${height}z`;
  // A flat line has no peak, least of all one at nothing.
  const shown = points.map((p) => p.value);
  const top = Math.max(...shown);
  const flat = top <= 0 || Math.min(...shown) > top * 0.8;
  const peak = flat ? null : points.reduce<{ x: number; y: number; value: number } | null>((p, q) => (p === null || q.value > p.value ? q : p), null);
  return { line, area: line.lastIndexOf("M") > 0 ? "" : area, peak };
}
