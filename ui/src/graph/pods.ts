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
const STRIP_GAP = 3;
const MIN_LABEL = 34;

interface Column {
  namespace: string;
  cells: number;
  strips: { index: number; capacity: number }[];
}

/** Where every strip goes, the same in every lane; `overflow` when it cannot be held even at the finest pitch. */
export function podGeometry(slots: PodSlots, room: PodRoom): PodGeometry {
  const founding = columnsOf(slots, true);
  for (const pitch of PITCHES) {
    if (pitch > room.maxPitch) continue;
    const widths = fit(founding, pitch, room);
    if (widths !== null) return settle(slots, founding, widths, pitch, room);
  }
  return settle(slots, founding, forced(founding, room), 3, room);
}

function columnsOf(slots: PodSlots, founding: boolean): Column[] {
  const columns = new Map<string, Column>();
  slots.strips.forEach((strip, index) => {
    if (strip.founding !== founding) return;
    let column = columns.get(strip.namespace);
    if (column === undefined) {
      column = { namespace: strip.namespace, cells: 0, strips: [] };
      columns.set(strip.namespace, column);
    }
    column.cells += strip.capacity;
    column.strips.push({ index, capacity: strip.capacity });
  });
  return [...columns.values()];
}

/** The narrowest cells that hold a readable name. */
function minCols(column: Column, pitch: number, room: PodRoom): number {
  const longest = room.label > 0 ? 78 : Math.max(MIN_LABEL, Math.min(78, column.namespace.length * 6));
  return Math.max(2, Math.ceil(longest / pitch));
}

function heightOf(column: Column, cols: number, pitch: number, room: PodRoom): number {
  let height = room.head;
  for (const strip of column.strips) {
    height += room.label + Math.ceil(strip.capacity / cols) * pitch + STRIP_GAP;
  }
  return height;
}

/** Column widths in cells: start narrow, widen the tallest until all fit and keep the rest of the room balanced. */
function fit(columns: Column[], pitch: number, room: PodRoom): number[] | null {
  if (columns.length === 0) return [];
  const cols = columns.map((column) => minCols(column, pitch, room));
  const gaps = COLUMN_GAP * (columns.length - 1);
  let free = Math.floor((room.width - gaps) / pitch) - cols.reduce((a, b) => a + b, 0);
  if (free < 0) return null;
  for (;;) {
    let tallest = 0;
    let height = -1;
    columns.forEach((column, i) => {
      const h = heightOf(column, cols[i] ?? 1, pitch, room);
      if (h > height) {
        height = h;
        tallest = i;
      }
    });
    // One row is kept free for what a roll-out adds.
    if (height <= room.height - pitch) return cols;
    if (free === 0) return height <= room.height ? cols : null;
    cols[tallest] = (cols[tallest] ?? 1) + 1;
    free -= 1;
  }
}

/** When nothing fits: equal shares, and the lane is cut off (the drill-down shows all of it). */
function forced(columns: Column[], room: PodRoom): number[] {
  const share = Math.floor((room.width - COLUMN_GAP * (columns.length - 1)) / Math.max(1, columns.length) / 3);
  return columns.map(() => Math.max(2, share));
}

function settle(slots: PodSlots, columns: Column[], cols: number[], pitch: number, room: PodRoom): PodGeometry {
  const used = columns.reduce((sum, _, i) => sum + (cols[i] ?? 0) * pitch, 0);
  const spare = room.width - used - COLUMN_GAP * Math.max(0, columns.length - 1);
  const extra = columns.length > 0 ? Math.min(14, Math.max(0, Math.floor(spare / columns.length))) : 0;
  const out: PodGeometry = { pitch, gap: pitch >= 8 ? 2 : 1, namespaces: [], strips: [], overflow: false };
  const at = new Map<string, { x: number; y: number; cols: number }>();
  let x = 0;
  columns.forEach((column, i) => {
    const width = cols[i] ?? 2;
    out.namespaces.push({ namespace: column.namespace, x, y: 0, width: width * pitch + extra });
    let y = room.head;
    for (const strip of column.strips) y = push(out, strip.index, strip.capacity, x, y, width, room);
    at.set(column.namespace, { x, y, cols: width });
    x += width * pitch + COLUMN_GAP + extra;
  });
  addLater(slots, out, at, x, room);
  for (const s of out.strips) {
    if (s.y + s.label + s.rows * pitch > room.height + 1 || s.x + s.cols * pitch > room.width + 1) out.overflow = true;
  }
  return out;
}

/** What came after founding goes below its own column, or into a new column on the right. */
function addLater(
  slots: PodSlots,
  out: PodGeometry,
  at: Map<string, { x: number; y: number; cols: number }>,
  nextX: number,
  room: PodRoom,
): void {
  let x = nextX;
  for (const column of columnsOf(slots, false)) {
    let place = at.get(column.namespace);
    if (place === undefined) {
      const cols = minCols(column, out.pitch, room);
      place = { x, y: room.head, cols };
      at.set(column.namespace, place);
      out.namespaces.push({ namespace: column.namespace, x, y: 0, width: cols * out.pitch });
      x += cols * out.pitch + COLUMN_GAP;
    }
    for (const strip of column.strips) {
      place.y = push(out, strip.index, strip.capacity, place.x, place.y, place.cols, room);
    }
  }
}

function push(
  out: PodGeometry,
  strip: number,
  capacity: number,
  x: number,
  y: number,
  cols: number,
  room: PodRoom,
): number {
  const rows = Math.ceil(capacity / cols);
  out.strips.push({ strip, x, y, cols, rows, label: room.label });
  return y + room.label + rows * out.pitch + STRIP_GAP;
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
