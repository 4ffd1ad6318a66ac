// Places of everything on the board: a pure function of the founding (which cards there were, how tall they
// want to be) and the viewport. Updates never move what survives them; only a new founding or another viewport does.
import { COLUMNS, type Card, type ColumnId } from "./cards";
import { keepOrder } from "./slots";

export interface Rect {
  x: number;
  y: number;
  w: number;
  h: number;
}

export interface Viewport {
  width: number;
  height: number;
}

/** How much of a card is drawn. */
export type Density = "full" | "mid" | "line";

/** Slots of one column, or of one column's lane. */
interface Stack {
  order: (string | null)[];
  /** Wanted height of each founding slot. */
  wants: number[];
  /** Cards there were at the founding: they decide the sizes. */
  founded: number;
}

/** What was there first. Kept over updates. */
export interface Founding {
  zones: string[];
  stacks: Map<string, Stack>;
}

export interface Placed extends Rect {
  density: Density;
  /** A group's name is drawn above the card. */
  head: number;
}

export interface Layout {
  width: number;
  height: number;
  columns: Record<ColumnId, { x: number; w: number }>;
  headTop: number;
  top: number;
  bottom: number;
  lanes: { zone: string; rect: Rect; pods: Rect }[];
  cards: Map<string, Placed>;
}

const PAD = 14;
const HEAD_TOP = 46;
const TOP = 104;
/** Room below the lanes for the trunk from the pods to the queues. */
const FOOT = 26;
const LANE_GAP = 8;
const CARD_GAP = 8;
const GROUP_HEAD = 15;
export const MIN_WIDTH = 996;
const MIN_LANE = 84;
/** Height of a card of one line, and the gap between such cards. */
const LINE = 20;
const TIGHT_GAP = 3;
const MAX_CARD = 104;
/** Columns whose cards lie in the lanes of their zones. */
const IN_LANES: ReadonlySet<ColumnId> = new Set(["alb", "data"]);

/** Share of the width each column gets; EKS takes what is left. */
const WIDTHS: Record<Exclude<ColumnId, "eks">, [min: number, max: number]> = {
  route53: [118, 160],
  edge: [116, 150],
  alb: [108, 126],
  data: [128, 152],
  sqs: [122, 148],
  lambda: [106, 128],
};

export function stackKey(column: ColumnId, lane: string | null): string {
  return `${column}/${lane ?? ""}`;
}

/** Height a card would like: its title, its figure and its rows. */
export function wantedHeight(card: Card): number {
  const title = 22;
  const big = card.big === undefined ? 0 : 20;
  const cells = card.cells === undefined ? 0 : 16;
  const rows = Math.max(card.rows.length, 1) * 15;
  return Math.max(44, title + big + cells + rows + 7);
}

/** Founds the board, or takes `before` along: survivors keep their slots, newcomers fill holes and ends. */
export function found(cards: Card[], zones: string[], before: Founding | null): Founding {
  const same = before !== null && before.zones.join() === zones.join() ? before : null;
  const lists = new Map<string, Card[]>();
  for (const card of cards) {
    const key = stackKey(card.column, card.lane);
    const list = lists.get(key);
    if (list === undefined) lists.set(key, [card]);
    else list.push(card);
  }
  const stacks = new Map<string, Stack>();
  const keysInOrder = [...new Set([...(same?.stacks.keys() ?? []), ...lists.keys()])].sort((a, b) => COLUMNS.indexOf(split(a)[0] as ColumnId) - COLUMNS.indexOf(split(b)[0] as ColumnId));
  for (const key of keysInOrder) {
    const list = lists.get(key) ?? [];
    const known = same?.stacks.get(key);
    const keys = list.map((c) => c.key);
    stacks.set(
      key,
      known === undefined
        ? foundStack(list, stacks)
        : { order: keepOrder(known.order, keys), wants: known.wants, founded: known.founded },
    );
  }
  return { zones, stacks };
}

/** A new stack in the given order; cards that want to sit beside another take its row when that is free. */
function foundStack(list: Card[], stacks: Map<string, Stack>): Stack {
  const order: (string | null)[] = [];
  const want = new Map(list.map((c) => [c.key, wantedHeight(c)]));
  const free: Card[] = [];
  let neighbours = 0;
  for (const card of list) {
    const other = card.beside === undefined ? undefined : [...stacks.values()].find((s) => s.order.includes(card.beside ?? ""));
    const row = other?.order.indexOf(card.beside ?? "") ?? -1;
    neighbours = Math.max(neighbours, other?.order.length ?? 0);
    if (row < 0 || (order[row] ?? null) !== null) free.push(card);
    else order[row] = card.key;
  }
  for (const card of free) {
    let row = 0;
    while ((order[row] ?? null) !== null) row += 1;
    order[row] = card.key;
  }
  // As many rows as beside it, so that rows are of one height.
  const rows = Math.max(order.length, neighbours);
  const filled = Array.from({ length: rows }, (_, i) => order[i] ?? null);
  const typical = Math.max(44, ...want.values());
  return { order: filled, wants: filled.map((key) => (key === null ? typical : (want.get(key) ?? typical))), founded: rows };
}

/** Everything's place. */
export function layout(founding: Founding, groups: ReadonlySet<string>, viewport: Viewport): Layout {
  const width = Math.max(MIN_WIDTH, viewport.width);
  const columns = columnsAt(width);
  const room = roomOf(founding, groups, viewport);
  const lanes = lanesAt(founding, columns, room);
  const cards = new Map<string, Placed>();
  let lowest = room.bottom;
  for (const column of COLUMNS) {
    if (column === "eks") continue;
    for (const [key, stack] of founding.stacks) {
      const [name, lane] = split(key);
      if (name !== column) continue;
      const place = columns[column];
      const area = lane !== "" ? inLane(lanes, lane, place, column) : IN_LANES.has(column) && lanes.length > 0 ? below(stack, place, room.bottom) : { x: place.x, y: TOP, w: place.w, h: room.bottom - TOP };
      if (area === null) continue;
      lowest = Math.max(lowest, stackCards(stack, area, groups, lane === "", cards, column));
    }
  }
  return { width, height: Math.max(viewport.height, lowest + FOOT), columns, headTop: HEAD_TOP, top: TOP, bottom: room.bottom, lanes, cards };
}

function split(key: string): [string, string] {
  const at = key.indexOf("/");
  return [key.slice(0, at), key.slice(at + 1)];
}

function columnsAt(width: number): Layout["columns"] {
  const t = Math.min(1, Math.max(0, (width - MIN_WIDTH) / (1440 - MIN_WIDTH)));
  const gap = Math.round(13 + t * 6);
  const w = (c: Exclude<ColumnId, "eks">): number => Math.round(WIDTHS[c][0] + (WIDTHS[c][1] - WIDTHS[c][0]) * t);
  const fixed = COLUMNS.filter((c) => c !== "eks") as Exclude<ColumnId, "eks">[];
  const eks = width - 2 * PAD - fixed.reduce((s, c) => s + w(c), 0) - gap * (COLUMNS.length - 1) - 12;
  const out = {} as Layout["columns"];
  let x = PAD;
  for (const column of COLUMNS) {
    // Data sits inside the lanes' frame: the channel after it is wider by the frame's edge.
    const own = column === "eks" ? eks : w(column);
    out[column] = { x, w: own };
    x += own + gap + (column === "data" ? 12 : 0);
  }
  return out;
}

/** What the fullest stack of any lane needs at the least: one line per card. */
function leastLane(founding: Founding, groups: ReadonlySet<string>): number {
  let least = MIN_LANE;
  for (const [key, stack] of founding.stacks) {
    const [column, lane] = split(key);
    if (lane === "") continue;
    const heads = stack.order.filter((k) => k !== null && groups.has(k)).length * GROUP_HEAD;
    least = Math.max(least, (column === "alb" ? 32 : 12) + heads + stack.founded * (LINE + TIGHT_GAP) - TIGHT_GAP);
  }
  return least;
}

function roomOf(founding: Founding, groups: ReadonlySet<string>, viewport: Viewport): { bottom: number; lane: number } {
  const n = Math.max(1, founding.zones.length);
  const lane = Math.max(leastLane(founding, groups), Math.floor((viewport.height - TOP - FOOT - LANE_GAP * (n - 1)) / n));
  return { lane, bottom: TOP + lane * n + LANE_GAP * (n - 1) };
}

function lanesAt(founding: Founding, columns: Layout["columns"], room: { lane: number }): Layout["lanes"] {
  const x = columns.alb.x - 8;
  const w = columns.data.x + columns.data.w + 8 - x;
  return founding.zones.map((zone, i) => {
    const rect = { x, y: TOP + i * (room.lane + LANE_GAP), w, h: room.lane };
    return { zone, rect, pods: { x: columns.eks.x, y: rect.y + 5, w: columns.eks.w, h: rect.h - 24 } };
  });
}

function inLane(lanes: Layout["lanes"], zone: string, place: { x: number; w: number }, column: ColumnId): Rect | null {
  const lane = lanes.find((l) => l.zone === zone);
  if (lane === undefined) return null;
  const head = column === "alb" ? 26 : 6;
  return { x: place.x, y: lane.rect.y + head, w: place.w, h: lane.rect.h - head - 6 };
}

/** Under the lanes, for what belongs in one and whose zone is not known: over them it would cover others. */
function below(stack: Stack, place: { x: number; w: number }, bottom: number): Rect {
  const h = stack.wants.reduce((sum, want) => sum + want + CARD_GAP + GROUP_HEAD, 0);
  return { x: place.x, y: bottom + LANE_GAP, w: place.w, h };
}

/** Stacks one column's cards and returns where it ends. */
function stackCards(stack: Stack, area: Rect, groups: ReadonlySet<string>, centred: boolean, out: Map<string, Placed>, column: ColumnId): number {
  const n = Math.max(1, stack.founded);
  const heads = stack.order.slice(0, stack.founded).filter((k) => k !== null && groups.has(k)).length * GROUP_HEAD;
  const wanted = stack.wants.reduce((a, b) => a + b, 0) + CARD_GAP * (n - 1) + heads;
  const fits = wanted <= area.h;
  const even = Math.floor((area.h - heads - CARD_GAP * (n - 1)) / n);
  const equal = column === "sqs" || column === "lambda";
  const spread = fits && equal ? Math.min(MAX_CARD, even) : 0;
  const gap = fits || even >= 24 ? CARD_GAP : TIGHT_GAP;
  const total = equal && fits ? n * Math.max(spread, 0) + CARD_GAP * (n - 1) : wanted;
  let y = area.y + (fits && centred && !equal ? Math.max(0, Math.floor((area.h - total) / 2)) : 0);
  stack.order.forEach((key, i) => {
    const want = stack.wants[i] ?? stack.wants.at(-1) ?? 60;
    const h = fits ? Math.max(spread, want) : Math.max(LINE, Math.min(want, Math.floor((area.h - heads - gap * (n - 1)) / n)));
    const head = key !== null && groups.has(key) ? GROUP_HEAD : 0;
    if (key !== null) {
      const density: Density = h >= want - 6 ? "full" : h >= 40 ? "mid" : "line";
      out.set(key, { x: area.x, y: y + head, w: area.w, h, density, head });
    }
    y += head + h + gap;
  });
  return y - gap;
}
