// The sticky pod slots of every region, kept up with the updates.
import type { Node } from "../ipc/gen/Node";
import { num, text } from "../shared/facts";
import { PodSlots, type PodPlace } from "../graph/slots";
import { settled, type Touched, type World } from "./world";

export class Grid {
  private readonly regions = new Map<string, { slots: PodSlots; zones: string }>();
  /** Rises when a grid is founded anew: only then may what survives move. */
  epoch = 0;

  /** The slots of one region; founds them on first use and when the zones change. */
  of(world: World, region: string, zones: string[]): PodSlots {
    const key = zones.join();
    const known = this.regions.get(region);
    if (known !== undefined && known.zones === key) return known.slots;
    return this.found(world, region, zones);
  }

  /** Lays one region out from nothing. */
  found(world: World, region: string, zones: string[]): PodSlots {
    const pods: PodPlace[] = [];
    const declared = new Map<string, number>();
    for (const node of world.nodes.values()) {
      if (node.scope.region !== region) continue;
      if (node.kind === "pod") {
        const place = placeOf(node);
        if (place !== null && zones.includes(place.lane)) pods.push(place);
      } else if (node.kind === "deployment" || node.kind === "statefulset") {
        declared.set(`${node.scope.namespace ?? ""}/${node.name}`, num(node.facts, "replicas") ?? 0);
      }
    }
    const slots = new PodSlots(zones, pods, declared);
    this.regions.set(region, { slots, zones: zones.join() });
    this.epoch += 1;
    return slots;
  }

  /** Takes one applied update along. */
  follow(world: World, touched: Touched): void {
    // While the first readings come in, and when most of what there is came later, places are made anew.
    if (!settled(world)) {
      this.regions.clear();
      return;
    }
    for (const [region, { slots }] of this.regions) {
      if (touched.all) {
        for (const id of [...slots.where.keys()]) if (!world.nodes.has(id)) slots.remove(id);
      }
      for (const id of touched.gone) slots.remove(id);
      for (const node of touched.nodes) {
        if (node.kind !== "pod" || node.scope.region !== region) continue;
        const place = placeOf(node);
        if (place !== null) slots.add(place);
      }
      if (slots.outgrown()) this.regions.delete(region);
    }
  }
}

/** Where a pod wants to sit; null while it has no zone. */
export function placeOf(pod: Node): PodPlace | null {
  const lane = pod.scope.az;
  if (lane === undefined) return null;
  const workload = text(pod.facts, "workload");
  return {
    id: pod.id,
    lane,
    namespace: pod.scope.namespace ?? "default",
    workload: workload?.split("/").at(-1) ?? "bare pods",
  };
}
