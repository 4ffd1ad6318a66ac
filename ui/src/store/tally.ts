// What is wrong, counted for people: pods and what they are rolled up into are one thing, consequences of a named
// cause are grouped under it.
import type { Kind } from "../ipc/gen/Kind";
import type { Node } from "../ipc/gen/Node";
import type { NodeId } from "../ipc/gen/NodeId";
import { LEVEL_RANK } from "../shared/levels";
import type { World } from "./world";

export interface Tally {
  critical: Node[];
  warning: Node[];
  unknown: Node[];
  transition: Node[];
  /** How many abnormal nodes are consequences of a named cause. */
  grouped: number;
}

const PARTS: ReadonlySet<Kind> = new Set<Kind>(["pod", "replicaset", "alarm"]);

/** Worth naming: parts are told by what they are rolled up into, and what nobody reads is not read, not abnormal. */
function wrong(node: Node): boolean {
  return node.health.level !== "ok" && !PARTS.has(node.kind) && !(node.standing === "declared" && node.health.level === "unknown");
}

export function tally(world: World): Tally {
  const suffering = new Set<NodeId>(world.causes.flatMap((c) => c.consequences));
  const causing = new Set<NodeId>(world.causes.flatMap((c) => c.targets));
  const out: Tally = { critical: [], warning: [], unknown: [], transition: [], grouped: 0 };
  for (const node of world.nodes.values()) {
    if (!wrong(node)) continue;
    if (suffering.has(node.id) && !causing.has(node.id)) {
      out.grouped += 1;
      continue;
    }
    if (node.health.level === "critical") out.critical.push(node);
    else if (node.health.level === "warning") out.warning.push(node);
    else if (node.health.level === "unknown") out.unknown.push(node);
    else out.transition.push(node);
  }
  return out;
}

/** Everything abnormal, root first: causes, then own troubles, then consequences. */
export function abnormal(world: World): { node: Node; role: "cause" | "own" | "consequence" }[] {
  const suffering = new Set<NodeId>(world.causes.flatMap((c) => c.consequences));
  const causing = new Set<NodeId>(world.causes.flatMap((c) => c.targets));
  const out: { node: Node; role: "cause" | "own" | "consequence" }[] = [];
  for (const node of world.nodes.values()) {
    if (!wrong(node)) continue;
    out.push({ node, role: causing.has(node.id) ? "cause" : suffering.has(node.id) ? "consequence" : "own" });
  }
  const order = { cause: 0, own: 1, consequence: 2 };
  return out.sort(
    (a, b) => order[a.role] - order[b.role] || LEVEL_RANK[b.node.health.level] - LEVEL_RANK[a.node.health.level] || (a.node.id < b.node.id ? -1 : 1),
  );
}
