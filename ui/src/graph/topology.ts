// The view of one region: which cards there are, in which tier and lane, what they say, and which pipes join
// them. Read from the world, drawn by the board; sizes and places are `layout.ts`.
import type { Edge } from "../ipc/gen/Edge";
import type { Kind } from "../ipc/gen/Kind";
import type { Level } from "../ipc/gen/Level";
import type { Node } from "../ipc/gen/Node";
import type { NodeId } from "../ipc/gen/NodeId";
import type { Service } from "../ipc/gen/Service";
import { flag, num, text } from "../shared/facts";
import { count, percent, plural } from "../shared/format";
import { worse, worst } from "../shared/levels";
import type { World } from "../store/world";
import * as face from "./cards";
import { COLUMNS, type Card, type ColumnId } from "./cards";

/** A column's heading. */
export interface Heading {
  column: ColumnId;
  title: string;
  node?: NodeId;
  parts: { text: string; level: Level }[];
}

export interface PodCounts {
  total: number;
  ready: number;
  pending: number;
  notReady: number;
  failed: number;
  unknown: number;
  unplaced: number;
}

export interface Lane {
  zone: string;
  level: Level;
  /** Ready and all Kubernetes nodes in the zone. */
  nodes: { ready: number; all: number; level: Level };
  /** Worst workloads here, for the line under the pods. */
  worst: { node: NodeId; text: string; level: Level }[];
  cause?: string;
}

export interface Pipe {
  from: string;
  to: string;
  level: Level;
  /** Requests or messages per second, for the width; 0 when not known. */
  traffic: number;
}

export interface RegionSummary {
  region: string;
  level: Level;
  ticks: { column: ColumnId; level: Level }[];
  abnormal: number;
}

export interface Topology {
  region: string;
  regions: RegionSummary[];
  headings: Heading[];
  cards: Card[];
  lanes: Lane[];
  pods: PodCounts;
  pipes: Pipe[];
}

const COLUMN_OF: Record<Kind, ColumnId> = {
  zone: "route53",
  record: "route53",
  healthcheck: "route53",
  distribution: "edge",
  webacl: "edge",
  bucket: "edge",
  loadbalancer: "alb",
  targetgroup: "alb",
  cluster: "eks",
  nodegroup: "eks",
  node: "eks",
  namespace: "eks",
  deployment: "eks",
  replicaset: "eks",
  statefulset: "eks",
  pod: "eks",
  hpa: "eks",
  scaledobject: "eks",
  service: "eks",
  ingress: "eks",
  dbglobal: "data",
  dbcluster: "data",
  dbinstance: "data",
  cachegroup: "data",
  cachenode: "data",
  queue: "sqs",
  function: "lambda",
  mapping: "lambda",
  alarm: "sqs",
};

/** The tier a kind belongs to. */
export function columnOf(kind: Kind): ColumnId {
  return COLUMN_OF[kind] ?? "eks";
}

const GLOBAL: ReadonlySet<ColumnId> = new Set<ColumnId>(["route53", "edge"]);

/** Regions that have anything, in order of name, the busiest first when nothing else is asked. */
export function regionsOf(world: World): string[] {
  const regions = new Set<string>();
  for (const node of world.nodes.values()) {
    if (node.kind === "pod" || node.kind === "record") continue;
    const region = node.scope.region;
    if (region !== undefined && region !== "global") regions.add(region);
  }
  return [...regions].sort();
}

interface Group {
  byKind: Map<Kind, Node[]>;
  all: Node[];
}

/** The topology of `region`. */
export function topology(world: World, region: string, regions: string[] = regionsOf(world)): Topology {
  const group = gather(world, region);
  const zones = zonesOf(group);
  const suffering = consequencesOf(world);
  const ctx: Context = { world, region, zones, suffering, of: (kind) => group.byKind.get(kind) ?? [] };
  const pods = countPods(ctx.of("pod"), zones);
  const lanes = lanesOf(ctx);
  const cards = [...recordCards(ctx), ...edgeCards(ctx), ...balancerCards(ctx), ...dataCards(ctx), ...queueCards(ctx), ...functionCards(ctx)];
  for (const card of cards) markStale(ctx.world, card);
  shorten(cards);
  return {
    region,
    regions: regions.map((r) => summary(world, r)),
    headings: headingsOf(ctx, pods),
    cards,
    lanes,
    pods,
    pipes: pipesOf(ctx, cards),
  };
}

interface Context {
  world: World;
  region: string;
  zones: string[];
  suffering: Set<NodeId>;
  of(kind: Kind): Node[];
}

function gather(world: World, region: string): Group {
  const byKind = new Map<Kind, Node[]>();
  const all: Node[] = [];
  for (const node of world.nodes.values()) {
    const r = node.scope.region;
    if (r !== undefined && r !== region && r !== "global" && !GLOBAL.has(columnOf(node.kind))) continue;
    all.push(node);
    const list = byKind.get(node.kind);
    if (list === undefined) byKind.set(node.kind, [node]);
    else list.push(node);
  }
  for (const list of byKind.values()) if (list[0]?.kind !== "pod") list.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.id < b.id ? -1 : 1));
  return { byKind, all };
}

function zonesOf(group: Group): string[] {
  const zones = new Set<string>();
  for (const kind of ["node", "dbinstance", "cachenode"] as const) {
    for (const node of group.byKind.get(kind) ?? []) if (node.scope.az !== undefined) zones.add(node.scope.az);
  }
  for (const kind of ["loadbalancer", "targetgroup"] as const) {
    for (const node of group.byKind.get(kind) ?? []) for (const zone of Object.keys(node.zones ?? {})) zones.add(zone);
  }
  return [...zones].sort();
}

function consequencesOf(world: World): Set<NodeId> {
  const out = new Set<NodeId>();
  for (const cause of world.causes) for (const id of cause.consequences) out.add(id);
  for (const cause of world.causes) for (const id of cause.targets) out.delete(id);
  return out;
}

export function podState(node: Node): keyof Omit<PodCounts, "total" | "unplaced"> | "done" {
  const phase = text(node.facts, "phase");
  if (phase === "Succeeded") return "done";
  switch (node.health.level) {
    case "critical":
      return "failed";
    case "unknown":
      return "unknown";
    case "in_transition":
      return "pending";
    case "warning":
      return phase === "Pending" ? "pending" : "notReady";
    case "ok":
      return flag(node.facts, "ready") === false ? (phase === "Pending" ? "pending" : "notReady") : "ready";
  }
}

function countPods(pods: Node[], zones: string[]): PodCounts {
  const out: PodCounts = { total: 0, ready: 0, pending: 0, notReady: 0, failed: 0, unknown: 0, unplaced: 0 };
  for (const pod of pods) {
    const is = podState(pod);
    if (is === "done") continue;
    out.total += 1;
    out[is] += 1;
    if (pod.scope.az === undefined || !zones.includes(pod.scope.az)) out.unplaced += 1;
  }
  return out;
}

/** The zone a cause is about: its sentence names it, or all its targets are in it. */
function zoneOfCause(world: World, cause: World["causes"][number], zones: string[]): string | undefined {
  if (!/az|zone/i.test(cause.rule)) return undefined;
  const named = zones.filter((zone) => cause.sentence.includes(zone));
  if (named.length === 1) return named[0];
  const inZones = new Set(cause.targets.map((id) => world.nodes.get(id)?.scope.az));
  const only = inZones.size === 1 ? [...inZones][0] : undefined;
  return only !== undefined && zones.includes(only) ? only : undefined;
}

function lanesOf(ctx: Context): Lane[] {
  const causes = ctx.world.causes.map((cause) => ({ cause, zone: zoneOfCause(ctx.world, cause, ctx.zones) }));
  const troubled = troubledWorkloads(ctx);
  return ctx.zones.map((zone) => {
    const nodes = ctx.of("node").filter((n) => n.scope.az === zone);
    const mine = causes.filter((c) => c.zone === zone);
    const lane: Lane = {
      zone,
      level: worst(mine.map((c) => c.cause.level)),
      nodes: {
        all: nodes.length,
        ready: nodes.filter((n) => flag(n.facts, "ready") !== false).length,
        level: worst(nodes.map((n) => n.health.level)),
      },
      worst: troubled.get(zone) ?? [],
    };
    const sentence = mine[0]?.cause.sentence;
    if (sentence !== undefined) lane.cause = sentence;
    return lane;
  });
}

/** Per zone, the workloads with pods that are not well there, worst first. */
function troubledWorkloads(ctx: Context): Map<string, Lane["worst"]> {
  const tally = new Map<string, Map<string, { failed: number; notReady: number; node: Node }>>();
  for (const pod of ctx.of("pod")) {
    const zone = pod.scope.az;
    const is = podState(pod);
    if (zone === undefined || (is !== "failed" && is !== "notReady")) continue;
    const key = text(pod.facts, "workload") ?? pod.name;
    const per = tally.get(zone) ?? new Map<string, { failed: number; notReady: number; node: Node }>();
    tally.set(zone, per);
    const entry = per.get(key) ?? { failed: 0, notReady: 0, node: workloadOf(ctx, pod) ?? pod };
    entry[is] += 1;
    per.set(key, entry);
  }
  const out = new Map<string, Lane["worst"]>();
  for (const [zone, per] of tally) {
    const list = [...per].map(([key, e]) => ({
      node: e.node.id,
      text: `${key.split("/").at(-1) ?? key} ${e.failed > 0 ? `${count(e.failed)} failed` : `${count(e.notReady)} not ready`}`,
      level: (e.failed > 0 ? "critical" : "warning") as Level,
      weight: e.failed * 1000 + e.notReady,
    }));
    out.set(zone, list.sort((a, b) => b.weight - a.weight));
  }
  return out;
}

/** The deployment or stateful set a pod belongs to. */
export function workloadOf(ctx: { world: World }, pod: Node): Node | undefined {
  const name = text(pod.facts, "workload")?.split("/").at(-1);
  const kind = text(pod.facts, "workload_kind")?.toLowerCase();
  if (name === undefined || kind === undefined) return undefined;
  return ctx.world.nodes.get(pod.id.replace(/^pod\//, `${kind}/`).replace(/[^/]*$/, name));
}

function base(ctx: Context, node: Node, column: ColumnId, lane: string | null): Omit<Card, "rows"> {
  return {
    key: lane === null || node.scope.az !== undefined ? node.id : `${node.id}@${lane}`,
    column,
    lane,
    node: node.id,
    parts: [],
    kind: node.kind,
    title: node.name,
    level: node.health.level,
    consequence: ctx.suffering.has(node.id),
    ghost: node.standing === "ghost",
  };
}

/** One card per DNS name, one row per branch. */
function recordCards(ctx: Context): Card[] {
  const names = new Map<string, Node[]>();
  for (const record of ctx.of("record")) {
    const name = record.name.replace(/\.$/, "");
    const list = names.get(name);
    if (list === undefined) names.set(name, [record]);
    else list.push(record);
  }
  const cards: Card[] = [];
  // With one zone its name is in the heading: the cards say what comes before it.
  const zones = ctx.of("zone");
  const apex = zones.length === 1 ? zones[0]?.name.replace(/\.$/, "") : undefined;
  for (const [name, records] of names) {
    const lead = face.worstNode(records);
    if (lead === undefined) continue;
    const twins = records.some((r) => text(r.facts, "record_type") === "A") && records.some((r) => text(r.facts, "record_type") === "AAAA");
    const shown = twins ? records.filter((r) => text(r.facts, "record_type") !== "AAAA" || r.health.level !== "ok") : records;
    cards.push({
      ...base(ctx, lead, "route53", null),
      key: `record:${name}`,
      title: name,
      ...(apex !== undefined && name.endsWith(`.${apex}`) ? { short: name.slice(0, -apex.length - 1) } : {}),
      level: worst(records.map((r) => r.health.level)),
      parts: records.map((r) => r.id),
      rows: shown.map((r) => face.recordRow(r, answerOf(ctx, r), weightSum(records, r))),
    });
  }
  const checks = ctx.of("healthcheck");
  const lead = face.worstNode(checks);
  if (lead !== undefined) {
    const known = checks.filter((c) => num(c.facts, "check_status") !== undefined);
    const good = known.filter((c) => num(c.facts, "check_status") === 1).length;
    const bad = checks.filter((c) => c.health.level !== "ok");
    cards.push({
      ...base(ctx, lead, "route53", null),
      key: "healthchecks",
      title: "Health checks",
      level: worst(checks.map((c) => c.health.level)),
      parts: checks.map((c) => c.id),
      rows: [
        { label: "healthy", value: known.length === 0 ? "not read" : `${count(good)} / ${count(known.length)}`, level: worst(checks.map((c) => c.health.level)) },
        ...bad.slice(0, 2).map((c) => ({ label: c.name, value: text(c.facts, "status") ?? "", level: c.health.level, node: c.id })),
      ],
    });
  }
  return cards;
}

const ANSWER: Partial<Record<Kind, string>> = { distribution: "CloudFront", loadbalancer: "ALB", bucket: "S3" };

/** What a record answers with, in a word. */
function answerOf(ctx: Context, record: Node): string | undefined {
  for (const edge of ctx.world.out.get(record.id) ?? []) {
    const end = edge.relation === "routes-to" ? ctx.world.nodes.get(edge.to) : undefined;
    if (end !== undefined) return ANSWER[end.kind] ?? end.name;
  }
  return undefined;
}

function weightSum(records: Node[], of: Node): number {
  return records.filter((r) => r.facts.record_type === of.facts.record_type).reduce((sum, r) => sum + (num(r.facts, "weight") ?? 0), 0);
}

function edgeCards(ctx: Context): Card[] {
  return [
    ...ctx.of("webacl").map((n): Card => ({ ...base(ctx, n, "edge", null), ...face.webAclFace(n) })),
    ...ctx.of("distribution").map((n): Card => {
      const alias = text(n.facts, "aliases")?.split(",")[0]?.trim();
      return { ...base(ctx, n, "edge", null), title: alias ?? n.name, ...face.distributionFace(n) };
    }),
    ...ctx.of("bucket").map((n): Card => ({ ...base(ctx, n, "edge", null), ...face.bucketFace(n) })),
  ];
}

function balancerCards(ctx: Context): Card[] {
  const cards: Card[] = [];
  for (const lb of ctx.of("loadbalancer")) {
    const groups = targets(ctx, lb.id, "forwards", "targetgroup");
    const zoned = ctx.zones.filter((z) => lb.zones?.[z] !== undefined || groups.some((g) => g.zones?.[z] !== undefined));
    const parts = groups.map((g) => g.id);
    if (zoned.length === 0) {
      cards.push({ ...base(ctx, lb, "alb", null), parts, ...face.balancerFace(lb, groups, null, ctx.zones), level: worst([lb, ...groups].map((n) => n.health.level)) });
      continue;
    }
    for (const zone of zoned) {
      const level = worst([lb, ...groups].map((n) => face.zoneLevel(n, zone, ctx.zones)));
      cards.push({ ...base(ctx, lb, "alb", zone), parts, ...face.balancerFace(lb, groups, zone, ctx.zones), level });
    }
  }
  return cards;
}

function targets(ctx: Context, from: NodeId, relation: Edge["relation"], kind: Kind): Node[] {
  const out: Node[] = [];
  for (const edge of ctx.world.out.get(from) ?? []) {
    const node = edge.relation === relation ? ctx.world.nodes.get(edge.to) : undefined;
    if (node?.kind === kind) out.push(node);
  }
  return out.sort((a, b) => (a.id < b.id ? -1 : 1));
}

function owners(ctx: Context, of: NodeId, kind: Kind): Node | undefined {
  for (const edge of ctx.world.into.get(of) ?? []) {
    const node = edge.relation === "owns" ? ctx.world.nodes.get(edge.from) : undefined;
    if (node?.kind === kind) return node;
  }
  return undefined;
}

function dataCards(ctx: Context): Card[] {
  const cards: Card[] = [];
  for (const [kind, parent] of [["dbinstance", "dbcluster"], ["cachenode", "cachegroup"]] as const) {
    for (const node of ctx.of(kind)) {
      const group = owners(ctx, node.id, parent);
      const lane = node.scope.az !== undefined && ctx.zones.includes(node.scope.az) ? node.scope.az : null;
      const card: Card = { ...base(ctx, node, "data", lane), ...face.instanceFace(node) };
      if (group !== undefined) card.group = { node: group.id, title: group.name, level: group.health.level };
      cards.push(card);
    }
  }
  // A cluster that no instance stands for is still a thing.
  for (const node of [...ctx.of("dbcluster"), ...ctx.of("cachegroup")]) {
    if (!cards.some((c) => c.group?.node === node.id)) cards.push({ ...base(ctx, node, "data", null), rows: clusterRows(node) });
  }
  return cards;
}

function clusterRows(node: Node): Card["rows"] {
  const status = text(node.facts, "status");
  return status === undefined ? [] : [{ label: "status", value: status, level: node.health.level }];
}

function queueCards(ctx: Context): Card[] {
  const queues = ctx.of("queue");
  const deadOf = new Map<NodeId, Node>();
  for (const queue of queues) {
    const dead = targets(ctx, queue.id, "dead-letters", "queue")[0];
    if (dead !== undefined) deadOf.set(queue.id, dead);
  }
  const dead = new Set([...deadOf.values()].map((n) => n.id));
  const cards: Card[] = [];
  for (const queue of queues) {
    if (dead.has(queue.id) && !deadOf.has(queue.id)) continue;
    const dlq = deadOf.get(queue.id);
    cards.push({
      ...base(ctx, queue, "sqs", null),
      ...face.queueFace(queue, dlq),
      level: worse(queue.health.level, dlq?.health.level ?? "ok"),
      parts: dlq === undefined ? [] : [dlq.id],
    });
  }
  return cards;
}

/** Functions, those that read from a queue in the order of the queues. */
function functionCards(ctx: Context): Card[] {
  const queues = ctx.of("queue").map((q) => q.id);
  const rank = (node: Node): number => {
    const at = queues.indexOf(consumedQueue(ctx, node) ?? "");
    return at < 0 ? queues.length : at;
  };
  return ctx
    .of("function")
    .map((node) => ({ node, rank: rank(node) }))
    .sort((a, b) => a.rank - b.rank || (a.node.name < b.node.name ? -1 : 1))
    .map(({ node }) => {
      const mapping = mappingOf(ctx, node);
      const queue = consumedQueue(ctx, node);
      return {
        ...base(ctx, node, "lambda", null),
        ...face.functionFace(node, mapping),
        level: worse(node.health.level, mapping?.health.level ?? "ok"),
        parts: mapping === undefined ? [] : [mapping.id],
        ...(queue === undefined ? {} : { beside: queue }),
      };
    });
}

function mappingOf(ctx: Context, fn: Node): Node | undefined {
  for (const edge of ctx.world.into.get(fn.id) ?? []) {
    const node = ctx.world.nodes.get(edge.from);
    if (node?.kind === "mapping") return node;
  }
  return undefined;
}

function consumedQueue(ctx: Context, fn: Node): NodeId | undefined {
  for (const edge of ctx.world.into.get(fn.id) ?? []) {
    const from = ctx.world.nodes.get(edge.from);
    if (from?.kind === "queue") return from.id;
    if (from?.kind === "mapping") {
      for (const up of ctx.world.into.get(from.id) ?? []) if (ctx.world.nodes.get(up.from)?.kind === "queue") return up.from;
    }
  }
  return undefined;
}

/** Cuts what all titles of a column begin with (`larkspur-api`, `larkspur-push`): the card's label keeps the whole. */
function shorten(cards: Card[]): void {
  const columns = new Map<ColumnId, Card[]>();
  for (const card of cards) {
    if (card.column === "route53" || card.column === "edge") continue;
    const list = columns.get(card.column);
    if (list === undefined) columns.set(card.column, [card]);
    else list.push(card);
  }
  for (const list of columns.values()) {
    const names = new Set(list.map((c) => c.title));
    const prefix = commonPrefix([...names]);
    const telling = [...names].every((name) => name.length - prefix.length >= 3);
    if (names.size > 1 && prefix.length >= 4 && telling) for (const card of list) card.short = card.title.slice(prefix.length);
  }
}

function commonPrefix(names: string[]): string {
  let prefix = names[0] ?? "";
  for (const name of names) while (!name.startsWith(prefix)) prefix = prefix.slice(0, -1);
  return prefix.slice(0, Math.max(prefix.lastIndexOf("-"), prefix.lastIndexOf("."), prefix.lastIndexOf("_")) + 1);
}

function markStale(world: World, card: Card): void {
  const node = world.nodes.get(card.node);
  const source = node === undefined ? undefined : world.sources.get(node.source);
  if (node === undefined || source === undefined || source.state === "ok") return;
  card.stale = { since: node.observed_at, state: source.state };
}

/** Worst level per tier of one region, in the order of the path. */
function summary(world: World, region: string): RegionSummary {
  const levels = new Map<ColumnId, Level>(COLUMNS.map((c) => [c, "ok"]));
  for (const node of world.nodes.values()) {
    if (node.health.level === "ok" || node.kind === "pod" || node.kind === "replicaset" || node.kind === "alarm") continue;
    if (node.scope.region !== region) continue;
    const column = columnOf(node.kind);
    levels.set(column, worse(levels.get(column) ?? "ok", node.health.level));
  }
  const ticks = COLUMNS.filter((c) => !GLOBAL.has(c)).map((column) => ({ column, level: levels.get(column) ?? "ok" }));
  return { region, ticks, level: worst(ticks.map((t) => t.level)), abnormal: ticks.filter((t) => t.level !== "ok").length };
}

type Parts = Heading["parts"];

function headingsOf(ctx: Context, pods: PodCounts): Heading[] {
  const heading = (column: ColumnId, title: string, parts: Parts, node?: NodeId): Heading =>
    node === undefined ? { column, title, parts: filled(ctx, column, parts) } : { column, title, parts, node };
  const cluster = ctx.of("cluster")[0];
  return [
    heading("route53", "Route 53", zoneParts(ctx), ctx.of("zone")[0]?.id),
    heading("edge", "CloudFront", hitParts(ctx), ctx.of("distribution")[0]?.id),
    heading("alb", "ALB", albParts(ctx), ctx.of("loadbalancer")[0]?.id),
    heading("eks", "EKS", podParts(pods), cluster?.id),
    heading("data", "Aurora", dataParts(ctx), ctx.of("dbcluster")[0]?.id),
    heading("sqs", "SQS", deadParts(ctx)),
    heading("lambda", "Lambda", errorParts(ctx)),
  ];
}

const SERVICE_OF: Record<ColumnId, Service> = { route53: "route53", edge: "cloudfront", alb: "elb", eks: "kubernetes", data: "rds", sqs: "sqs", lambda: "lambda" };

/** A tier with nothing in it says why: not read (yet), failed, or really nothing there. */
function filled(ctx: Context, column: ColumnId, parts: Parts): Parts {
  if (parts.length > 0) return parts;
  const service = SERVICE_OF[column];
  const its = [...ctx.world.sources.values()].filter((s) => s.service === service && (s.scope.region === undefined || s.scope.region === "global" || s.scope.region === ctx.region));
  if (its.length === 0) return [{ text: "not read", level: "unknown" }];
  if (its.some((s) => s.state === "failed")) return [{ text: "could not be read", level: "unknown" }];
  if (its.some((s) => s.state === "pending")) return [{ text: "reading…", level: "in_transition" }];
  return ctx.of(KINDS_OF[column]).length === 0 ? [{ text: "none here", level: "ok" }] : [];
}

const KINDS_OF: Record<ColumnId, Kind> = { route53: "record", edge: "distribution", alb: "loadbalancer", eks: "pod", data: "dbinstance", sqs: "queue", lambda: "function" };

function zoneParts(ctx: Context): Parts {
  const zones = ctx.of("zone");
  const one = zones[0];
  if (one === undefined) return [];
  return [{ text: zones.length === 1 ? one.name.replace(/\.$/, "") : plural(zones.length, "zone"), level: worst(zones.map((z) => z.health.level)) }];
}

function hitParts(ctx: Context): Parts {
  const hits = ctx.of("distribution").map((n) => num(n.facts, "cache_hit_percent")).filter((v) => v !== undefined);
  if (hits.length === 0) return [];
  return [{ text: hits.length === 1 ? `hit ratio ${percent(hits[0] ?? 0)}` : plural(ctx.of("distribution").length, "distribution"), level: "ok" }];
}

function albParts(ctx: Context): Parts {
  const worstLb = [...ctx.of("loadbalancer")].sort((a, b) => (num(b.facts, "target_5xx_percent") ?? -1) - (num(a.facts, "target_5xx_percent") ?? -1))[0];
  const value = worstLb === undefined ? undefined : num(worstLb.facts, "target_5xx_percent");
  if (worstLb === undefined || value === undefined) return [];
  return [{ text: `5xx ${percent(value)}`, level: face.spokenOf(worstLb, /5xx/i) }];
}

/** What is wrong comes first: a narrow column cuts the end off. */
function podParts(pods: PodCounts): Parts {
  if (pods.total === 0) return [];
  const parts: Parts = [{ text: plural(pods.total, "pod"), level: "ok" }];
  if (pods.failed > 0) parts.push({ text: `${count(pods.failed)} failed`, level: "critical" });
  if (pods.notReady > 0) parts.push({ text: `${count(pods.notReady)} not ready`, level: "warning" });
  if (pods.unknown > 0) parts.push({ text: `${count(pods.unknown)} unknown`, level: "unknown" });
  if (pods.pending > 0) parts.push({ text: `${count(pods.pending)} pending`, level: "in_transition" });
  parts.push({ text: `${count(pods.ready)} ready`, level: "ok" });
  return parts;
}

function dataParts(ctx: Context): Parts {
  const worstLag = [...ctx.of("dbinstance")].sort((a, b) => (num(b.facts, "replica_lag_ms") ?? -1) - (num(a.facts, "replica_lag_ms") ?? -1))[0];
  const lag = worstLag === undefined ? undefined : num(worstLag.facts, "replica_lag_ms");
  if (worstLag === undefined || lag === undefined) return [];
  return [{ text: `replica lag ${lag >= 1000 ? `${(lag / 1000).toFixed(1)} s` : `${Math.round(lag)} ms`}`, level: face.spokenOf(worstLag, /lag/i) }];
}

function deadParts(ctx: Context): Parts {
  const dead = ctx.of("queue").filter((q) => flag(q.facts, "is_dead_letter_queue") === true);
  if (dead.length === 0) return [];
  const sum = dead.reduce((s, q) => s + (num(q.facts, "messages_visible") ?? 0), 0);
  return [{ text: `DLQ ${count(sum)}`, level: worst(dead.map((q) => q.health.level)) }];
}

function errorParts(ctx: Context): Parts {
  const worstFn = [...ctx.of("function")].sort((a, b) => (num(b.facts, "errors_percent") ?? -1) - (num(a.facts, "errors_percent") ?? -1))[0];
  const value = worstFn === undefined ? undefined : num(worstFn.facts, "errors_percent");
  if (worstFn === undefined || value === undefined) return [];
  return [{ text: `errors ${percent(value)}`, level: face.spokenOf(worstFn, /error|fail/i) }];
}

/** The anchor of a lane's pods. */
export function podAnchor(zone: string): string {
  return `pods@${zone}`;
}

/** Joins cards by the edges between the nodes drawn on them; many edges between two cards are one pipe. */
function pipesOf(ctx: Context, cards: Card[]): Pipe[] {
  const anchors = new Map<NodeId, Anchor[]>();
  const level = new Map<string, Level>();
  const traffic = new Map<string, number>();
  for (const card of cards) {
    level.set(card.key, card.level);
    traffic.set(card.key, trafficOf(ctx, card));
    for (const id of [card.node, ...card.parts, ...(card.group === undefined ? [] : [card.group.node])]) {
      const list = anchors.get(id);
      const anchor = { key: card.key, lane: card.lane };
      if (list === undefined) anchors.set(id, [anchor]);
      else list.push(anchor);
    }
  }
  const out = new Map<string, Pipe>();
  for (const edge of ctx.world.edges.values()) {
    if (!FLOWS.has(edge.relation)) continue;
    for (const from of anchorsOf(ctx, anchors, edge.from)) {
      for (const to of anchorsOf(ctx, anchors, edge.to)) join(out, edge, from, to, level, traffic, ctx);
    }
  }
  const laned = new Set([...out.values()].filter((p) => p.from.startsWith("pods@")).map((p) => p.to));
  // Pods say it by lane: the workload's own edge would draw it a second time. What consumes a queue is said on
  // the card; its way back is drawn only when something is wrong with it.
  return [...out.values()]
    .filter((p) => !(p.from === "pods" && laned.has(p.to)) && !(p.to === "pods" && p.level === "ok"))
    .sort((a, b) => (a.from + a.to < b.from + b.to ? -1 : 1));
}

const FLOWS: ReadonlySet<Edge["relation"]> = new Set<Edge["relation"]>(["routes-to", "origin", "inspects", "forwards", "targets", "connects-to", "sends-to", "consumed-by"]);

function trafficOf(ctx: Context, card: Card): number {
  const node = ctx.world.nodes.get(card.node);
  if (node === undefined) return 0;
  const facts = card.lane !== null ? (node.zones?.[card.lane] ?? node.facts) : node.facts;
  return num(facts, "requests_per_second") ?? num(facts, "sent_per_second") ?? num(facts, "invocations_per_second") ?? 0;
}

interface Anchor {
  key: string;
  lane: string | null;
}

function anchorsOf(ctx: Context, anchors: Map<NodeId, Anchor[]>, id: NodeId): Anchor[] {
  const known = anchors.get(id);
  if (known !== undefined) return known;
  const node = ctx.world.nodes.get(id);
  if (node === undefined || columnOf(node.kind) !== "eks" || node.scope.region !== ctx.region) return [];
  if (node.kind === "pod") return node.scope.az !== undefined && ctx.zones.includes(node.scope.az) ? [{ key: podAnchor(node.scope.az), lane: node.scope.az }] : [];
  return node.kind === "deployment" || node.kind === "statefulset" ? [{ key: "pods", lane: null }] : [];
}

function join(out: Map<string, Pipe>, edge: Edge, from: Anchor, to: Anchor, level: Map<string, Level>, traffic: Map<string, number>, ctx: Context): void {
  if (from.key === to.key || (from.key === "pods" && to.key === "pods")) return;
  // What sits in lanes is joined within its lane; traffic across zones is not measured per pair.
  if (from.lane !== null && to.lane !== null && from.lane !== to.lane) return;
  const shown = levelOf(edge, from, to, level, ctx);
  const key = `${from.key}>${to.key}`;
  const known = out.get(key);
  if (known !== undefined) {
    known.level = worse(known.level, shown);
    return;
  }
  out.set(key, { from: from.key, to: to.key, level: shown, traffic: lesser(traffic.get(from.key) ?? 0, traffic.get(to.key) ?? 0) });
}

/** A pipe is coloured by what it leads to; sending to a queue works whatever its consumer does. */
function levelOf(edge: Edge, from: Anchor, to: Anchor, level: Map<string, Level>, ctx: Context): Level {
  if (edge.relation === "sends-to") return "ok";
  const end = to.key === "pods" ? ctx.world.nodes.get(edge.to)?.health.level : to.key.startsWith("pods@") ? level.get(from.key) : level.get(to.key);
  const shown = end ?? "ok";
  return shown === "critical" || shown === "warning" ? shown : "ok";
}

/** The smaller of two rates; of an unknown one (0) the other. */
function lesser(a: number, b: number): number {
  if (a === 0) return b;
  return b === 0 ? a : Math.min(a, b);
}
