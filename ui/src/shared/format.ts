// Numbers, times and units in words. Everything the window prints goes through here, so that the
// same figure never has two spellings.

const MINUTE = 60;
const HOUR = 3600;
const DAY = 86_400;

/** `1,284`, or `26.8k` above ten thousand when `short`. */
export function count(value: number, short = false): string {
  if (!Number.isFinite(value)) return "–";
  if (short && Math.abs(value) >= 1_000_000) return `${trim(value / 1_000_000, 1)}M`;
  if (short && Math.abs(value) >= 10_000) return `${trim(value / 1000, 1)}k`;
  if (Number.isInteger(value)) return group(value);
  if (Math.abs(value) >= 100) return group(Math.round(value));
  return trim(value, Math.abs(value) >= 10 ? 1 : 2);
}

/** `38.4k/s`, `0.4/s`. */
export function rate(perSecond: number): string {
  return `${count(perSecond, true)}/s`;
}

/** `22%`, `7.9%`, `0.02%`. */
export function percent(value: number): string {
  if (!Number.isFinite(value)) return "–";
  if (value === 0) return "0%";
  if (Math.abs(value) >= 10) return `${trim(value, Math.abs(value) >= 100 ? 0 : 1)}%`;
  return `${trim(value, Math.abs(value) < 0.1 ? 2 : 1)}%`;
}

/** Milliseconds as people read them: `14 ms`, `8.4 s`. */
export function millis(value: number): string {
  if (!Number.isFinite(value)) return "–";
  if (Math.abs(value) < 1000) return `${trim(value, Math.abs(value) < 10 ? 1 : 0)} ms`;
  if (Math.abs(value) < 60_000) return `${trim(value / 1000, 1)} s`;
  return seconds(value / 1000);
}

/** Two units at most: `9 m 12 s`, `3 d 21 h`, `4 s`. */
export function seconds(value: number): string {
  if (!Number.isFinite(value)) return "–";
  const s = Math.max(0, Math.round(value));
  if (s < MINUTE) return `${s} s`;
  if (s < HOUR) return two(Math.floor(s / MINUTE), "m", s % MINUTE, "s");
  if (s < DAY) return two(Math.floor(s / HOUR), "h", Math.floor((s % HOUR) / MINUTE), "m");
  return two(Math.floor(s / DAY), "d", Math.floor((s % DAY) / HOUR), "h");
}

/** Ages: tenths below ten seconds for things that move quickly, otherwise as `seconds`. */
export function age(value: number): string {
  return seconds(Math.max(0, value));
}

/** `0:24`, `14:05`, for countdowns. */
export function countdown(value: number): string {
  const s = Math.max(0, Math.ceil(value));
  const m = Math.floor(s / 60);
  return `${m}:${String(s % 60).padStart(2, "0")}`;
}

/** MiB as MiB, GiB or TiB. */
export function mebibytes(value: number): string {
  if (Math.abs(value) < 1024) return `${count(value)} MiB`;
  return `${trim(value / 1024, 1)} GiB`;
}

export type Zone = "utc" | "local";

/** `14:08:09` of an RFC 3339 time; empty when it is not one. */
export function clock(at: string | undefined, zone: Zone = "utc", withSeconds = true): string {
  const t = at === undefined ? Number.NaN : Date.parse(at);
  if (!Number.isFinite(t)) return "";
  return clockOf(t, zone, withSeconds);
}

/** The same of milliseconds since 1970. */
export function clockOf(t: number, zone: Zone = "utc", withSeconds = true): string {
  const d = new Date(t);
  const [h, m, s] =
    zone === "utc"
      ? [d.getUTCHours(), d.getUTCMinutes(), d.getUTCSeconds()]
      : [d.getHours(), d.getMinutes(), d.getSeconds()];
  const pad = (n: number) => String(n).padStart(2, "0");
  return withSeconds ? `${pad(h)}:${pad(m)}:${pad(s)}` : `${pad(h)}:${pad(m)}`;
}

/** `2026-11-22 14:08:09 UTC`. */
export function stamp(at: string | undefined): string {
  const t = at === undefined ? Number.NaN : Date.parse(at);
  if (!Number.isFinite(t)) return "";
  return `${new Date(t).toISOString().slice(0, 10)} ${clockOf(t)} UTC`;
}

/** Seconds from `at` to `now` (milliseconds since 1970), never negative; undefined when `at` is no time. */
export function since(at: string | undefined, now: number): number | undefined {
  const t = at === undefined ? Number.NaN : Date.parse(at);
  if (!Number.isFinite(t)) return undefined;
  return Math.max(0, (now - t) / 1000);
}

/** `4471-0193-2210`: account ids in groups of four. */
export function account(id: string): string {
  return /^\d{12}$/.test(id) ? `${id.slice(0, 4)}-${id.slice(4, 8)}-${id.slice(8)}` : id;
}

/** Keeps the two ends of an identifier: `E2QW7…K1`. */
export function middle(text: string, max: number): string {
  if (text.length <= max) return text;
  const head = Math.ceil((max - 1) * 0.65);
  return `${text.slice(0, head)}…${text.slice(text.length - (max - 1 - head))}`;
}

/** ARNs inside a sentence without what all of them share: `op@host as operations/on-call`. */
export function shortArns(text: string): string {
  return text.replace(/arn:aws[\w-]*:[^:\s]*:[^:\s]*:[^:\s]*:(?:assumed-role\/|user\/|role\/)?(\S+)/g, "$1");
}

/** `1 pod`, `3 pods`. */
export function plural(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}

function two(a: number, ua: string, b: number, ub: string): string {
  return b === 0 ? `${a} ${ua}` : `${a} ${ua} ${b} ${ub}`;
}

// Made once: a formatter costs far more than a formatting.
const DIGITS = [0, 1, 2].map((maximumFractionDigits) => new Intl.NumberFormat("en-US", { maximumFractionDigits }));

function group(value: number): string {
  return trim(value, 0);
}

function trim(value: number, digits: 0 | 1 | 2): string {
  const text = (DIGITS[digits] as Intl.NumberFormat).format(value);
  return text === "-0" ? "0" : text;
}

/** At most `most` characters of a text that may be of any length: its two ends. */
export function bounded(text: string, most = 300): string {
  return middle(text, most);
}
