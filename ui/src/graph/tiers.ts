// The cards of each tier: which there are, in which lane, what they say.
import type { Edge } from "../ipc/gen/Edge";
import type { Kind } from "../ipc/gen/Kind";
import type { Node } from "../ipc/gen/Node";
import type { NodeId } from "../ipc/gen/NodeId";
import { num, text } from "../shared/facts";
import { count } from "../shared/format";
import { worse, worst } from "../shared/levels";
import type { World } from "../store/world";
import * as face from "./cards";
import type { Card, ColumnId } from "./cards";
import type { Context } from "./view";

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
export function recordCards(ctx: Context): Card[] {
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

export function edgeCards(ctx: Context): Card[] {
  return [
    ...ctx.of("webacl").map((n): Card => ({ ...base(ctx, n, "edge", null), ...face.webAclFace(n) })),
    ...ctx.of("distribution").map((n): Card => ({ ...base(ctx, n, "edge", null), title: face.nodeTitle(n), ...face.distributionFace(n) })),
    ...ctx.of("bucket").map((n): Card => ({ ...base(ctx, n, "edge", null), ...face.bucketFace(n) })),
  ];
}

export function balancerCards(ctx: Context): Card[] {
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

export function targets(ctx: Context, from: NodeId, relation: Edge["relation"], kind: Kind): Node[] {
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

export function dataCards(ctx: Context): Card[] {
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

export function queueCards(ctx: Context): Card[] {
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
export function functionCards(ctx: Context): Card[] {
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
export function shorten(cards: Card[]): void {
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

export function markStale(world: World, card: Card): void {
  const node = world.nodes.get(card.node);
  const source = node === undefined ? undefined : world.sources.get(node.source);
  if (node === undefined || source === undefined || source.state === "ok") return;
  card.stale = { since: node.observed_at, state: source.state };
}
