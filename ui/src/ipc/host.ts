// What the window asks of the shell, typed. `client.ts` asks the real one, `fake/` plays it.
import type { NodeId } from "./gen/NodeId";
import type { Offer } from "./gen/Offer";
import type { Plan } from "./gen/Plan";
import type { PlanId } from "./gen/PlanId";
import type { Receipt } from "./gen/Receipt";
import type { RunEvent } from "./gen/RunEvent";
import type { RunId } from "./gen/RunId";
import type { Timestamp } from "./gen/Timestamp";
import type { Verb } from "./gen/Verb";

/** Whether actions may be pressed, and for how long. */
export interface Arming {
  armed: boolean;
  until?: Timestamp;
  seconds_left?: number;
  reason?: string;
  scope: string;
}

/** One row of the hash-chained record. */
export interface AuditRow {
  seq: number;
  at: Timestamp;
  actor: string;
  kind: string;
  run?: string | null;
  sentence: string;
  hash: string;
}

/** What is running, and whether the stack file could be read. */
export interface About {
  version: string;
  /** The stack file, or the drill. */
  looking_at: string;
  error?: HostError | null;
}

/** A refusal or failure of a command, in words. */
export interface HostError {
  code: string;
  message: string;
  hint?: string | null;
  retryable: boolean;
}

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
  act(plan: PlanId, digest: string, confirm: string, reason: string): Promise<RunId>;
  watchRun(run: RunId, onEvent: (event: RunEvent) => void): Promise<void>;
  cancelRun(run: RunId): Promise<void>;
  runs(): Promise<Receipt[]>;
  resumeRun(run: RunId): Promise<RunId>;
  audit(limit: number): Promise<AuditRow[]>;
  about(): Promise<About>;
}

/** Turns whatever a command rejected with into words. */
export function hostError(thrown: unknown): HostError {
  if (typeof thrown === "object" && thrown !== null && "message" in thrown) {
    const e = thrown as Partial<HostError>;
    return {
      code: typeof e.code === "string" ? e.code : "error",
      message: String(e.message),
      hint: typeof e.hint === "string" ? e.hint : null,
      retryable: e.retryable === true,
    };
  }
  return { code: "error", message: String(thrown), hint: null, retryable: false };
}
