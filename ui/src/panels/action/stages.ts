// Where a guarded action is, as the step line shows it. Read from the plan and the receipt only.
import type { Finding } from "../../ipc/gen/Finding";
import type { Level } from "../../ipc/gen/Level";
import type { Offer } from "../../ipc/gen/Offer";
import type { Plan } from "../../ipc/gen/Plan";
import type { Receipt } from "../../ipc/gen/Receipt";
import type { Setting } from "../../ipc/gen/Setting";
import type { Verdict } from "../../ipc/gen/Verdict";

export const STAGES = ["Review", "Checks", "Confirm", "Run", "Verify", "Receipt"] as const;

export interface Stage {
  name: (typeof STAGES)[number];
  mark: "done" | "now" | "failed" | "later";
}

/** The step line for a plan (or none yet), or for a run. */
export function stages(plan: Plan | null, receipt: Receipt | undefined): Stage[] {
  const now = receipt === undefined ? (plan === null ? 1 : blockers(plan).length > 0 ? 1 : 2) : stageOfRun(receipt);
  const failed = receipt === undefined ? plan !== null && blockers(plan).length > 0 : receipt.verdict !== undefined && receipt.verdict !== "verified";
  const over = receipt?.verdict;
  return STAGES.map((name, i) => (over !== undefined && i >= 3 ? { name, mark: OVER[over][i - 3] ?? "later" } : {
    name,
    mark: i < now ? "done" : i > now ? "later" : failed ? "failed" : receipt?.verdict === "verified" ? "done" : "now",
  }));
}

/** Run, Verify and Receipt of a run that is over: what was never verified must not look as if it had been. */
const OVER: Record<Verdict, Stage["mark"][]> = {
  verified: ["done", "done", "done"],
  unverified: ["done", "failed", "failed"],
  partial: ["failed", "later", "failed"],
  aborted: ["failed", "later", "failed"],
  failed: ["failed", "later", "failed"],
};

function stageOfRun(receipt: Receipt): number {
  switch (receipt.phase) {
    case "opened":
    case "running":
    case "cancelling":
    case "interrupted":
      return 3;
    case "verifying":
      return 4;
    case "closed":
      return 5;
  }
}

/** What blocks the plan; the backend decides whether (an unknown check blocks at some levels only), this only lists. */
export function blockers(plan: Plan): Finding[] {
  if (plan.blocked !== true) return [];
  const unmet = plan.findings.filter((f) => f.outcome !== "pass" && f.severity !== "info");
  const hard = unmet.filter((f) => f.severity === "block");
  return (hard.length > 0 ? hard : unmet).sort((a, b) => Number(b.outcome === "fail") - Number(a.outcome === "fail"));
}

/** What must be chosen before anything can be judged: the first setting that has candidates, no default, and none taken. */
export function openChoice(asks: readonly Setting[], values: Readonly<Record<string, string>>): Setting | undefined {
  return asks.find((s) => s.ask.kind === "choice" && s.default === "" && (values[s.name] ?? "") === "");
}

/** Whether an offer waits for nothing but a choice: all that blocks it is that none was made (`….target-chosen`). */
export function onlyToChoose(offer: Pick<Offer, "findings" | "settings">): boolean {
  const unmet = offer.findings.filter((f) => f.severity === "block" && f.outcome !== "pass");
  return unmet.length > 0 && unmet.every((f) => f.id.endsWith("-chosen")) && openChoice(offer.settings, {}) !== undefined;
}

export function warnings(findings: Finding[]): Finding[] {
  return findings.filter((f) => f.severity === "warn" && f.outcome !== "pass");
}

/** What could not be asked beforehand: neither good nor bad. */
export function unchecked(finding: Finding): boolean {
  return finding.severity === "info" && (finding.outcome === "unknown" || finding.value === "not checked");
}

/** How a finding is painted: a level where somebody must act, else whether it passes, is only told, or was not checked. */
export function findingLevel(finding: Finding): Level | "pass" | "note" | "unchecked" {
  if (unchecked(finding)) return "unchecked";
  if (finding.outcome === "pass") return "pass";
  if (finding.severity === "info") return "note";
  if (finding.severity === "warn") return "warning";
  return finding.outcome === "unknown" ? "unknown" : "critical";
}

const ORDER: Record<Level | "pass" | "note" | "unchecked", number> = { critical: 0, unknown: 1, warning: 2, in_transition: 2, note: 3, unchecked: 4, pass: 5, ok: 5 };

/** What blocks first, then what is to be noted, then what passes; the order among equals stays. */
export function worstFirst(findings: Finding[]): Finding[] {
  return findings.map((f, i) => ({ f, i })).sort((a, b) => ORDER[findingLevel(a.f)] - ORDER[findingLevel(b.f)] || a.i - b.i).map((x) => x.f);
}

/** `2 block, 3 to note, 12 passed, 1 not checked`. */
export function tallyOf(findings: Finding[]): string {
  const of = (...levels: ReturnType<typeof findingLevel>[]): number => findings.filter((f) => levels.includes(findingLevel(f))).length;
  const block = of("critical");
  const said: [number, string][] = [
    [block, block === 1 ? "blocks" : "block"],
    [of("unknown"), "not known"],
    [of("warning", "note"), "to note"],
    [of("pass"), "passed"],
    [of("unchecked"), "not checked"],
  ];
  return said.filter(([n]) => n > 0).map(([n, what]) => `${n} ${what}`).join(", ");
}
