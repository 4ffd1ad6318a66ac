// Values of a plan's before-state in words: the unit is in the name, as in every fact.
import { clock, count, percent, seconds, shortArns } from "../../shared/format";

export function beforeText(name: string, value: unknown): string {
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "number") {
    if (name.endsWith("_seconds")) return seconds(value);
    if (name.endsWith("_ms")) return `${count(value)} ms`;
    if (name.endsWith("_percent")) return percent(value);
    return count(value);
  }
  if (typeof value !== "string") return value === null || value === undefined ? "–" : JSON.stringify(value);
  if (/^\d{4}-\d\d-\d\dT/.test(value)) return clock(value);
  // Of an ARN the name at its end says it; the whole is in the title.
  return /^arn:/.test(value) ? (value.split(/[:/]/).at(-1) ?? value) : shortArns(value);
}
