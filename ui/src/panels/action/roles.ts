// The picture of a failover: read from the plan's target and the members as they are now.
import type { Node } from "../../ipc/gen/Node";
import type { Plan } from "../../ipc/gen/Plan";
import type { World } from "../../store/world";
import { writes } from "../../store/databases";

export interface RolesPicture {
  target: Node;
  writer: Node | undefined;
  /** Readers that stay what they are. */
  others: Node[];
}

/** Null where the plan promotes nobody. */
export function roles(world: World, plan: Plan): RolesPicture | null {
  const wanted = plan.settings["target"];
  const cluster = world.nodes.get(plan.node);
  if (wanted === undefined || cluster?.kind !== "dbcluster") return null;
  const members = [...(world.out.get(cluster.id) ?? [])].filter((e) => e.relation === "owns").map((e) => world.nodes.get(e.to)).filter((n) => n?.kind === "dbinstance").filter((n) => n !== undefined);
  const target = members.find((m) => m.name === wanted);
  if (target === undefined || writes(target)) return null;
  const others = members.filter((m) => m !== target && !writes(m)).sort((a, b) => (a.name < b.name ? -1 : 1));
  return { target, writer: members.find(writes), others };
}
