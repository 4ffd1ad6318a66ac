// The view of one region: which cards there are, in which tier and lane, what they say, and which pipes join
// them. Read from the world, drawn by the board; sizes and places are `layout.ts`.
import type { World } from "../store/world";
import type { Level } from "../ipc/gen/Level";
import { worse, worst } from "../shared/levels";
import { COLUMNS, type ColumnId } from "./cards";
import { headingsOf } from "./headings";
import { pipesOf } from "./joins";
import { countPods, lanesOf } from "./lanes";
import { balancerCards, dataCards, edgeCards, functionCards, markStale, queueCards, recordCards, shorten } from "./tiers";
import { GLOBAL, columnOf, consequencesOf, gather, regionsOf, zonesOf, type Context, type RegionSummary, type Topology } from "./view";

export { podAnchor } from "./joins";
export { podState, workloadOf } from "./lanes";
export { columnOf, regionsOf } from "./view";
export type { Heading, Lane, Pipe, PodCounts, RegionSummary, Topology } from "./view";

/** The topology of `region`. */
export function topology(world: World, region: string, regions: string[] = regionsOf(world)): Topology {
  const group = gather(world, region);
  const zones = zonesOf(group);
  const suffering = consequencesOf(world);
  const ctx: Context = { world, region, zones, suffering, of: (kind) => group.byKind.get(kind) ?? [] };
  const pods = countPods(ctx.of("pod"), zones);
  const lanes = lanesOf(ctx);
  const cards = [...recordCards(ctx), ...edgeCards(ctx), ...balancerCards(ctx), ...dataCards(ctx), ...queueCards(ctx), ...functionCards(ctx)];
  for (const card of cards) markStale(ctx.world, card);
  shorten(cards);
  return {
    region,
    regions: regions.map((r) => summary(world, r)),
    headings: headingsOf(ctx, pods),
    cards,
    lanes,
    pods,
    pipes: pipesOf(ctx, cards),
  };
}

/** Worst level per tier of one region, in the order of the path. */
function summary(world: World, region: string): RegionSummary {
  const levels = new Map<ColumnId, Level>(COLUMNS.map((c) => [c, "ok"]));
  for (const node of world.nodes.values()) {
    if (node.health.level === "ok" || node.kind === "pod" || node.kind === "replicaset" || node.kind === "alarm") continue;
    if (node.scope.region !== region) continue;
    const column = columnOf(node.kind);
    levels.set(column, worse(levels.get(column) ?? "ok", node.health.level));
  }
  const ticks = COLUMNS.filter((c) => !GLOBAL.has(c)).map((column) => ({ column, level: levels.get(column) ?? "ok" }));
  return { region, ticks, level: worst(ticks.map((t) => t.level)), abnormal: ticks.filter((t) => t.level !== "ok").length };
}
