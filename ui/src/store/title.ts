// What a node is called in titles and buttons, by its id.
import { nodeTitle } from "../graph/cards";
import type { NodeId } from "../ipc/gen/NodeId";
import type { World } from "./world";

/** Its title; `known` (its own name, as an answer of the backend has it) where it is not on the platform. */
export function titleOf(world: World | null, id: NodeId, known?: string): string | undefined {
  const node = world?.nodes.get(id);
  return node === undefined ? known : nodeTitle(node);
}
