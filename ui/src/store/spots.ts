// Where a node is drawn: the key of the card, or of the workload's cells.
import type { PodSlots } from "../graph/slots";
import type { Topology } from "../graph/topology";
import { workloadOf } from "../graph/topology";
import type { NodeId } from "../ipc/gen/NodeId";
import type { World } from "./world";

/** The spot of a node, or null when it is not on the board. */
export function spotOf(world: World, topo: Topology, slots: PodSlots | null, id: NodeId): string | null {
  const card = topo.cards.find((c) => c.node === id) ?? topo.cards.find((c) => c.parts.includes(id) || c.group?.node === id);
  if (card !== undefined) return card.key;
  const node = world.nodes.get(id);
  if (node === undefined || slots === null) return null;
  if (node.kind === "pod") {
    const at = slots.where.get(id);
    return at === undefined ? null : `w:${at.cells.strip}@${at.cells.lane}`;
  }
  if (node.kind !== "deployment" && node.kind !== "statefulset") return null;
  for (const [pod, at] of slots.where) {
    const held = world.nodes.get(pod);
    if (held !== undefined && workloadOf({ world }, held)?.id === id) return `w:${at.cells.strip}@${at.cells.lane}`;
  }
  return null;
}

/** The node a spot stands for. */
export function nodeAt(world: World, topo: Topology, slots: PodSlots | null, key: string): NodeId | null {
  const card = topo.cards.find((c) => c.key === key);
  if (card !== undefined) return card.node;
  const match = /^w:(\d+)@(.+)$/.exec(key);
  if (match === null || slots === null) return null;
  const pod = slots.cellsOf(Number(match[1]), match[2] ?? "")?.ids.find((id) => id !== null);
  const node = pod === undefined || pod === null ? undefined : world.nodes.get(pod);
  return node === undefined ? null : (workloadOf({ world }, node)?.id ?? node.id);
}
