// What may mend what blocks an action: of all that the situation calls for, what can be pressed on the things that decide
// over the node, and on the causes it suffers from.
import type { NodeId } from "../../ipc/gen/NodeId";
import type { Offer } from "../../ipc/gen/Offer";
import type { Verb } from "../../ipc/gen/Verb";
import { nearOf } from "../../store/near";
import { onlyToChoose } from "./stages";
import type { World } from "../../store/world";

/** The offers, those on a named cause first. */
export function fixesOf(world: World, offers: readonly Offer[], node: NodeId, action: Verb): Offer[] {
  const near = new Set(nearOf(world, node));
  const upstream = [...(world.into.get(node) ?? [])].filter((e) => e.relation === "dead-letters").flatMap((e) => nearOf(world, e.from));
  for (const id of upstream) near.add(id);
  const causing = new Set(world.causes.filter((c) => c.consequences.some((id) => near.has(id)) || c.targets.some((id) => near.has(id))).flatMap((c) => c.targets));
  const fits = (o: Offer): boolean => (o.colour !== "red" || onlyToChoose(o)) && !(o.node === node && o.action === action) && (near.has(o.node) || causing.has(o.node));
  return offers.filter(fits).sort((a, b) => Number(causing.has(b.node)) - Number(causing.has(a.node))).slice(0, 2);
}
