// Which pipes join the cards: the edges between the nodes drawn on them, many between two cards as one.
import type { Edge } from "../ipc/gen/Edge";
import type { Level } from "../ipc/gen/Level";
import type { NodeId } from "../ipc/gen/NodeId";
import { num } from "../shared/facts";
import { worse } from "../shared/levels";
import type { Card } from "./cards";
import { columnOf, type Context, type Pipe } from "./view";

/** The anchor of a lane's pods. */
export function podAnchor(zone: string): string {
  return `pods@${zone}`;
}

/** Joins cards by the edges between the nodes drawn on them; many edges between two cards are one pipe. */
export function pipesOf(ctx: Context, cards: Card[]): Pipe[] {
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
