// The only file that talks to the shell. A command that panicked never answers, so every call has a
// deadline of its own and fails with a sentence instead of waiting for ever.
import { Channel, invoke } from "@tauri-apps/api/core";
import type { Cost } from "./gen/Cost";
import type { Beginnings } from "./gen/Beginnings";
import type { ChosenProfile } from "./gen/ChosenProfile";
import type { FoundPlatform } from "./gen/FoundPlatform";
import type { Link } from "./gen/Link";
import type { Offer } from "./gen/Offer";
import type { OpenLoop } from "./gen/OpenLoop";
import type { Peek } from "./gen/Peek";
import type { Plan } from "./gen/Plan";
import type { Receipt } from "./gen/Receipt";
import type { RunEvent } from "./gen/RunEvent";
import type { SignInAsked } from "./gen/SignInAsked";
import type { About, Arming, AuditRow, Host, HostError } from "./host";
import { plain } from "./plain";

interface Commands {
  subscribe: { args: { channel: Channel<unknown> }; answer: null };
  offers: { args: { node: string }; answer: Offer[] };
  all_offers: { args: Record<string, never>; answer: Offer[] };
  plan: { args: { action: string; node: string; settings: Record<string, string> }; answer: Plan };
  arm: { args: { reason: string; minutes: number }; answer: Arming };
  disarm: { args: Record<string, never>; answer: unknown };
  arming: { args: Record<string, never>; answer: Arming };
  begin_hold: { args: { plan: string }; answer: null };
  act: { args: { plan: string; digest: string; confirm: string; reason: string; breakGlass?: string }; answer: string };
  watch_run: { args: { run: string; channel: Channel<RunEvent> }; answer: null };
  cancel_run: { args: { run: string }; answer: null };
  runs: { args: Record<string, never>; answer: Receipt[] };
  loops: { args: Record<string, never>; answer: OpenLoop[] };
  cost: { args: Record<string, never>; answer: Cost };
  peek: { args: { node: string; sample: number; edit?: string; freeShape?: boolean }; answer: Peek };
  resume_run: { args: { run: string }; answer: string };
  audit: { args: { limit: number }; answer: AuditRow[] };
  links: { args: { channel: Channel<Link> }; answer: null };
  about: { args: Record<string, never>; answer: About };
  begin_sign_in: { args: { profile: string }; answer: SignInAsked };
  give_sign_in_code: { args: { code: string }; answer: null };
  await_sign_in: { args: Record<string, never>; answer: null };
  open_sign_in_page: { args: Record<string, never>; answer: null };
  cancel_sign_in: { args: Record<string, never>; answer: null };
  approve_program: { args: { hash: string }; answer: null };
  try_again: { args: Record<string, never>; answer: null };
  start_drill: { args: { scenario: string }; answer: null };
  beginnings: { args: Record<string, never>; answer: Beginnings };
  discover: { args: { profiles: ChosenProfile[] }; answer: FoundPlatform };
  keep: { args: { name: string; environment: string }; answer: null };
  open_stack: { args: { file: string }; answer: null };
  reopen: { args: Record<string, never>; answer: null };
  leave: { args: Record<string, never>; answer: null };
}

/** Seconds a command may take; preflight makes fresh calls to the clouds, a peek receives ten messages at a time, a profile is looked through for half a minute. */
const DEADLINE_S: Partial<Record<keyof Commands, number>> = { about: 60, plan: 40, act: 60, resume_run: 40, subscribe: 60, peek: 120, discover: 60, begin_sign_in: 40, give_sign_in_code: 60, await_sign_in: 1200 };
const DEFAULT_DEADLINE_S = 15;

const RUNS = "Nothing is known of what it did: look at the runs before pressing again.";
const FRAME_SAYS = "Nothing is known of what it did: the frame says whether something can be pressed.";
/** Of those that only ask, and of those that can be asked twice. */
const AGAIN = "It changes nothing to try again.";
/** What to do when a command was not answered; exhaustive, so that a new one does not compile until somebody thought of it. */
const LATE_HINT: Record<keyof Commands, string> = {
  act: RUNS,
  resume_run: RUNS,
  cancel_run: RUNS,
  arm: FRAME_SAYS,
  disarm: FRAME_SAYS,
  peek: "Nothing is known of what it received, and it may still go on. Another look counts one more receive of each message, hides it for up to 30 s, and may push it on where a redrive policy limits its receives.",
  begin_sign_in: "Nobody is signed in by it: begin again.",
  await_sign_in: "Nothing is known of what AWS answered: signed in, reading goes on by itself; else begin again.",
  give_sign_in_code: "Nothing is known of what AWS answered: signed in, reading goes on by itself; else give the next code, as a code is good once.",
  approve_program: "Nothing is known of what it did: approved, reading goes on by itself; else the strip still says that it waits.",
  keep: "Nothing is known of what it did: what was kept stands among the platforms that can be opened.",
  subscribe: AGAIN,
  offers: AGAIN,
  all_offers: AGAIN,
  plan: AGAIN,
  arming: AGAIN,
  begin_hold: AGAIN,
  watch_run: AGAIN,
  runs: AGAIN,
  loops: AGAIN,
  cost: AGAIN,
  audit: AGAIN,
  links: AGAIN,
  about: AGAIN,
  open_sign_in_page: AGAIN,
  cancel_sign_in: AGAIN,
  try_again: AGAIN,
  start_drill: AGAIN,
  beginnings: AGAIN,
  discover: AGAIN,
  open_stack: AGAIN,
  reopen: AGAIN,
  leave: AGAIN,
};

function call<C extends keyof Commands>(command: C, args: Commands[C]["args"]): Promise<Commands[C]["answer"]> {
  const limit = DEADLINE_S[command] ?? DEFAULT_DEADLINE_S;
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      const late: HostError = {
        code: "no-answer",
        message: `The application core did not answer '${command}' in ${limit} s.`,
        hint: LATE_HINT[command],
        retryable: true,
      };
      reject(late);
    }, limit * 1000);
    invoke<Commands[C]["answer"]>(command, args)
      .then((answer) => resolve(plain(answer)), (thrown: unknown) => reject(plain(thrown)))
      .finally(() => clearTimeout(timer));
  });
}

/** Whether the page runs inside the shell. */
export function inShell(): boolean {
  return "__TAURI_INTERNALS__" in window;
}

/** The shell, through Tauri's IPC. */
export function shellHost(): Host {
  return {
    subscribe: async (onUpdate) => {
      await call("subscribe", { channel: new Channel<unknown>((update) => onUpdate(plain(update))) });
    },
    offers: (node) => call("offers", { node }),
    allOffers: () => call("all_offers", {}),
    plan: (action, node, settings) => call("plan", { action, node, settings }),
    arm: (reason, minutes) => call("arm", { reason, minutes }),
    disarm: () => call("disarm", {}),
    arming: () => call("arming", {}),
    beginHold: async (plan) => {
      await call("begin_hold", { plan });
    },
    act: (plan, digest, confirm, reason, breakGlass) => call("act", { plan, digest, confirm, reason, ...(breakGlass === undefined ? {} : { breakGlass }) }),
    watchRun: async (run, onEvent) => {
      await call("watch_run", { run, channel: new Channel<RunEvent>((event) => onEvent(plain(event))) });
    },
    cancelRun: async (run) => {
      await call("cancel_run", { run });
    },
    runs: () => call("runs", {}),
    loops: () => call("loops", {}),
    cost: () => call("cost", {}),
    peek: (node, sample, edit, freeShape) => call("peek", { node, sample, ...(edit === undefined ? {} : { edit }), ...(freeShape === undefined ? {} : { freeShape }) }),
    resumeRun: (run) => call("resume_run", { run }),
    audit: (limit) => call("audit", { limit }),
    links: async (onLink) => {
      await call("links", { channel: new Channel<Link>((link) => onLink(plain(link) as Link)) });
    },
    about: () => call("about", {}),
    beginSignIn: (profile) => call("begin_sign_in", { profile }),
    awaitSignIn: async () => {
      await call("await_sign_in", {});
    },
    giveSignInCode: async (code) => {
      await call("give_sign_in_code", { code });
    },
    openSignInPage: async () => {
      await call("open_sign_in_page", {});
    },
    cancelSignIn: async () => {
      await call("cancel_sign_in", {});
    },
    approveProgram: async (hash) => {
      await call("approve_program", { hash });
    },
    tryAgain: async () => {
      await call("try_again", {});
    },
    startDrill: async (scenario) => {
      await call("start_drill", { scenario });
    },
    beginnings: () => call("beginnings", {}),
    discover: (profiles) => call("discover", { profiles }),
    keep: async (name, environment) => {
      await call("keep", { name, environment });
    },
    openStack: async (file) => {
      await call("open_stack", { file });
    },
    reopen: async () => {
      await call("reopen", {});
    },
    leave: async () => {
      await call("leave", {});
    },
  };
}
