// What the view of one region is made of: its nouns, the nodes of the region by kind, and which tier a kind is in.
import type { Kind } from "../ipc/gen/Kind";
import type { Level } from "../ipc/gen/Level";
import type { Node } from "../ipc/gen/Node";
import type { NodeId } from "../ipc/gen/NodeId";
import type { World } from "../store/world";
import type { Card, ColumnId } from "./cards";

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
  nodepool: "eks",
  node: "eks",
  namespace: "eks",
  deployment: "eks",
  replicaset: "eks",
  statefulset: "eks",
  pod: "eks",
  hpa: "eks",
  scaledobject: "eks",
  application: "eks",
  kustomization: "eks",
  helmrelease: "eks",
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

/** Tiers that no region has to itself. */
export const GLOBAL: ReadonlySet<ColumnId> = new Set<ColumnId>(["route53", "edge"]);
export interface Context {
  world: World;
  region: string;
  zones: string[];
  suffering: Set<NodeId>;
  of(kind: Kind): Node[];
}

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

export interface Group {
  byKind: Map<Kind, Node[]>;
  all: Node[];
}

export function gather(world: World, region: string): Group {
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

export function zonesOf(group: Group): string[] {
  const zones = new Set<string>();
  for (const kind of ["node", "dbinstance", "cachenode"] as const) {
    for (const node of group.byKind.get(kind) ?? []) if (node.scope.az !== undefined) zones.add(node.scope.az);
  }
  for (const kind of ["loadbalancer", "targetgroup"] as const) {
    for (const node of group.byKind.get(kind) ?? []) for (const zone of Object.keys(node.zones ?? {})) zones.add(zone);
  }
  return [...zones].sort();
}

export function consequencesOf(world: World): Set<NodeId> {
  const out = new Set<NodeId>();
  for (const cause of world.causes) for (const id of cause.consequences) out.add(id);
  for (const cause of world.causes) for (const id of cause.targets) out.delete(id);
  return out;
}
