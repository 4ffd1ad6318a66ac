// The databases as a tree: global databases, their clusters, the members of each, the writer first. What is told of a
// reader's fit and of load against host is the backend's; here it is only put in order.
import type { Choice } from "../ipc/gen/Choice";
import type { Finding } from "../ipc/gen/Finding";
import type { Node } from "../ipc/gen/Node";
import type { NodeId } from "../ipc/gen/NodeId";
import type { Offer } from "../ipc/gen/Offer";
import { num, text } from "../shared/facts";
import { LEVEL_RANK } from "../shared/levels";
import type { World } from "./world";

export interface DbRow {
  id: NodeId;
  node: Node;
  /** From 1. */
  depth: number;
  /** Whether its members are shown; undefined where it has none. */
  open: boolean | undefined;
  /** The cluster of a member. */
  cluster: Node | undefined;
  /** The failover offered on its cluster. */
  failover: Offer | undefined;
  /** How a reader fits as the target of a failover. */
  fit: Choice | undefined;
  /** Why AWS would promote it if nobody were named; undefined where it would not. */
  heir: string | undefined;
}

/** What the failover says on load against host. */
export function strainOf(row: DbRow): Finding | undefined {
  return row.failover?.findings.find((f) => f.id === "failover.load-or-host");
}

/** Every database, clusters in trouble first, each with its members unless it is folded. */
export function databaseRows(world: World, offers: readonly Offer[], folded: ReadonlySet<NodeId>): DbRow[] {
  const clusters = [...world.nodes.values()].filter((n) => n.kind === "dbcluster");
  const globals = [...world.nodes.values()].filter((n) => n.kind === "dbglobal");
  const owned = new Set<NodeId>();
  const blocks: { lead: Node; worst: number; rows: DbRow[] }[] = [];
  const rankOf = (own: readonly Node[]): number => Math.max(0, ...own.map((c) => trouble(world, c)));
  for (const global of globals) {
    const own = children(world, global.id, "dbcluster").sort(worstFirst(world));
    for (const cluster of own) owned.add(cluster.id);
    const open = !folded.has(global.id);
    const rows: DbRow[] = [{ id: global.id, node: global, depth: 1, open: own.length === 0 ? undefined : open, cluster: undefined, failover: offerOf(offers, global.id), fit: undefined, heir: undefined }];
    if (open) for (const cluster of own) rows.push(...clusterRows(world, cluster, 2, offers, folded));
    blocks.push({ lead: global, worst: Math.max(LEVEL_RANK[global.health.level], rankOf(own)), rows });
  }
  for (const cluster of clusters.filter((c) => !owned.has(c.id))) blocks.push({ lead: cluster, worst: rankOf([cluster]), rows: clusterRows(world, cluster, 1, offers, folded) });
  return blocks.sort((a, b) => b.worst - a.worst || byName(a.lead, b.lead)).flatMap((block) => block.rows);
}

function clusterRows(world: World, cluster: Node, depth: number, offers: readonly Offer[], folded: ReadonlySet<NodeId>): DbRow[] {
  const members = children(world, cluster.id, "dbinstance").sort((a, b) => Number(writes(b)) - Number(writes(a)) || byName(a, b));
  const failover = offerOf(offers, cluster.id);
  const fits = new Map(failover?.settings.flatMap((s) => (s.ask.kind === "choice" ? s.ask.choices : [])).map((c) => [c.value, c]));
  const heirs = heirsOf(members);
  const open = !folded.has(cluster.id);
  const rows: DbRow[] = [{ id: cluster.id, node: cluster, depth, open: members.length === 0 ? undefined : open, cluster: undefined, failover, fit: undefined, heir: undefined }];
  if (!open) return rows;
  return [...rows, ...members.map((node): DbRow => ({ id: node.id, node, depth: depth + 1, open: undefined, cluster, failover, fit: writes(node) ? undefined : fits.get(node.name), heir: heirs.get(node.id) }))];
}

function offerOf(offers: readonly Offer[], id: NodeId): Offer | undefined {
  return offers.find((o) => o.node === id && o.action === "failover");
}

/**
 * The readers AWS would promote if nobody were named, each with why: of those available the lowest promotion tier, then
 * the largest, then any of them.
 * https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Concepts.AuroraHighAvailability.html
 */
export function heirsOf(members: readonly Node[]): Map<NodeId, string> {
  const ready = members.filter((m) => !writes(m) && text(m.facts, "role") === "reader" && text(m.facts, "status") === "available");
  const tier = (m: Node): number => num(m.facts, "promotion_tier") ?? 15;
  const memory = (m: Node): number => num(m.facts, "class_memory_gib") ?? 0;
  const lowest = Math.min(...ready.map(tier));
  const first = ready.filter((m) => tier(m) === lowest);
  const largest = Math.max(...first.map(memory));
  const left = first.filter((m) => memory(m) === largest);
  const why = ready.length === 1 ? "the only one available" : first.length === 1 ? `lowest tier, ${lowest}` : left.length === 1 ? `tier ${lowest}, the largest` : `or one of ${left.length - 1} like it`;
  return new Map(left.map((m) => [m.id, why]));
}

export function writes(member: Node): boolean {
  return text(member.facts, "role") === "writer";
}

function children(world: World, id: NodeId, kind: Node["kind"]): Node[] {
  return [...(world.out.get(id) ?? [])].filter((e) => e.relation === "owns").map((e) => world.nodes.get(e.to)).filter((n) => n?.kind === kind).filter((n) => n !== undefined);
}

/** A cluster is as urgent as the worst of its members. */
function worstFirst(world: World): (a: Node, b: Node) => number {
  return (a, b) => trouble(world, b) - trouble(world, a) || byName(a, b);
}

function trouble(world: World, cluster: Node): number {
  return Math.max(LEVEL_RANK[cluster.health.level], ...children(world, cluster.id, "dbinstance").map((m) => LEVEL_RANK[m.health.level]));
}

function byName(a: Node, b: Node): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : a.id < b.id ? -1 : 1;
}
