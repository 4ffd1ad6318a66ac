// What a card says: title, one figure, a few rows. Figures come from facts as they are; a row is marked when a
// reason of the node speaks about it. Nothing is judged here.
import type { Fact } from "../ipc/gen/Fact";
import type { Facts } from "../ipc/gen/Facts";
import type { Kind } from "../ipc/gen/Kind";
import type { Level } from "../ipc/gen/Level";
import type { Node } from "../ipc/gen/Node";
import type { NodeId } from "../ipc/gen/NodeId";
import { factText, flag, num, text, valueOf } from "../shared/facts";
import { count, percent, rate, seconds } from "../shared/format";
import { LEVEL_RANK, worse } from "../shared/levels";

export type ColumnId = "route53" | "edge" | "alb" | "eks" | "data" | "sqs" | "lambda";

export const COLUMNS: readonly ColumnId[] = ["route53", "edge", "alb", "eks", "data", "sqs", "lambda"];

export interface Row {
  label: string;
  value: string;
  level?: Level;
  /** Pressing the row opens this node instead of the card's. */
  node?: NodeId;
}

export interface Card {
  key: string;
  column: ColumnId;
  /** Availability zone of the lane it sits in; null when the tier has no lanes. */
  lane: string | null;
  /** What opening the card shows. */
  node: NodeId;
  /** Other nodes drawn on this card. */
  parts: NodeId[];
  kind: Kind;
  title: string;
  /** What of the title is drawn where all titles of the column begin alike. */
  short?: string;
  badge?: { text: string; strong: boolean };
  level: Level;
  /** Suffers from a cause that is named elsewhere. */
  consequence: boolean;
  ghost: boolean;
  /** Data too old to be believed, in words. */
  stale?: { since: string; state: "stale" | "failed" | "pending" };
  big?: { value: string; level: Level };
  spark?: (number | null)[];
  /** Healthy, unhealthy and other targets, drawn as ticks. */
  cells?: { good: number; bad: number; other: number };
  rows: Row[];
  note?: { value: string; level: Level };
  /** Key of the card it wants to sit beside in the column before. */
  beside?: string;
  /** The group it belongs to, drawn once above the first card of it. */
  group?: { node: NodeId; title: string; level: Level };
}

/** What people call a node: a distribution by its first alias, a mapping by its two ends, everything else by its own name. */
export function nodeTitle(node: Node): string {
  if (node.kind === "mapping") {
    const from = text(node.facts, "event_source")?.split(":").at(-1);
    const to = text(node.facts, "function_name")?.split(":").at(-1);
    return from === undefined || to === undefined ? node.name : `${from} → ${to}`;
  }
  if (node.kind !== "distribution") return node.name;
  return text(node.facts, "aliases")?.split(",")[0]?.trim() || node.name;
}

/** The level of the worst reason that speaks about `about`. */
export function spokenOf(node: Node, about: RegExp): Level {
  let level: Level = "ok";
  for (const reason of node.health.reasons) {
    if (about.test(reason.rule) || about.test(reason.sentence)) level = worse(level, reason.level);
  }
  return level;
}

/** Which reasons speak about a figure. */
const ABOUT: Partial<Record<Fact, RegExp>> = {
  target_5xx_percent: /5xx/i,
  error_5xx_percent: /5xx/i,
  errors_percent: /error|fail/i,
  replica_lag_ms: /lag|behind/i,
  commit_latency_ms: /commit/i,
  messages_visible: /message|depth|backlog|dlq|old/i,
  latency_p99_ms: /latency|slow|p99/i,
  cpu_percent: /cpu/i,
};

/** The level of what is said about a figure of the node. */
export function levelOfFact(node: Node, fact: Fact): Level {
  const about = ABOUT[fact];
  return about === undefined ? "ok" : spokenOf(node, about);
}

/** A row of one fact; none when the fact is not known. */
function row(node: Node, label: string, fact: Fact, about: RegExp, facts: Facts = node.facts): Row[] {
  const value = valueOf(facts, fact);
  if (value === undefined) return [];
  return [{ label, value: factText(fact, value), level: spokenOf(node, about) }];
}

export function seriesOf(node: Node, fact: Fact): (number | null)[] | undefined {
  return node.series?.find((s) => s.fact === fact)?.values;
}

function spark(node: Node, fact: Fact): { spark?: (number | null)[] } {
  const values = seriesOf(node, fact);
  return values !== undefined && values.filter((v) => v !== null).length > 2 ? { spark: values } : {};
}

type Face = Pick<Card, "rows"> & Partial<Pick<Card, "big" | "spark" | "cells" | "note" | "badge">>;

/** The face of a distribution. */
export function distributionFace(node: Node): Face {
  return {
    rows: [
      ...row(node, "requests", "requests_per_second", /surge|request rate/i),
      ...row(node, "5xx", "error_5xx_percent", /5xx/i),
      ...row(node, "4xx", "error_4xx_percent", /4xx/i),
      ...row(node, "origin", "origin_latency_ms", /origin latency|slow/i),
      ...row(node, "hits", "cache_hit_percent", /cache|hit/i),
    ],
    ...spark(node, "requests_per_second"),
  };
}

export function bucketFace(node: Node): Face {
  if (node.standing === "declared") return { rows: [{ label: "not read", value: "" }] };
  return { rows: row(node, "status", "status", /./) };
}

export function webAclFace(node: Node): Face {
  return { rows: [...row(node, "requests", "requests_per_second", /request/i), ...row(node, "status", "status", /./)] };
}

/** One balancer in one zone (or everywhere, when `zone` is null), with its target groups' targets there. */
export function balancerFace(node: Node, groups: Node[], zone: string | null, zones: readonly string[]): Face {
  const facts: Facts = zone === null ? node.facts : (node.zones?.[zone] ?? {});
  const total = zone === null ? undefined : Object.values(node.zones ?? {}).reduce((s, f) => s + (num(f, "requests_per_second") ?? 0), 0);
  const rows: Row[] = [];
  let good = 0;
  let bad = 0;
  let other = 0;
  let level: Level = "ok";
  let known = false;
  for (const group of groups) {
    const f: Facts = zone === null ? group.facts : (group.zones?.[zone] ?? {});
    const h = num(f, "targets_healthy");
    const u = num(f, "targets_unhealthy");
    if (h === undefined && u === undefined) continue;
    known = true;
    good += h ?? 0;
    bad += u ?? 0;
    other += (num(f, "targets_draining") ?? 0) + (num(f, "targets_initial") ?? 0) + (num(f, "targets_unused") ?? 0);
    if ((u ?? 0) > 0) level = worse(level, group.health.level);
  }
  if (known) rows.push({ label: "targets", value: `${count(good)} / ${count(good + bad + other)}`, level: bad > 0 ? level : "ok" });
  const rps = num(facts, "requests_per_second");
  if (rps !== undefined) {
    const share = total !== undefined && total > 0 ? ` · ${percent(Math.round((rps / total) * 100))}` : "";
    rows.push({ label: "req/s", value: `${count(rps, true)}${share}` });
  }
  const told = (label: string, fact: Fact, about: RegExp): Row[] => {
    const value = valueOf(facts, fact);
    if (value === undefined) return [];
    return [{ label, value: factText(fact, value), level: zone === null ? spokenOf(node, about) : zoneLevel(node, zone, zones, about) }];
  };
  rows.push(...told("5xx", "target_5xx_percent", /5xx|errors/i));
  rows.push(...told("5xx ELB", "elb_5xx_percent", /elb|5xx|errors/i).filter((r) => r.value !== "0%"));
  rows.push(...told("p99", "latency_p99_ms", /latency|slow|p99/i));
  rows.push(...told("p50", "latency_p50_ms", /p50/i));
  return { rows, ...(known ? { cells: { good, bad, other } } : {}) };
}

/**
 * A node's level as far as one zone is concerned: reasons that name a zone count there only; reasons that name none
 * count where the others point, and everywhere when none points anywhere.
 */
export function zoneLevel(node: Node, zone: string, zones: readonly string[], about?: RegExp): Level {
  const told = node.health.reasons.map((reason) => {
    const words = [reason.sentence, ...reason.evidence.map((e) => e.text)].join(" ");
    return { reason, named: zones.filter((z) => words.includes(z)) };
  });
  const pointed = new Set(told.flatMap((t) => t.named));
  let level: Level = "ok";
  for (const { reason, named } of told) {
    if (about !== undefined && !about.test(reason.rule) && !about.test(reason.sentence)) continue;
    const where = named.length > 0 ? named : pointed.size > 0 ? [...pointed] : zones;
    if (where.includes(zone)) level = worse(level, reason.level);
  }
  return level;
}

export function instanceFace(node: Node): Face {
  const role = text(node.facts, "role");
  const lag = row(node, "lag", "replica_lag_ms", /lag/i);
  const commit = row(node, "commit", "commit_latency_ms", /commit/i);
  return {
    ...(role !== undefined ? { badge: { text: role, strong: role === "writer" } } : {}),
    rows: [
      ...(role === "writer" ? commit : lag),
      ...row(node, "cpu", "cpu_percent", /cpu/i),
      ...row(node, "conn", "connections", /connection/i),
      ...statusRow(node, "available"),
    ],
  };
}

function statusRow(node: Node, usual: string): Row[] {
  const status = text(node.facts, "status");
  return status === undefined || status === usual ? [] : [{ label: "status", value: status, level: node.health.level }];
}

/** A queue with its dead-letter queue beneath. */
export function queueFace(node: Node, dead: Node | undefined): Face {
  const visible = num(node.facts, "messages_visible");
  const drain = num(node.facts, "time_to_drain_seconds");
  const rows: Row[] = [
    ...row(node, "oldest", "oldest_age_seconds", /old|age/i),
    ...(drain !== undefined && drain > 0 ? [{ label: "drains in", value: seconds(drain) }] : row(node, "in flight", "messages_not_visible", /flight/i)),
  ];
  if (dead !== undefined) rows.push(deadRow(dead));
  return {
    ...(visible !== undefined ? { big: { value: count(visible), level: spokenOf(node, /draining|depth|backlog/i) } } : {}),
    ...spark(node, "messages_visible"),
    rows,
  };
}

function deadRow(dead: Node): Row {
  const visible = num(dead.facts, "messages_visible");
  return {
    label: "DLQ",
    value: visible === undefined ? "not read" : `${count(visible)}${growth(dead)}`,
    level: dead.health.level,
    node: dead.id,
  };
}

/** ` · +96/min` from the recorded depth of the last minutes; empty when it does not grow. */
export function growth(node: Node): string {
  const series = node.series?.find((s) => s.fact === "messages_visible");
  if (series === undefined || series.step_seconds <= 0) return "";
  const span = Math.min(5, series.values.length - 1);
  const last = series.values.at(-1);
  const before = series.values.at(-1 - span);
  if (span < 1 || typeof last !== "number" || typeof before !== "number") return "";
  const perMinute = ((last - before) / (span * series.step_seconds)) * 60;
  return perMinute >= 1 ? ` · +${count(Math.round(perMinute))}/min` : "";
}

export function functionFace(node: Node, mapping: Node | undefined): Face {
  const conc = num(node.facts, "concurrent_executions");
  const limit = num(node.facts, "reserved_concurrency");
  const rows = [...row(node, "errors", "errors_percent", /error|fail/i)];
  if (conc !== undefined) {
    rows.push({
      label: "conc.",
      value: limit === undefined ? count(Math.round(conc)) : `${count(Math.round(conc))}/${count(limit)}`,
      level: spokenOf(node, /concurren|throttl/i),
    });
  }
  rows.push(...row(node, "p95", "duration_p95_ms", /duration|slow|timeout/i));
  const throttles = num(node.facts, "throttles_per_second");
  if (throttles !== undefined && throttles > 0) {
    rows.push({ label: "throttled", value: rate(throttles), level: spokenOf(node, /throttl/i) });
  }
  const word = mapping === undefined ? undefined : text(mapping.facts, "state_word");
  if (mapping !== undefined && word !== undefined && word !== "Enabled") {
    rows.push({ label: "mapping", value: word.toLowerCase(), level: mapping.health.level, node: mapping.id });
  }
  return { rows };
}

/**
 * One branch of a record set: how it is chosen, and whether it is served now. `end` is what it answers with, `sum`
 * the sum of the set's weights (the share Route 53 documents is weight / sum).
 */
export function recordRow(node: Node, end: string | undefined, sum: number): Row {
  const routing = text(node.facts, "routing") ?? "simple";
  const label = text(node.facts, "set_identifier") ?? text(node.facts, "latency_region") ?? end ?? text(node.facts, "alias_target") ?? text(node.facts, "record_type") ?? "answer";
  if (routing === "simple") {
    const kind = flag(node.facts, "alias") === true ? "alias" : (text(node.facts, "record_type") ?? "answer");
    return { label: kind, value: end ?? text(node.facts, "alias_target") ?? text(node.facts, "values") ?? "", level: node.health.level, node: node.id };
  }
  const weight = num(node.facts, "weight");
  const how = routing === "weighted" && weight !== undefined && sum > 0 ? percent(Math.round((weight / sum) * 100)) : (text(node.facts, "failover")?.toLowerCase() ?? routing);
  return {
    label,
    value: flag(node.facts, "serving") === false ? `${how} · not served` : how,
    level: node.health.level,
    node: node.id,
  };
}

/** Worst first, for cards that carry several nodes. */
export function worstNode(nodes: Node[]): Node | undefined {
  return nodes.reduce<Node | undefined>(
    (worst, node) => (worst === undefined || LEVEL_RANK[node.health.level] > LEVEL_RANK[worst.health.level] ? node : worst),
    undefined,
  );
}

