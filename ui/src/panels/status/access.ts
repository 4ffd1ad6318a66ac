// The way into each account, in words: how long it lasts, and what shuts us out.
import type { Access } from "../../ipc/gen/Access";
import type { AccessState } from "../../ipc/gen/AccessState";
import type { Level } from "../../ipc/gen/Level";
import { account } from "../../shared/format";

/** From so many seconds before the end on, the time left is shown. */
const SHOWN_WITHIN_S = 3600;

const LEVEL: Record<AccessState, Level> = { valid: "ok", unknown: "ok", expiring: "warning", expired: "critical", denied: "critical", "wrong-account": "critical", unusable: "critical" };
const WORD: Record<AccessState, string> = { valid: "valid", unknown: "not known", expiring: "expiring", expired: "expired", denied: "denied", "wrong-account": "wrong account", unusable: "not usable" };

/** Whose it is: its profile, else its account. */
export function nameOf(access: Access): string {
  return access.profile ?? (/^\d{12}$/.test(access.account) ? account(access.account) : "default chain");
}

/** Seconds until it ends unless somebody does something; null when it does not. */
export function secondsLeft(access: Access, now: number): number | null {
  const ends = access.expires_at === undefined ? Number.NaN : Date.parse(access.expires_at);
  return Number.isFinite(ends) ? (ends - now) / 1000 : null;
}

export interface Chip {
  access: Access;
  level: Level;
  text: string;
}

/** What the status bar says of an account; nothing while there is more than an hour and nothing is the matter. */
export function chips(all: Access[], now: number): Chip[] {
  const of = (access: Access): Chip[] => {
    const level = LEVEL[access.state];
    const left = secondsLeft(access, now);
    if (level === "critical") return [{ access, level, text: WORD[access.state] }];
    if (left === null || left > SHOWN_WITHIN_S) return [];
    // The backend says that it is over; until it does, this only counts.
    return [{ access, level, text: left < 60 ? "ends in under a minute" : `ends in ${Math.floor(left / 60)} min` }];
  };
  return all.flatMap(of);
}

/** What must be said loudly, the worst first. */
export function loud(all: Access[]): Access[] {
  const rank = (access: Access): number => (LEVEL[access.state] === "critical" ? 0 : 1);
  return all.filter((a) => a.sentence !== undefined && LEVEL[a.state] !== "ok").sort((a, b) => rank(a) - rank(b));
}

/** What the strip is headed with. */
export function heading(access: Access): string {
  return `CREDENTIALS ${WORD[access.state].toUpperCase()}`;
}

export function levelOf(access: Access): Level {
  return LEVEL[access.state];
}

/** The six digits of a code, without the blanks people and devices put between them; null when it is no code. */
export function digits(text: string): string | null {
  const code = text.replace(/\s/g, "");
  return /^[0-9]{6}$/.test(code) ? code : null;
}
