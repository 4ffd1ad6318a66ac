// What somebody who asks for the actions of a node may mean: the node, and what decides over it.
import type { Edge } from "../ipc/gen/Edge";
import type { Kind } from "../ipc/gen/Kind";
import type { NodeId } from "../ipc/gen/NodeId";
import { consumersOf } from "./queues";
import type { World } from "./world";

/** The node first, then its nearest in the order in which they come to mind. */
export function nearOf(world: World, id: NodeId): NodeId[] {
  const out = new Set<NodeId>([id]);
  const node = world.nodes.get(id);
  if (node === undefined) return [...out];
  if (node.kind === "queue") {
    for (const edge of world.out.get(id) ?? []) if (edge.relation === "dead-letters") out.add(edge.to);
    for (const consumer of consumersOf(world, id)) out.add(consumer.id);
  }
  if (node.kind === "pod" || node.kind === "replicaset") for (const owner of owners(world, id, new Set<Kind>(["deployment", "statefulset", "replicaset"]))) out.add(owner);
  if (node.kind === "cluster") for (const edge of world.out.get(id) ?? []) if (edge.relation === "owns" && world.nodes.get(edge.to)?.kind === "nodegroup") out.add(edge.to);
  if (node.kind === "dbglobal") for (const edge of world.out.get(id) ?? []) if (edge.relation === "owns") out.add(edge.to);
  if (node.kind === "dbinstance") for (const owner of owners(world, id, new Set<Kind>(["dbcluster"]))) out.add(owner);
  // Who owns the number of replicas, mappings before functions.
  for (const known of [...out]) {
    for (const edge of world.into.get(known) ?? []) {
      const from = world.nodes.get(edge.from);
      if (edge.relation === "scales" || edge.relation === "deploys" || (edge.relation === "consumed-by" && from?.kind === "mapping")) out.add(edge.from);
    }
    if (known === id && (node.kind === "hpa" || node.kind === "scaledobject")) for (const edge of world.out.get(id) ?? []) if (edge.relation === "scales") out.add(edge.to);
  }
  return [...out].filter((near) => world.nodes.has(near));
}

/** Up the chain of owners, those of the wanted kinds. */
function owners(world: World, id: NodeId, kinds: ReadonlySet<Kind>): NodeId[] {
  const out: NodeId[] = [];
  for (let at: NodeId | undefined = id; at !== undefined; ) {
    const up: Edge | undefined = [...(world.into.get(at) ?? [])].find((e) => e.relation === "owns" && kinds.has(world.nodes.get(e.from)?.kind ?? "pod"));
    if (up !== undefined) out.push(up.from);
    at = up?.from;
  }
  return out;
}
