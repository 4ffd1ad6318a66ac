// The made-up platform as tests want it.
import { topology, type Topology } from "../../graph/topology";
import { apply, type World } from "../../store/world";
import { platform, snapshot, type Scenario } from "./platform";

export const NOW = Date.parse("2026-11-22T14:22:41.000Z");

export function fakeWorld(scenario: Scenario): World {
  const result = apply(null, { type: "full", snapshot: snapshot(platform(scenario, NOW), 1, NOW) });
  if (result.outcome !== "applied") throw new Error(`the fixture is ${result.outcome}`);
  return result.world;
}

export function fakeTopology(scenario: Scenario): { world: World; topo: Topology; groups: Set<string> } {
  const world = fakeWorld(scenario);
  const topo = topology(world, "us-east-1");
  const groups = new Set<string>();
  const seen = new Set<string>();
  for (const card of topo.cards) {
    if (card.group === undefined) continue;
    const key = `${card.lane ?? ""}/${card.group.node}`;
    if (!seen.has(key)) groups.add(card.key);
    seen.add(key);
  }
  return { world, topo, groups };
}
