// The workloads of a pod grid as rows and cells: what the treegrid beside the canvas says.
import type { NodeId } from "../ipc/gen/NodeId";
import { count } from "../shared/format";
import type { World } from "../store/world";
import type { CellState } from "./draw";
import type { Rect } from "./layout";
import type { PodGeometry } from "./pods";
import type { PodSlots } from "./slots";
import { podState, workloadOf } from "./topology";

export interface WorkloadCell extends Rect {
  /** Spot key. */
  key: string;
  strip: number;
  lane: string;
  /** The workload, or a bare pod. */
  node: NodeId;
  name: string;
  label: string;
  all: number;
  ready: number;
  failed: number;
  notReady: number;
}

export interface WorkloadRow {
  zone: string;
  label: string;
  cells: WorkloadCell[];
}

export function cellState(world: World, id: NodeId): CellState {
  const node = world.nodes.get(id);
  return node === undefined ? "unknown" : podState(node);
}

/** One row per lane, one cell per workload that has pods there. */
export function workloadRows(world: World, slots: PodSlots, geometry: PodGeometry, lanes: { zone: string; pods: Rect }[]): WorkloadRow[] {
  return lanes.map((lane) => {
    const cells = geometry.strips.map((s) => cellOf(world, slots, geometry, s, lane)).filter((c) => c !== null);
    const all = cells.reduce((n, c) => n + c.all, 0);
    const ready = cells.reduce((n, c) => n + c.ready, 0);
    return { zone: lane.zone, label: `${lane.zone}, ${count(ready)} of ${count(all)} pods ready`, cells };
  });
}

function cellOf(world: World, slots: PodSlots, g: PodGeometry, s: PodGeometry["strips"][number], lane: { zone: string; pods: Rect }): WorkloadCell | null {
  const info = slots.strips[s.strip];
  const held = slots.cellsOf(s.strip, lane.zone)?.ids.filter((id) => id !== null) ?? [];
  if (info === undefined || held.length === 0) return null;
  const tally: Record<CellState, number> = { ready: 0, pending: 0, notReady: 0, failed: 0, unknown: 0, done: 0 };
  for (const id of held) tally[cellState(world, id)] += 1;
  const first = world.nodes.get(held[0] ?? "");
  const owner = first === undefined ? undefined : (workloadOf({ world }, first) ?? first);
  const rest = [tally.failed > 0 ? `${count(tally.failed)} failed` : "", tally.notReady > 0 ? `${count(tally.notReady)} not ready` : "", tally.pending > 0 ? `${count(tally.pending)} pending` : "", tally.unknown > 0 ? `${count(tally.unknown)} unknown` : ""];
  return {
    key: `w:${s.strip}@${lane.zone}`,
    strip: s.strip,
    lane: lane.zone,
    node: owner?.id ?? "",
    name: info.workload,
    label: [`${info.namespace}, ${info.workload}, ${lane.zone}, ${count(tally.ready)} of ${count(held.length)} ready`, ...rest.filter((r) => r !== "")].join(", "),
    all: held.length,
    ready: tally.ready,
    failed: tally.failed,
    notReady: tally.notReady,
    x: lane.pods.x + s.x,
    y: lane.pods.y + s.y,
    w: s.cols * g.pitch,
    h: s.label + s.rows * g.pitch,
  };
}
