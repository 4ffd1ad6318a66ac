// Values of a plan's before-state in words: the unit is in the name, as in every fact; ids are the names of what they name.
import { clock, count, percent, plural, seconds, shortArns } from "../../shared/format";

/** So many of a list are named, the rest is counted. */
const NAMED = 3;

/** `named` tells what a node is called by its id. */
export function beforeText(name: string, value: unknown, named: (id: string) => string | undefined = () => undefined): string {
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "number") return numberText(name, value);
  if (Array.isArray(value)) return listText(value.map((v) => beforeText(name, v, named)));
  if (typeof value === "object" && value !== null) return listText(Object.entries(value).map(([k, v]) => `${k.replaceAll("_", " ")} ${beforeText(k, v, named)}`));
  if (typeof value !== "string" || value === "") return "–";
  const inner = parsed(value);
  if (inner !== undefined) return beforeText(name, inner, named);
  if (/^\d{4}-\d\d-\d\dT/.test(value)) return clock(value);
  const known = named(value);
  if (known !== undefined) return known;
  if (/^[^\s,]+(,\s?[^\s,]+)+$/.test(value)) return listText(value.split(",").map((v) => beforeText(name, v.trim(), named)));
  // Of an ARN or an id the name at its end says it; the whole is in the title.
  return /^arn:|^[a-z]+(\/[^/\s]+){3,}$/.test(value) ? (value.split(/[:/]/).at(-1) ?? value) : shortArns(value);
}

function numberText(name: string, value: number): string {
  if (name.endsWith("_seconds")) return seconds(value);
  if (name.endsWith("_ms")) return `${count(value)} ms`;
  if (name.endsWith("_percent")) return percent(value);
  // A revision or generation is a name.
  return /(revision|generation|version)$/.test(name) ? String(value) : count(value);
}

function listText(items: string[]): string {
  if (items.length === 0) return "none";
  return items.length <= NAMED + 1 ? items.join(", ") : `${items.slice(0, NAMED).join(", ")} and ${plural(items.length - NAMED, "more", "more")}`;
}

/** A list or object that was kept as its text. */
function parsed(value: string): unknown {
  if (!/^[[{]/.test(value)) return undefined;
  try {
    return JSON.parse(value) as unknown;
  } catch {
    return undefined;
  }
}
