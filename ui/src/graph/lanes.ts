// The availability zones of a region: their level and cause, their nodes, the pods that are not well there.
import type { Node } from "../ipc/gen/Node";
import type { Level } from "../ipc/gen/Level";
import { flag, text } from "../shared/facts";
import { worst } from "../shared/levels";
import { count } from "../shared/format";
import type { World } from "../store/world";
import type { Context, Lane, PodCounts } from "./view";

export function podState(node: Node): keyof Omit<PodCounts, "total" | "unplaced"> | "done" {
  const phase = text(node.facts, "phase");
  if (phase === "Succeeded") return "done";
  switch (node.health.level) {
    case "critical":
      return "failed";
    case "unknown":
      return "unknown";
    case "in_transition":
      return "pending";
    case "warning":
      return phase === "Pending" ? "pending" : "notReady";
    case "ok":
      return flag(node.facts, "ready") === false ? (phase === "Pending" ? "pending" : "notReady") : "ready";
  }
}

export function countPods(pods: Node[], zones: string[]): PodCounts {
  const out: PodCounts = { total: 0, ready: 0, pending: 0, notReady: 0, failed: 0, unknown: 0, unplaced: 0 };
  for (const pod of pods) {
    const is = podState(pod);
    if (is === "done") continue;
    out.total += 1;
    out[is] += 1;
    if (pod.scope.az === undefined || !zones.includes(pod.scope.az)) out.unplaced += 1;
  }
  return out;
}

/** The zone a cause is about: its sentence names it, or all its targets are in it. */
function zoneOfCause(world: World, cause: World["causes"][number], zones: string[]): string | undefined {
  if (!/az|zone/i.test(cause.rule)) return undefined;
  const named = zones.filter((zone) => cause.sentence.includes(zone));
  if (named.length === 1) return named[0];
  const inZones = new Set(cause.targets.map((id) => world.nodes.get(id)?.scope.az));
  const only = inZones.size === 1 ? [...inZones][0] : undefined;
  return only !== undefined && zones.includes(only) ? only : undefined;
}

export function lanesOf(ctx: Context): Lane[] {
  const causes = ctx.world.causes.map((cause) => ({ cause, zone: zoneOfCause(ctx.world, cause, ctx.zones) }));
  const troubled = troubledWorkloads(ctx);
  return ctx.zones.map((zone) => {
    const nodes = ctx.of("node").filter((n) => n.scope.az === zone);
    const mine = causes.filter((c) => c.zone === zone);
    const lane: Lane = {
      zone,
      level: worst(mine.map((c) => c.cause.level)),
      nodes: {
        all: nodes.length,
        ready: nodes.filter((n) => flag(n.facts, "ready") !== false).length,
        level: worst(nodes.map((n) => n.health.level)),
      },
      worst: troubled.get(zone) ?? [],
    };
    const sentence = mine[0]?.cause.sentence;
    if (sentence !== undefined) lane.cause = sentence;
    return lane;
  });
}

/** Per zone, the workloads with pods that are not well there, worst first. */
function troubledWorkloads(ctx: Context): Map<string, Lane["worst"]> {
  const tally = new Map<string, Map<string, { failed: number; notReady: number; node: Node }>>();
  for (const pod of ctx.of("pod")) {
    const zone = pod.scope.az;
    const is = podState(pod);
    if (zone === undefined || (is !== "failed" && is !== "notReady")) continue;
    const key = text(pod.facts, "workload") ?? pod.name;
    const per = tally.get(zone) ?? new Map<string, { failed: number; notReady: number; node: Node }>();
    tally.set(zone, per);
    const entry = per.get(key) ?? { failed: 0, notReady: 0, node: workloadOf(ctx, pod) ?? pod };
    entry[is] += 1;
    per.set(key, entry);
  }
  const out = new Map<string, Lane["worst"]>();
  for (const [zone, per] of tally) {
    const list = [...per].map(([key, e]) => ({
      node: e.node.id,
      text: `${key.split("/").at(-1) ?? key} ${e.failed > 0 ? `${count(e.failed)} failed` : `${count(e.notReady)} not ready`}`,
      level: (e.failed > 0 ? "critical" : "warning") as Level,
      weight: e.failed * 1000 + e.notReady,
    }));
    out.set(zone, list.sort((a, b) => b.weight - a.weight));
  }
  return out;
}

/** The deployment or stateful set a pod belongs to. */
export function workloadOf(ctx: { world: World }, pod: Node): Node | undefined {
  const name = text(pod.facts, "workload")?.split("/").at(-1);
  const kind = text(pod.facts, "workload_kind")?.toLowerCase();
  if (name === undefined || kind === undefined) return undefined;
  return ctx.world.nodes.get(pod.id.replace(/^pod\//, `${kind}/`).replace(/[^/]*$/, name));
}
