// Paints pod cells. A failed pod loses its gap and fuses with its neighbours, a pod that is not ready is half a
// cell, a pending one is hollow, an unknown one is an outline: shape says what colour says.
import type { NodeId } from "../ipc/gen/NodeId";
import type { PodGeometry, StripRect } from "./pods";
import type { PodSlots } from "./slots";

export type CellState = "ready" | "pending" | "notReady" | "failed" | "unknown" | "done";

export interface Palette {
  ok: string;
  off: string;
  p1: string;
  p2: string;
  p3: string;
  dim: string;
}

/** Colours of the current theme. */
export function paletteOf(element: Element): Palette {
  const style = getComputedStyle(element);
  const v = (name: string): string => style.getPropertyValue(name).trim();
  return { ok: v("--cell-ok"), off: v("--cell-off"), p1: v("--p1"), p2: v("--p2"), p3: v("--p3"), dim: v("--text-3") };
}

/** Paints one strip of one lane at (`ox`, `oy`), clearing what was there. */
export function drawStrip(
  ctx: CanvasRenderingContext2D,
  slots: PodSlots,
  geometry: PodGeometry,
  strip: StripRect,
  lane: string,
  ox: number,
  oy: number,
  stateOf: (id: NodeId) => CellState,
  colours: Palette,
): void {
  const cells = slots.cellsOf(strip.strip, lane);
  const { pitch, gap } = geometry;
  const x0 = ox + strip.x;
  const y0 = oy + strip.y + strip.label;
  ctx.clearRect(x0 - 1, y0 - 1, strip.cols * pitch + 2, strip.rows * pitch + 2);
  if (cells === undefined) return;
  const states = cells.ids.map((id) => (id === null ? null : stateOf(id)));
  const side = pitch - gap;
  states.forEach((is, i) => {
    if (is === null) return;
    const x = x0 + (i % strip.cols) * pitch;
    const y = y0 + Math.floor(i / strip.cols) * pitch;
    if (is === "failed") {
      const rightToo = (i + 1) % strip.cols !== 0 && states[i + 1] === "failed";
      const belowToo = states[i + strip.cols] === "failed";
      ctx.fillStyle = colours.p1;
      ctx.fillRect(x, y, rightToo ? pitch : side, belowToo ? pitch : side);
      return;
    }
    cell(ctx, is, x, y, side, colours);
  });
}

function cell(ctx: CanvasRenderingContext2D, is: CellState, x: number, y: number, side: number, colours: Palette): void {
  switch (is) {
    case "ready":
      ctx.fillStyle = colours.ok;
      ctx.fillRect(x, y, side, side);
      return;
    case "done":
    case "failed":
      ctx.fillStyle = colours.off;
      ctx.fillRect(x, y, side, side);
      return;
    case "notReady":
      ctx.fillStyle = colours.p2;
      ctx.beginPath();
      ctx.moveTo(x, y + side);
      ctx.lineTo(x + side, y);
      ctx.lineTo(x + side, y + side);
      ctx.closePath();
      ctx.fill();
      return;
    case "pending":
      ctx.strokeStyle = colours.p3;
      ctx.lineWidth = 1;
      ctx.strokeRect(x + 0.5, y + 0.5, side - 1, side - 1);
      return;
    case "unknown":
      ctx.strokeStyle = colours.dim;
      ctx.lineWidth = 1;
      ctx.strokeRect(x + 0.5, y + 0.5, side - 1, side - 1);
  }
}
