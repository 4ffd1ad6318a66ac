// A sparkline's path: one polyline per run of known values.

/** `d` of the line through `values` in a box, leaving gaps where there was no data; empty for under two points. */
export function sparkPath(values: readonly (number | null)[], width: number, height: number, pad = 1.5): string {
  const known = values.filter((v): v is number => v !== null && Number.isFinite(v));
  if (known.length < 2) return "";
  const { low, high } = bounds(known);
  const x = (i: number): number => pad + (i / Math.max(1, values.length - 1)) * (width - 2 * pad);
  const y = (v: number): number => height - pad - ((v - low) / (high - low)) * (height - 2 * pad);
  let d = "";
  let open = false;
  values.forEach((v, i) => {
    if (v === null || !Number.isFinite(v)) {
      open = false;
      return;
    }
    d += `${open ? "L" : "M"}${x(i).toFixed(1)} ${y(v).toFixed(1)}`;
    open = true;
  });
  return d;
}

/** The range of an axis: from zero when that is near, never empty. */
export function bounds(values: readonly number[]): { low: number; high: number } {
  let low = Math.min(...values);
  let high = Math.max(...values);
  if (low > 0 && low < high * 0.6) low = 0;
  if (high - low < Math.max(Math.abs(high) * 0.04, 1e-9)) {
    const room = Math.max(Math.abs(high) * 0.1, 0.5);
    low -= room;
    high += room;
  }
  return { low, high };
}

/** Where the last known value sits. */
export function sparkEnd(values: readonly (number | null)[], width: number, height: number, pad = 1.5): { x: number; y: number } | null {
  const known = values.filter((v): v is number => v !== null && Number.isFinite(v));
  let at = -1;
  values.forEach((v, i) => {
    if (v !== null && Number.isFinite(v)) at = i;
  });
  const last = values[at];
  if (known.length < 2 || last === undefined || last === null) return null;
  const { low, high } = bounds(known);
  return {
    x: pad + (at / Math.max(1, values.length - 1)) * (width - 2 * pad),
    y: height - pad - ((last - low) / (high - low)) * (height - 2 * pad),
  };
}
