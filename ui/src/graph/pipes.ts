// Orthogonal pipes between placed cards: one path per pipe, routed through the channels between columns.
import type { ColumnId } from "./cards";
import { COLUMNS } from "./cards";
import type { Layout, Rect } from "./layout";
import type { Pipe } from "./topology";
import { podAnchor } from "./topology";

export interface Route {
  key: string;
  d: string;
  /** Arrow head; empty for a trunk that several pipes share. */
  head: string;
  width: number;
  level: Pipe["level"];
}

interface Anchor {
  rect: Rect;
  column: ColumnId;
}

const RADIUS = 6;

/** Width of a pipe: the logarithm of what flows. */
export function pipeWidth(traffic: number): number {
  if (!(traffic > 0)) return 1.5;
  return Math.min(5, 1.2 + Math.log10(1 + traffic) * 0.8);
}

/**
 * Routes every pipe whose ends are placed. What leads to something abnormal is coloured on its last leg only: the
 * trunk before it also serves what is well. Abnormal ones come last, so that they are on top.
 */
export function routes(pipes: Pipe[], layout: Layout): Route[] {
  const out = new Map<string, Route>();
  const add = (key: string, points: Point[], arrow: boolean, width: number, level: Pipe["level"]): void => {
    const d = rounded(points);
    const known = out.get(key);
    if (known === undefined || known.width < width) out.set(key, { key, d, head: arrow ? head(points) : "", width, level });
  };
  for (const pipe of pipes) {
    const from = anchor(pipe.from, layout);
    const to = anchor(pipe.to, layout);
    if (from === null || to === null) continue;
    const points = path(from, to, layout, pipe);
    const width = pipeWidth(pipe.traffic);
    if (points.length <= 3 || pipe.level === "ok") {
      add(points.join(" "), points, true, width, pipe.level);
      continue;
    }
    // The last leg starts half-way down the channel, before the corner into the card.
    const corner = points.at(-2) as Point;
    const end = points.at(-1) as Point;
    add(points.slice(0, -1).join(" "), points.slice(0, -1), false, width, "ok");
    add(`${corner.join(",")}>${end.join(",")}`, [corner, end], true, width, pipe.level);
  }
  return [...out.values()].sort((a, b) => rank(a) - rank(b) || b.width - a.width);
}

function rank(route: Route): number {
  return route.level === "critical" ? 2 : route.level === "warning" ? 1 : 0;
}

function anchor(key: string, layout: Layout): Anchor | null {
  if (key === "pods") {
    const first = layout.lanes[0]?.rect;
    if (first === undefined) return null;
    return { rect: { x: layout.columns.eks.x, y: first.y, w: layout.columns.eks.w, h: layout.bottom - first.y }, column: "eks" };
  }
  const lane = layout.lanes.find((l) => podAnchor(l.zone) === key);
  if (lane !== undefined) return { rect: lane.pods, column: "eks" };
  const rect = layout.cards.get(key);
  if (rect === undefined) return null;
  return { rect, column: columnAt(rect.x, layout) };
}

function columnAt(x: number, layout: Layout): ColumnId {
  return COLUMNS.find((c) => layout.columns[c].x === x) ?? "eks";
}

type Point = [number, number];

function path(from: Anchor, to: Anchor, layout: Layout, pipe: Pipe): Point[] {
  const a = COLUMNS.indexOf(from.column);
  const b = COLUMNS.indexOf(to.column);
  if (from.column === "eks" && to.column === "sqs") return trunk(from, to, layout);
  if (from.column === "sqs" && to.column === "eks") return back(from, to, layout);
  if (from.column === "eks" && to.column === "data" && pipe.from === "pods") return fan(to, layout);
  if (a === b) return within(from, to);
  if (a > b) return over(from, to, layout);
  if (b === a + 1) return adjacent(from, to, layout, a);
  return skip(from, to, layout, a, b);
}

const midY = (r: Rect): number => Math.round(r.y + r.h / 2);
const right = (r: Rect): number => r.x + r.w;

/** The channel to the left of column `index`. */
function channel(index: number, layout: Layout): number {
  const here = layout.columns[COLUMNS[index] ?? "route53"];
  const before = layout.columns[COLUMNS[index - 1] ?? "route53"];
  const start = COLUMNS[index - 1] === "data" ? before.x + before.w + 8 : before.x + before.w;
  const end = COLUMNS[index] === "alb" ? here.x - 8 : here.x;
  return Math.round((start + end) / 2);
}

function adjacent(from: Anchor, to: Anchor, layout: Layout, a: number): Point[] {
  const bus = channel(a + 1, layout);
  const y1 = overlap(from.rect, to.rect) ?? midY(from.rect);
  const y2 = overlap(from.rect, to.rect) ?? midY(to.rect);
  if (y1 === y2) return [[right(from.rect), y1], [to.rect.x, y2]];
  return [[right(from.rect), y1], [bus, y1], [bus, y2], [to.rect.x, y2]];
}

/** A common height, when a straight line is possible. */
function overlap(a: Rect, b: Rect): number | null {
  const top = Math.max(a.y, b.y) + 8;
  const bottom = Math.min(a.y + a.h, b.y + b.h) - 8;
  if (bottom < top) return null;
  const y = midY(b);
  if (y >= top && y <= bottom) return y;
  return Math.round((top + bottom) / 2);
}

/** Past a column: up to the corridor above the cards and down again. */
function skip(from: Anchor, to: Anchor, layout: Layout, a: number, b: number): Point[] {
  const up = channel(a + 1, layout) - 3;
  const down = channel(b, layout);
  const y = layout.top - 7;
  return [[right(from.rect), midY(from.rect)], [up, midY(from.rect)], [up, y], [down, y], [down, midY(to.rect)], [to.rect.x, midY(to.rect)]];
}

/** Against the flow, e.g. a function's connection to the database. */
function over(from: Anchor, to: Anchor, layout: Layout): Point[] {
  const y = layout.top - 7;
  const x = from.rect.x + Math.round(from.rect.w / 2);
  const down = right(to.rect) + 4;
  return [[x, from.rect.y], [x, y], [down, y], [down, midY(to.rect)], [right(to.rect), midY(to.rect)]];
}

function within(from: Anchor, to: Anchor): Point[] {
  const x = from.rect.x + Math.round(from.rect.w / 2);
  if (to.rect.y > from.rect.y) return [[x, from.rect.y + from.rect.h], [x, to.rect.y]];
  return [[x, from.rect.y], [x, to.rect.y + to.rect.h]];
}

/** From under the pods along the bottom to the queues. */
function trunk(from: Anchor, to: Anchor, layout: Layout): Point[] {
  const x = from.rect.x + Math.round(from.rect.w / 2);
  const bus = channel(COLUMNS.indexOf("sqs"), layout);
  const y = layout.bottom + 10;
  return [[x, layout.bottom], [x, y], [bus, y], [bus, midY(to.rect)], [to.rect.x, midY(to.rect)]];
}

/** From a queue back to the workload that consumes it. */
function back(from: Anchor, to: Anchor, layout: Layout): Point[] {
  const bus = channel(COLUMNS.indexOf("sqs"), layout) - 4;
  const y = layout.top - 7;
  const x = to.rect.x + Math.round(to.rect.w * 0.62);
  const exit = from.rect.y + Math.min(14, from.rect.h / 3);
  return [[from.rect.x, exit], [bus, exit], [bus, y], [x, y], [x, layout.top]];
}

/** From every lane's pods to one member of a cluster: straight across its own lane. */
function fan(to: Anchor, layout: Layout): Point[] {
  return [[layout.columns.eks.x + layout.columns.eks.w + 2, midY(to.rect)], [to.rect.x, midY(to.rect)]];
}

function rounded(points: Point[]): string {
  const p = points.filter((q, i) => i === 0 || q[0] !== points[i - 1]?.[0] || q[1] !== points[i - 1]?.[1]);
  const start = p[0];
  if (start === undefined) return "";
  let d = `M${start[0]} ${start[1]}`;
  for (let i = 1; i < p.length; i += 1) {
    const here = p[i] as Point;
    const next = p[i + 1];
    if (next === undefined) {
      d += `L${here[0]} ${here[1]}`;
      continue;
    }
    const before = p[i - 1] as Point;
    const r = Math.min(RADIUS, span(before, here) / 2, span(here, next) / 2);
    const [ax, ay] = towards(here, before, r);
    const [bx, by] = towards(here, next, r);
    d += `L${ax} ${ay}Q${here[0]} ${here[1]} ${bx} ${by}`;
  }
  return d;
}

function span(a: Point, b: Point): number {
  return Math.abs(a[0] - b[0]) + Math.abs(a[1] - b[1]);
}

function towards(from: Point, to: Point, by: number): Point {
  return [from[0] + Math.sign(to[0] - from[0]) * by, from[1] + Math.sign(to[1] - from[1]) * by];
}

function head(points: Point[]): string {
  const end = points.at(-1) as Point;
  const before = points.at(-2) ?? end;
  const [dx, dy] = [Math.sign(end[0] - before[0]), Math.sign(end[1] - before[1])];
  if (dx > 0) return `M${end[0]} ${end[1]}l-5 -3.5v7z`;
  if (dx < 0) return `M${end[0]} ${end[1]}l5 -3.5v7z`;
  if (dy > 0) return `M${end[0]} ${end[1]}l-3.5 -5h7z`;
  return `M${end[0]} ${end[1]}l-3.5 5h7z`;
}
