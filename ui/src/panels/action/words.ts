// How actions and the steps of a run are called. The words only: what an action does is in its plan.
import type { ConfirmLevel } from "../../ipc/gen/ConfirmLevel";
import type { Plan } from "../../ipc/gen/Plan";
import type { Receipt } from "../../ipc/gen/Receipt";
import type { Verb } from "../../ipc/gen/Verb";
import type { Verdict } from "../../ipc/gen/Verdict";
import { shortArns } from "../../shared/format";

export interface VerbWords {
  /** The dialog's title and the actions list: `Redrive`. */
  does: string;
  /** While it runs: `Redriving`. */
  doing: string;
  /** As a thing that ended: `redrive of`. */
  done: string;
}

const WORDS = {
  redrive: { does: "Redrive", doing: "Redriving", done: "redrive of" },
  "redrive-selected": { does: "Redrive selected from", doing: "Redriving selected from", done: "selected redrive of" },
  purge: { does: "Purge", doing: "Purging", done: "purge of" },
  failover: { does: "Fail over", doing: "Failing over", done: "failover of" },
  "add-reader": { does: "Add a reader to", doing: "Adding a reader to", done: "another reader of" },
  "remove-reader": { does: "Remove reader", doing: "Removing reader", done: "removal of" },
  scale: { does: "Scale", doing: "Scaling", done: "scaling of" },
  bounds: { does: "Change bounds of", doing: "Changing bounds of", done: "other bounds of" },
  pause: { does: "Pause", doing: "Pausing", done: "pause of" },
  resume: { does: "Resume", doing: "Resuming", done: "resumption of" },
  concurrency: { does: "Change concurrency of", doing: "Changing concurrency of", done: "other concurrency of" },
  restart: { does: "Restart", doing: "Restarting", done: "rolling restart of" },
  undo: { does: "Roll back", doing: "Rolling back", done: "rollback of" },
} satisfies Record<string, VerbWords>;

/** Exhaustive, so that a new action does not compile until it has its words. */
const VERBS: Record<Verb, VerbWords> = WORDS;

/** An action's words; one that this page does not know yet is called by its own name. */
export function verbWords(verb: Verb): VerbWords {
  const known = (VERBS as Partial<Record<string, VerbWords>>)[verb];
  const plain = sentence(verb);
  return known ?? { does: plain, doing: `${plain}:`, done: `${plain.toLowerCase()} of` };
}

/** How an action is confirmed, in a few words. */
export const LEVEL_SAYS: Record<ConfirmLevel, string> = {
  L0: "level 0: only looks",
  L1: "level 1: one press",
  L2: "level 2: reason and press",
  L3: "level 3: name typed, button held",
  L4: "level 4: a second person, or broken glass",
};

export const VERDICT: Record<Verdict, string> = { verified: "Verified", unverified: "Done, not verified", failed: "Failed", partial: "Done in part", aborted: "Stopped" };

/** Whose a plan's calls are, where it is not who reads; and what they are limited to. */
export function signed(plan: Plan): { by: string; limit: string } | undefined {
  if (plan.acts_as === undefined) return undefined;
  switch (plan.rights?.[0]?.of) {
    case "iam":
      return { by: `signed by ${shortArns(plan.acts_as)}`, limit: ", allowed only the actions its calls need" };
    case "kubernetes":
      return { by: `made as the user ${shortArns(plan.acts_as)}`, limit: "" };
    case undefined:
      return undefined;
  }
}

/** The title of a run as it stands. */
export function runTitle(receipt: Receipt, name = receipt.plan.name): string {
  const words = verbWords(receipt.action);
  switch (receipt.phase) {
    case "closed":
      return `${receipt.verdict === undefined ? "Over" : VERDICT[receipt.verdict]}: ${words.done} ${name}`;
    case "interrupted":
      return `Interrupted: ${words.done} ${name}`;
    case "cancelling":
      return `Stopping: ${words.done} ${name}`;
    case "opened":
    case "running":
    case "verifying":
      return `${words.doing} ${name}`;
  }
}

const STEPS: Record<string, string> = { checks: "Checks", canary: "Canary", full: "Move the messages", watch: "Watch the canary", cancel: "Cancel", verify: "Verify", undo: "Roll back" };

/** A step's name. */
export function stepName(step: string): string {
  return STEPS[step] ?? sentence(step);
}

export interface Upcoming {
  step: string;
  detail: string;
}

/** Steps a run will still take, from its plan: each step of its calls, then the verification. */
export function upcoming(plan: Plan, receipt: Receipt): Upcoming[] {
  if (receipt.verdict !== undefined || receipt.phase === "cancelling" || receipt.phase === "closed") return [];
  const known = new Set(receipt.steps.map((s) => s.step));
  const planned = [...new Set(plan.calls.map((c) => c.step))].map((step) => ({ step, detail: plan.calls.filter((c) => c.step === step).map((c) => c.operation).join(", then ") }));
  const n = plan.expectations.length;
  return [...planned, { step: "verify", detail: n === 1 ? "one condition, for as long as it must hold" : `${n} conditions, each for as long as it must hold` }].filter((s) => !known.has(s.step));
}

const PARTS: Record<string, string> = { role: "Writer's role", endpoint: "Endpoint", application: "Application" };

/** What came back after an action, by the receipt's name of it. */
export function partWords(part: string): string {
  return PARTS[part] ?? sentence(part);
}

/** A name with underscores or dashes as words: `dlq_messages_visible` → `Dlq messages visible`. */
export function sentence(name: string): string {
  const words = name.replaceAll(/[_-]/g, " ").replace(/\barn\b/, "ARN").replace(/\bdlq\b/, "dead-letter queue");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** What a call is given, as lines of a name and a value: a patch is a line per field, with what it replaces. */
export function givenOf(parameters: Readonly<Record<string, unknown>>): [name: string, value: string][] {
  return Object.entries(parameters).flatMap(([name, value]): [string, string][] => {
    const fields = name === "fields" ? patched(value) : [];
    return fields.length > 0 ? fields : [[name, text(value)]];
  });
}

/** The fields of a patch, each by the end of its path (RFC 6901): `minReplicas 11 → 30`. */
function patched(value: unknown): [string, string][] {
  try {
    const all = JSON.parse(String(value)) as { path: string; was: unknown; now: unknown }[];
    return all.map(({ path, was, now }) => {
      const name = (path.split("/").at(-1) ?? path).replaceAll("~1", "/").replaceAll("~0", "~");
      const same = JSON.stringify(was) === JSON.stringify(now);
      return [name, same ? `stays ${was === null ? "unset" : text(was)}` : `${was === null ? "unset" : text(was)} → ${now === null ? "taken away" : text(now)}`];
    });
  } catch {
    return [];
  }
}

function text(value: unknown): string {
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
