// What the window asks of the shell, typed. `client.ts` asks the real one, `fake/` plays it.
import type { Cost } from "./gen/Cost";
import type { About } from "./gen/About";
import type { Arming } from "./gen/Arming";
import type { AuditRow } from "./gen/AuditRow";
import type { Beginnings } from "./gen/Beginnings";
import type { ChosenProfile } from "./gen/ChosenProfile";
import type { Environment } from "./gen/Environment";
import type { FoundPlatform } from "./gen/FoundPlatform";
import type { IpcError } from "./gen/IpcError";
import type { Link } from "./gen/Link";
import type { NodeId } from "./gen/NodeId";
import type { Offer } from "./gen/Offer";
import type { OpenLoop } from "./gen/OpenLoop";
import type { Peek } from "./gen/Peek";
import type { Plan } from "./gen/Plan";
import type { PlanId } from "./gen/PlanId";
import type { Receipt } from "./gen/Receipt";
import type { RunEvent } from "./gen/RunEvent";
import type { RunId } from "./gen/RunId";
import type { SignInAsked } from "./gen/SignInAsked";
import type { Verb } from "./gen/Verb";

export type { About, Arming, AuditRow };

/** A refusal or failure of a command, in words; the window adds codes of its own (`no-answer`, `malformed`). */
export type HostError = Omit<IpcError, "code"> & { code: IpcError["code"] | "no-answer" | "malformed" | "error" };

/** Everything the window can ask. Updates come as unknown: they are checked where they are applied. */
export interface Host {
  /** Calls back with the full state, then with deltas; a new call replaces the last. */
  subscribe(onUpdate: (update: unknown) => void): Promise<void>;
  offers(node: NodeId): Promise<Offer[]>;
  allOffers(): Promise<Offer[]>;
  plan(action: Verb, node: NodeId, settings: Record<string, string>): Promise<Plan>;
  arm(reason: string, minutes: number): Promise<Arming>;
  disarm(): Promise<unknown>;
  arming(): Promise<Arming>;
  beginHold(plan: PlanId): Promise<void>;
  act(plan: PlanId, digest: string, confirm: string, reason: string, breakGlass?: string): Promise<RunId>;
  watchRun(run: RunId, onEvent: (event: RunEvent) => void): Promise<void>;
  cancelRun(run: RunId): Promise<void>;
  runs(): Promise<Receipt[]>;
  /** What was left open, by whom and until when, the most urgent first. */
  loops(): Promise<OpenLoop[]>;
  /** What reading costs, and the budget it is held against. */
  cost(): Promise<Cost>;
  /** Looks at a sample of a queue's messages and lets them go; with `edit`, what it would change. Leaves a trace in the queue. */
  peek(node: NodeId, sample: number, edit?: string, freeShape?: boolean): Promise<Peek>;
  resumeRun(run: RunId): Promise<RunId>;
  audit(limit: number): Promise<AuditRow[]>;
  about(): Promise<About>;
  /** Calls back with the link the window was started with, then with those that are followed later. */
  links(onLink: (link: Link) => void): Promise<void>;
  /** Tries credentials that are no good again, and reads at once what failed. */
  tryAgain(): Promise<void>;
  /** Begins to sign a profile in, in the place of a sign-in that waits: what somebody has to do for it. */
  beginSignIn(profile: string): Promise<SignInAsked>;
  /** Ends when the code is confirmed; fails when it is refused, over, or given up. */
  awaitSignIn(): Promise<void>;
  /** Gives a code of the device that is asked for; one that is refused leaves room for the next. */
  giveSignInCode(code: string): Promise<void>;
  /** Opens the page of the sign-in that waits in this machine's browser. */
  openSignInPage(): Promise<void>;
  cancelSignIn(): Promise<void>;
  /** Approves the program that waits under this hash, as it was shown. */
  approveProgram(hash: string): Promise<void>;
  /** Opens the simulated platform, where no platform was named. */
  startDrill(scenario: string): Promise<void>;
  /** The stack files that are kept, and the profiles of the AWS config. */
  beginnings(): Promise<Beginnings>;
  /** What profiles lead to; only read, and kept by `keep` alone. */
  discover(profiles: ChosenProfile[]): Promise<FoundPlatform>;
  /** Keeps what was found last as a stack file, and opens it. */
  keep(name: string, environment: Environment): Promise<void>;
  /** Opens one of the stack files that are kept. */
  openStack(file: string): Promise<void>;
  /** Opens what could not be opened once more. */
  reopen(): Promise<void>;
  /** Closes the platform, so that another can be chosen. */
  leave(): Promise<void>;
}

const CODES: readonly string[] = ["not-open", "refused", "no-answer", "malformed"];

/** Turns whatever a command rejected with into words. */
export function hostError(thrown: unknown): HostError {
  if (typeof thrown !== "object" || thrown === null || !("message" in thrown)) {
    return { code: "error", message: String(thrown), retryable: false };
  }
  const e = thrown as Partial<HostError>;
  const known = typeof e.code === "string" && CODES.includes(e.code) ? e.code : "error";
  const out: HostError = { code: known, message: String(e.message), retryable: e.retryable === true };
  if (typeof e.hint === "string") out.hint = e.hint;
  return out;
}
