// The reckoning of a long table of which only the rows in sight are in the document.

export interface Column {
  key: string;
  label: string;
  /** What the figure means, on hover. */
  title?: string;
  /** Figures are ranged right. */
  end?: boolean;
  /** Read out, not drawn: the row says it in another place. */
  silent?: boolean;
}

/** Indices of the rows to draw: those in sight with some to either side, and the one that has the focus wherever it is. */
export function inSight(count: number, row: number, top: number, height: number, focused: number): number[] {
  const first = Math.max(0, Math.floor(top / row) - 4);
  const last = Math.min(count, first + Math.ceil(height / row) + 9);
  const out = Array.from({ length: Math.max(0, last - first) }, (_, i) => first + i);
  if (focused >= 0 && focused < count && (focused < first || focused >= last)) out.push(focused);
  return out;
}

/** Where a key leads from row `at` of `count`; null when the key does not move. */
export function moved(key: string, at: number, count: number, page: number): number | null {
  if (count === 0) return null;
  const to = (n: number): number => Math.min(count - 1, Math.max(0, n));
  switch (key) {
    case "ArrowDown":
      return to(at + 1);
    case "ArrowUp":
      return to(at - 1);
    case "PageDown":
      return to(at + page);
    case "PageUp":
      return to(at - page);
    case "Home":
      return 0;
    case "End":
      return count - 1;
    default:
      return null;
  }
}

/** `rows` in an order that was held: what is new comes last, in its own order. */
export function inOrder<R extends { id: string }>(rows: readonly R[], order: readonly string[]): R[] {
  const place = new Map(order.map((id, i) => [id, i]));
  const at = (r: R): number => place.get(r.id) ?? order.length;
  return rows.map((r, i) => ({ r, i })).sort((a, b) => at(a.r) - at(b.r) || a.i - b.i).map((x) => x.r);
}
