// Geometry of the pod grid: pure arithmetic from the slots and the room there is.
import type { PodSlots } from "./slots";

export interface StripRect {
  strip: number;
  x: number;
  /** From the top of the lane's pod area. */
  y: number;
  cols: number;
  rows: number;
  /** Label line above the cells, 0 when strips are not named. */
  label: number;
}

export interface NamespaceRect {
  namespace: string;
  x: number;
  y: number;
  width: number;
}

export interface PodGeometry {
  pitch: number;
  gap: number;
  namespaces: NamespaceRect[];
  strips: StripRect[];
  /** Something did not fit: found the grid anew. */
  overflow: boolean;
}

export interface PodRoom {
  width: number;
  height: number;
  /** Height of the namespace's name. */
  head: number;
  /** Height of a workload's name above its cells, 0 for none. */
  label: number;
  /** Never larger than this. */
  maxPitch: number;
}

const PITCHES = [12, 10, 8, 7, 6, 5, 4, 3];
const COLUMN_GAP = 10;

/** How closely things sit: comfortable as long as that leaves cells that can be told apart, then tight. */
interface Style {
  stripGap: number;
  minLabel: number;
  head: number;
  pitches: readonly number[];
}

const STYLES = (head: number): Style[] => [
  { stripGap: 3, minLabel: 34, head, pitches: PITCHES.filter((p) => p >= 5) },
  { stripGap: 1, minLabel: 26, head: Math.min(head, 13), pitches: PITCHES.filter((p) => p <= 6) },
];

interface Group {
  namespace: string;
  /** The rest of a namespace that did not go into one column: its name stands over the first part. */
  rest: boolean;
  /** Letters of its longest workload name. */
  longest: number;
  cells: number;
  strips: { index: number; capacity: number }[];
}

/** The room, the style and the pitch that are being tried. */
type Try = PodRoom & Omit<Style, "pitches"> & { pitch: number };

/** One column of the grid: namespaces on top of each other. */
type Column = Group[];

/** Where every strip goes, the same in every lane; `overflow` when it cannot be held even at the finest pitch. */
export function podGeometry(slots: PodSlots, room: PodRoom): PodGeometry {
  const founding = groupsOf(slots, true);
  for (const style of STYLES(room.head)) {
    for (const pitch of style.pitches) {
      if (pitch > room.maxPitch) continue;
      const t = { ...room, ...style, pitch };
      // A column per namespace is easiest to read; where that does not fit, small namespaces share one, and with
      // named workloads a tall one takes several.
      for (const most of room.label > 0 ? SPLITS : [Number.POSITIVE_INFINITY]) {
        const groups = founding.flatMap((group) => split(group, most));
        for (let n = groups.length; n >= (most === Number.POSITIVE_INFINITY ? 1 : groups.length); n -= 1) {
          const columns = share(groups, n);
          const widths = fit(columns, t);
          if (widths !== null) return settle(slots, columns, widths, t);
        }
      }
    }
  }
  const columns = share(founding, Math.max(1, Math.min(founding.length, Math.floor(room.width / 40))));
  const tight = STYLES(room.head).at(-1) as Style;
  return settle(slots, columns, forced(columns, room), { ...room, ...tight, pitch: PITCHES.at(-1) ?? 3 });
}

function groupsOf(slots: PodSlots, founding: boolean): Group[] {
  const groups = new Map<string, Group>();
  slots.strips.forEach((strip, index) => {
    if (strip.founding !== founding) return;
    let group = groups.get(strip.namespace);
    if (group === undefined) {
      group = { namespace: strip.namespace, rest: false, longest: 0, cells: 0, strips: [] };
      groups.set(strip.namespace, group);
    }
    group.cells += strip.capacity;
    group.longest = Math.max(group.longest, strip.workload.length);
    group.strips.push({ index, capacity: strip.capacity });
  });
  return [...groups.values()];
}

/** Workloads a column may have, most first. */
const SPLITS = [Number.POSITIVE_INFINITY, 8, 6, 5, 4, 3];

/** Parts of a namespace with at most `most` workloads each, even in number. */
function split(group: Group, most: number): Group[] {
  const parts = Math.ceil(group.strips.length / most);
  if (parts <= 1) return [group];
  const each = Math.ceil(group.strips.length / parts);
  return Array.from({ length: parts }, (_, i) => {
    const strips = group.strips.slice(i * each, (i + 1) * each);
    return { ...group, rest: i > 0, strips, cells: strips.reduce((sum, s) => sum + s.capacity, 0) };
  }).filter((part) => part.strips.length > 0);
}

/** Spreads groups over `n` columns: the first `n` open one each, each further one goes to the emptiest. */
function share(groups: Group[], n: number): Column[] {
  const columns: Column[] = [];
  const load: number[] = [];
  for (const group of groups) {
    if (columns.length < n) {
      columns.push([group]);
      load.push(group.cells + 12);
      continue;
    }
    const at = load.indexOf(Math.min(...load));
    columns[at]?.push(group);
    load[at] = (load[at] ?? 0) + group.cells + 12;
  }
  return columns;
}

/** The narrowest cells that hold a readable name. */
function minCols(column: Column, t: Try): number {
  const named = t.stripGap > 1 ? Math.max(...column.map((g) => Math.max(78, Math.min(190, g.longest * 6.2 + 44)))) : 78;
  const longest = t.label > 0 ? named : Math.max(...column.map((g) => Math.max(t.minLabel, Math.min(t.stripGap > 1 ? 78 : 40, g.namespace.length * 6))));
  return Math.max(2, Math.ceil(longest / t.pitch));
}

function heightOf(column: Column, cols: number, t: Try): number {
  let height = 0;
  for (const group of column) {
    height += t.head;
    for (const strip of group.strips) height += t.label + Math.ceil(strip.capacity / cols) * t.pitch + t.stripGap;
  }
  return height;
}

/** Column widths in cells: start narrow, widen the tallest until all fit and keep the rest of the room balanced. */
function fit(columns: Column[], t: Try): number[] | null {
  if (columns.length === 0) return [];
  const cols = columns.map((column) => minCols(column, t));
  const gaps = COLUMN_GAP * (columns.length - 1);
  let free = Math.floor((t.width - gaps) / t.pitch) - cols.reduce((a, b) => a + b, 0);
  if (free < 0) return null;
  for (;;) {
    let tallest = 0;
    let height = -1;
    columns.forEach((column, i) => {
      const h = heightOf(column, cols[i] ?? 1, t);
      if (h > height) {
        height = h;
        tallest = i;
      }
    });
    // One row is kept free for what a roll-out adds.
    if (height <= t.height - t.pitch) return cols;
    const widest = Math.max(...(columns[tallest] ?? []).flatMap((g) => g.strips.map((x) => x.capacity)));
    // Wider than its widest strip a column gets no lower.
    if (free === 0 || (cols[tallest] ?? 1) >= widest) return height <= t.height ? cols : null;
    cols[tallest] = (cols[tallest] ?? 1) + 1;
    free -= 1;
  }
}

/** When nothing fits: equal shares, and the lane is cut off (the drill-down shows all of it). */
function forced(columns: Column[], room: PodRoom): number[] {
  const share = Math.floor((room.width - COLUMN_GAP * (columns.length - 1)) / Math.max(1, columns.length) / 3);
  return columns.map(() => Math.max(2, share));
}

interface Place {
  x: number;
  y: number;
  cols: number;
}

function settle(slots: PodSlots, columns: Column[], cols: number[], room: Try): PodGeometry {
  const { pitch } = room;
  const used = columns.reduce((sum, _, i) => sum + (cols[i] ?? 0) * pitch, 0);
  const spare = room.width - used - COLUMN_GAP * Math.max(0, columns.length - 1);
  const extra = columns.length > 0 ? Math.min(14, Math.max(0, Math.floor(spare / columns.length))) : 0;
  const out: PodGeometry = { pitch, gap: pitch >= 8 ? 2 : 1, namespaces: [], strips: [], overflow: false };
  // Where the next strip of a namespace goes: namespaces of one column share its end.
  const ends = new Map<string, Place>();
  let x = 0;
  columns.forEach((column, i) => {
    const end: Place = { x, y: 0, cols: cols[i] ?? 2 };
    for (const group of column) {
      if (!group.rest) out.namespaces.push({ namespace: group.namespace, x, y: end.y, width: end.cols * pitch + extra });
      end.y += room.head;
      for (const strip of group.strips) push(out, strip.index, strip.capacity, end, room);
      ends.set(group.namespace, end);
    }
    x += end.cols * pitch + COLUMN_GAP + extra;
  });
  addLater(slots, out, ends, x, room);
  for (const s of out.strips) {
    if (s.y + s.label + s.rows * pitch > room.height + 1 || s.x + s.cols * pitch > room.width + 1) out.overflow = true;
  }
  return out;
}

/** What came after founding goes below its own column, or into a new column on the right. */
function addLater(slots: PodSlots, out: PodGeometry, ends: Map<string, Place>, nextX: number, room: Try): void {
  let x = nextX;
  for (const group of groupsOf(slots, false)) {
    let end = ends.get(group.namespace);
    if (end === undefined) {
      end = { x, y: room.head, cols: minCols([group], room) };
      ends.set(group.namespace, end);
      out.namespaces.push({ namespace: group.namespace, x, y: 0, width: end.cols * out.pitch });
      x += end.cols * out.pitch + COLUMN_GAP;
    }
    for (const strip of group.strips) push(out, strip.index, strip.capacity, end, room);
  }
}

/** Puts a strip at the end of its column and moves the end. */
function push(out: PodGeometry, strip: number, capacity: number, end: Place, room: Try): void {
  const rows = Math.ceil(capacity / end.cols);
  out.strips.push({ strip, x: end.x, y: end.y, cols: end.cols, rows, label: room.label });
  end.y += room.label + rows * out.pitch + room.stripGap;
}

/** The pod cell under a point of the lane's pod area. */
export function hit(geometry: PodGeometry, x: number, y: number): { strip: number; index: number } | null {
  for (const s of geometry.strips) {
    const dx = x - s.x;
    const dy = y - s.y - s.label;
    if (dx < 0 || dy < -s.label || dx >= s.cols * geometry.pitch || dy >= s.rows * geometry.pitch) continue;
    if (dy < 0) return { strip: s.strip, index: -1 };
    return { strip: s.strip, index: Math.floor(dy / geometry.pitch) * s.cols + Math.floor(dx / geometry.pitch) };
  }
  return null;
}
