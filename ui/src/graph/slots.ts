// Where pods and cards sit. Position is memory: what survives an update keeps its place, what goes leaves a
// hole, what comes takes the first hole of its own block or opens a new one at the end.
import type { NodeId } from "../ipc/gen/NodeId";

/** A pod as the grid sees it. */
export interface PodPlace {
  id: NodeId;
  /** Availability zone; pods without one are not placed yet and sit in no lane. */
  lane: string;
  namespace: string;
  workload: string;
}

/** Rows of one workload inside its namespace's column; the same rows in every lane. */
export interface Strip {
  namespace: string;
  workload: string;
  /** 0 for the founding strip, then one per overflow. */
  part: number;
  /** Cells reserved in each lane when the strip was made; never changes. */
  capacity: number;
  /** Founding strips decide the geometry; later ones only fill what is left. */
  founding: boolean;
}

/** The cells of one strip in one lane. */
export interface Cells {
  strip: number;
  lane: string;
  ids: (NodeId | null)[];
}

/** Sticky slots of the pods of one region. */
export class PodSlots {
  readonly lanes: string[];
  readonly strips: Strip[] = [];
  /** By `strip index / lane`. */
  readonly cells = new Map<string, Cells>();
  readonly where = new Map<NodeId, { cells: Cells; index: number }>();
  private readonly parts = new Map<string, number[]>();

  /** Founds the grid: namespaces and workloads by size, then by name. */
  constructor(lanes: string[], pods: PodPlace[], declared: Map<string, number> = new Map()) {
    this.lanes = lanes;
    const groups = new Map<string, PodPlace[]>();
    for (const pod of pods) {
      const key = workloadKey(pod);
      const group = groups.get(key);
      if (group === undefined) groups.set(key, [pod]);
      else group.push(pod);
    }
    const sized = [...groups].map(([key, group]) => ({ key, group, size: this.need(group, declared.get(key) ?? 0) }));
    const spaces = new Map<string, number>();
    for (const g of sized) {
      const ns = first(g.group).namespace;
      spaces.set(ns, (spaces.get(ns) ?? 0) + g.size);
    }
    sized.sort((a, b) => {
      const na = first(a.group).namespace;
      const nb = first(b.group).namespace;
      if (na !== nb) return (spaces.get(nb) ?? 0) - (spaces.get(na) ?? 0) || (na < nb ? -1 : 1);
      return b.size - a.size || (a.key < b.key ? -1 : 1);
    });
    for (const g of sized) {
      const one = first(g.group);
      this.open(one.namespace, one.workload, g.size, true);
      g.group.sort((a, b) => (a.id < b.id ? -1 : 1));
      for (const pod of g.group) this.add(pod);
    }
  }

  /** Puts a pod down; a pod already in its place stays. Returns the cells it went to, or null outside every lane. */
  add(pod: PodPlace): Cells | null {
    const known = this.where.get(pod.id);
    if (known !== undefined) {
      const strip = this.strips[known.cells.strip];
      if (known.cells.lane === pod.lane && strip?.workload === pod.workload && strip.namespace === pod.namespace) {
        return known.cells;
      }
      this.remove(pod.id);
    }
    if (!this.lanes.includes(pod.lane)) return null;
    for (const index of this.parts.get(workloadKey(pod)) ?? []) {
      const put = this.put(index, pod);
      if (put !== null) return put;
    }
    const width = Math.max(4, Math.ceil(this.capacityOf(workloadKey(pod)) / 4));
    return this.put(this.open(pod.namespace, pod.workload, width, false), pod);
  }

  /** Takes a pod away and leaves a hole. Returns the cells it left. */
  remove(id: NodeId): Cells | null {
    const known = this.where.get(id);
    if (known === undefined) return null;
    known.cells.ids[known.index] = null;
    this.where.delete(id);
    return known.cells;
  }

  /** More came after the founding than there was: what was founded says nothing about this platform any more. */
  outgrown(): boolean {
    let born = 0;
    let later = 0;
    for (const strip of this.strips) {
      if (strip.founding) born += strip.capacity;
      else later += strip.capacity;
    }
    return later > born;
  }

  cellsOf(strip: number, lane: string): Cells | undefined {
    return this.cells.get(`${strip}/${lane}`);
  }

  private need(group: PodPlace[], declared: number): number {
    const perLane = new Map<string, number>();
    for (const pod of group) perLane.set(pod.lane, (perLane.get(pod.lane) ?? 0) + 1);
    const fair = Math.ceil(declared / Math.max(1, this.lanes.length));
    return Math.max(1, fair, ...this.lanes.map((lane) => perLane.get(lane) ?? 0));
  }

  private capacityOf(key: string): number {
    return (this.parts.get(key) ?? []).reduce((sum, i) => sum + (this.strips[i]?.capacity ?? 0), 0);
  }

  private open(namespace: string, workload: string, capacity: number, founding: boolean): number {
    const key = `${namespace}/${workload}`;
    const parts = this.parts.get(key) ?? [];
    const index = this.strips.length;
    this.strips.push({ namespace, workload, part: parts.length, capacity, founding });
    this.parts.set(key, [...parts, index]);
    for (const lane of this.lanes) {
      this.cells.set(`${index}/${lane}`, { strip: index, lane, ids: new Array<NodeId | null>(capacity).fill(null) });
    }
    return index;
  }

  private put(strip: number, pod: PodPlace): Cells | null {
    const cells = this.cells.get(`${strip}/${pod.lane}`);
    const hole = cells?.ids.indexOf(null) ?? -1;
    if (cells === undefined || hole < 0) return null;
    cells.ids[hole] = pod.id;
    this.where.set(pod.id, { cells, index: hole });
    return cells;
  }
}

export function workloadKey(pod: { namespace: string; workload: string }): string {
  return `${pod.namespace}/${pod.workload}`;
}

/**
 * Sticky order of a column's cards: keeps `before`'s places, leaves holes where something went, puts what is
 * new (in the given order) into the first holes and then at the end.
 */
export function keepOrder(before: readonly (string | null)[], now: readonly string[]): (string | null)[] {
  const alive = new Set(now);
  const out: (string | null)[] = before.map((key) => (key !== null && alive.has(key) ? key : null));
  const placed = new Set(out);
  let hole = 0;
  for (const key of now) {
    if (placed.has(key)) continue;
    while (hole < out.length && out[hole] !== null) hole += 1;
    out[hole] = key;
  }
  return out;
}

function first<T>(list: T[]): T {
  const one = list[0];
  if (one === undefined) throw new Error("an empty group cannot exist");
  return one;
}
