// A shell that is not there: plays the made-up platform so that the page runs in a browser, for looking at, for
// component and accessibility tests. `?fake=az-degraded` names the story, `?still` holds it for screenshots,
// `?feed=/feeds/x.jsonl` replays what `qd watch --json` printed instead; `?scale=7&churn=25` is for measuring:
// that many times the pods, that many of them changed four times a second; `?queues=200` has so many quiet queues more;
// `?shut` says what shuts us out, `?budget` that too much is spent.
import type { Delta } from "../gen/Delta";
import type { Node } from "../gen/Node";
import type { OpenLoop } from "../gen/OpenLoop";
import type { Plan } from "../gen/Plan";
import type { Receipt } from "../gen/Receipt";
import type { Snapshot } from "../gen/Snapshot";
import type { RunEvent } from "../gen/RunEvent";
import type { Update } from "../gen/Update";
import type { Verb } from "../gen/Verb";
import type { Arming, AuditRow, Host, HostError } from "../host";
import { deadLetters, offerOf, planOf, receiptAt } from "./actions";
import { otherOffers, otherPlan, otherReceipt } from "./others";
import { dice, rfc } from "./make";
import { beginning } from "./beginning";
import { peekOf } from "./peek";
import { shutOut } from "./shut";
import { platform, SCENARIOS, snapshot, type Platform, type Scenario } from "./platform";

interface Run {
  id: string;
  plan: Plan;
  reason: string;
  pressed: number;
  stopped: number | null;
  interrupted: boolean;
}

const refuse = (message: string, hint?: string): HostError => ({ code: "refused", message, retryable: false, ...(hint === undefined ? {} : { hint }) });

/** The fake host of the page's query. */
export function fakeHost(query: URLSearchParams): Host {
  const asked = query.get("fake") as Scenario | null;
  const scenario: Scenario = asked !== null && SCENARIOS.includes(asked) ? asked : "az-degraded";
  const still = query.has("still");
  const roll = dice(11);
  const p = platform(scenario, Date.now(), 7, Number(query.get("scale") ?? "1"), Number(query.get("queues") ?? "0"));
  const churn = Number(query.get("churn") ?? "0");
  const plans = new Map<string, Plan>();
  const runs = new Map<string, Run>();
  const audit: AuditRow[] = [];
  let armed: { until: number; reason: string } | null = null;
  let seq = 1;
  let timer: ReturnType<typeof setInterval> | undefined;
  let holdAt: number | null = null;

  const record = (kind: AuditRow["kind"], sentence: string, run?: string): void => {
    audit.unshift({ seq: audit.length + 1, at: rfc(Date.now()), actor: "r.okafor", kind, ...(run === undefined ? {} : { run }), sentence, body: {}, previous: "", hash: Math.floor(roll() * 2 ** 48).toString(16).padStart(12, "0") + "c1f0" });
  };
  const receipt = (run: Run): Receipt => {
    const seconds = (Date.now() - run.pressed) / 1000;
    if (run.plan.action !== "redrive") return otherReceipt(p, run.id, run.plan, run.reason, run.pressed, seconds);
    const out = receiptAt(run.id, run.plan, run.reason, run.pressed, seconds, run.stopped === null ? null : (run.stopped - run.pressed) / 1000);
    if (run.interrupted) {
      out.phase = "interrupted";
      out.sentence = "The console ended while this ran. SQS says the task COMPLETED with 1,284 moved; it was not verified.";
      out.next_step = "Resume to read the state and close it with a verdict.";
      delete out.verdict;
      delete out.closed_at;
    }
    return out;
  };
  const armingNow = (): Arming => {
    if (armed !== null && armed.until <= Date.now()) armed = null;
    return armed === null
      ? { armed: false, scope: "Meridian Trading · prod" }
      : { armed: true, until: rfc(armed.until), seconds_left: Math.round((armed.until - Date.now()) / 1000), reason: armed.reason, scope: "Meridian Trading · prod" };
  };
  const nodeOf = (id: string): Node => {
    const node = p.nodes.get(id);
    if (node === undefined) throw refuse("There is no such node.");
    return node;
  };

  /** What runs left open and nothing closed since; with `?loops` also one of somebody else's, past its time. */
  const openLoops = (): OpenLoop[] => {
    const out: OpenLoop[] = [];
    const mapping = [...p.nodes.values()].find((n) => n.kind === "mapping");
    if (query.has("loops") && mapping !== undefined) out.push({ id: "found", node: mapping.id, name: mapping.name, state: "expired", sentence: `${mapping.name} is paused: its function is not called.`, owner: "m.silva", reason: "INC-2288 poison orders", since: rfc(Date.now() - 2_700_000), until: rfc(Date.now() - 900_000), close: { action: "resume" as Verb, node: mapping.id, settings: {} } });
    for (const run of runs.values()) {
      const now = receipt(run);
      if (now.left_open === undefined || now.closed_at === undefined) continue;
      out.push({ id: run.id, node: run.plan.node, name: run.plan.name, state: "open", sentence: now.left_open.sentence, owner: now.actor, reason: run.reason, run: run.id, since: now.closed_at, until: rfc(Date.parse(now.closed_at) + now.left_open.seconds * 1000), close: now.left_open.close });
    }
    return out;
  };

  if (query.has("interrupted")) {
    const node = deadLetters(p)[0];
    if (node !== undefined) {
      const plan = planOf(p, node, {}, Date.now(), 0);
      runs.set("run-0", { id: "run-0", plan, reason: "consumer rolled back", pressed: Date.now() - 240_000, stopped: null, interrupted: true });
    }
  }

  return {
    subscribe: (onUpdate) => {
      clearInterval(timer);
      if (query.has("feed")) return replay(query.get("feed") ?? "", p, onUpdate, still);
      const full = snapshot(p, seq, Date.now());
      if (query.has("shut")) full.identity = shutOut(full.identity, Date.now());
      onUpdate({ type: "full", snapshot: full });
      if (still) return Promise.resolve();
      timer = setInterval(() => {
        const delta = tick(p, seq, roll, scenario);
        flip(p, delta, churn, roll);
        seq = delta.seq;
        onUpdate({ type: "delta", ...delta });
      }, churn > 0 ? 250 : 1000);
      return Promise.resolve();
    },
    offers: (id) => Promise.resolve([...deadLetters(p).filter((n) => n.id === id).map((n) => offerOf(p, n)), ...otherOffers(p, nodeOf(id), false)]),
    allOffers: () => Promise.resolve([...deadLetters(p).map((n) => offerOf(p, n)), ...[...p.nodes.values()].flatMap((n) => otherOffers(p, n, true))]),
    plan: async (action, id, settings) => {
      await later(250);
      const plan = otherPlan(p, action, nodeOf(id), settings, Date.now(), plans.size + 1) ?? planOf(p, nodeOf(id), settings, Date.now(), plans.size + 1);
      plans.set(plan.id, plan);
      return plan;
    },
    arm: (reason, minutes) => {
      armed = { until: Date.now() + minutes * 60_000, reason };
      record("armed", `Armed for ${minutes} min: ${reason}`);
      return Promise.resolve(armingNow());
    },
    disarm: () => {
      armed = null;
      record("disarmed", "Disarmed.");
      return Promise.resolve();
    },
    arming: () => Promise.resolve(armingNow()),
    beginHold: () => {
      holdAt = Date.now();
      return Promise.resolve();
    },
    act: async (id, digest, confirm, reason, breakGlass) => {
      await later(150);
      const plan = plans.get(id);
      if (plan === undefined) throw refuse("The plan is no longer known; it must be made again.");
      if (!armingNow().armed) throw refuse("Quarterdeck is read-only: arm it first.");
      if (plan.digest !== digest) throw refuse("The answer changed since it was shown.", "Look at the checks again.");
      if (plan.blocked === true && (plan.breakable !== true || breakGlass === undefined)) throw refuse("Blocked.");
      if (plan.level !== "L1" && confirm !== plan.confirm) throw refuse(`The typed name is not ${plan.confirm}.`);
      if (plan.level === "L3" && (holdAt === null || Date.now() - holdAt < 1900)) throw refuse("The button was not held for 2 s.");
      const run: Run = { id: `run-${runs.size + 1}`, plan, reason, pressed: Date.now(), stopped: null, interrupted: false };
      runs.set(run.id, run);
      record("opened", `${plan.label}: ${reason}`, run.id);
      return run.id;
    },
    watchRun: (id, onEvent) => {
      let n = 0;
      const say = (): void => {
        const run = runs.get(id);
        if (run === undefined) return;
        const now = receipt(run);
        n += 1;
        onEvent({ seq: n, receipt: now } satisfies RunEvent);
        if (now.phase !== "closed" && now.phase !== "interrupted") setTimeout(say, 500);
        else if (now.phase === "closed") record("closed", `${now.verdict ?? ""}: ${now.sentence}`, id);
      };
      say();
      return Promise.resolve();
    },
    cancelRun: (id) => {
      const run = runs.get(id);
      if (run !== undefined) run.stopped ??= Date.now();
      return Promise.resolve();
    },
    runs: () => Promise.resolve([...runs.values()].map(receipt).reverse()),
    peek: async (id, sample, edit, freeShape) => {
      await later(600);
      return peekOf(nodeOf(id), sample, edit, freeShape === true, Date.now());
    },
    resumeRun: (id) => {
      const run = runs.get(id);
      if (run !== undefined) run.interrupted = false;
      return Promise.resolve(id);
    },
    loops: () => Promise.resolve(openLoops()),
    cost: () => Promise.resolve({ requests_per_minute: 249, dollars_per_day: 4.1, slowed: 1, ...(query.has("budget") ? { budget_dollars_per_day: 2, slowed: 2.05 } : {}) }),
    audit: (limit) => Promise.resolve(audit.slice(0, limit)),
    about: () =>
      Promise.resolve(
        query.has("start")
          ? { version: "0.1.0", looking_at: "", drills: ["calm", "az-degraded", "dlq-fills"], error: { code: "not-open", message: "No platform was named.", retryable: false } }
          : query.has("error")
          ? { version: "0.1.0", looking_at: "/etc/quarterdeck/prod.toml", drills: [], error: { code: "not-open", message: "/etc/quarterdeck/prod.toml, line 7, column 3: 'enviroment' is not a key of the stack file; did you mean 'environment'?", hint: "Mend it and start again; the README describes the stack file.", retryable: false } }
          : { version: "0.1.0", looking_at: "made up", drills: [] },
      ),
    approveProgram: async () => {
      await later(200);
    },
    tryAgain: async () => {
      await later(200);
    },
    startDrill: () => Promise.resolve(),
    links: () => Promise.resolve(),
    ...beginning,
  };
}

const later = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

/** One second of the platform: a few figures move, a few pods come and go. */
function tick(p: Platform, seq: number, roll: () => number, scenario: Scenario): Delta {
  const now = Date.now();
  const nodes: Node[] = [];
  const touch = (node: Node | undefined, change: (facts: Node["facts"]) => void): void => {
    if (node === undefined) return;
    const next: Node = { ...node, facts: { ...node.facts }, observed_at: rfc(now) };
    change(next.facts);
    p.nodes.set(node.id, next);
    nodes.push(next);
  };
  for (const node of p.nodes.values()) {
    if (node.kind === "queue" && roll() < 0.3) {
      touch(node, (f) => {
        const v = f.messages_visible;
        if (typeof v === "number" && v > 0 && f.is_dead_letter_queue !== true) f.messages_visible = Math.max(1, Math.round(v * (0.99 + roll() * 0.02)));
      });
    }
  }
  const pods = [...p.nodes.values()].filter((n) => n.kind === "pod" && n.health.level === "ok");
  const gone: string[] = [];
  if (scenario === "az-degraded" && roll() < 0.5) {
    const pod = pods[Math.floor(roll() * pods.length)];
    if (pod !== undefined) {
      p.nodes.delete(pod.id);
      gone.push(pod.id);
      const name = `${pod.name.slice(0, -2)}${Math.floor(roll() * 1296).toString(36).padStart(2, "0")}`;
      const born: Node = { ...pod, id: pod.id.replace(/[^/]*$/, name), name, facts: { ...pod.facts, ready: false, phase: "Pending" }, health: { level: "in_transition", reasons: [] }, observed_at: rfc(now) };
      if (!p.nodes.has(born.id)) {
        p.nodes.set(born.id, born);
        nodes.push(born);
      }
    }
  }
  for (const pod of [...p.nodes.values()].filter((n) => n.kind === "pod" && n.health.level === "in_transition")) {
    if (roll() < 0.15) touch(pod, (f) => { f.ready = true; f.phase = "Running"; });
    const last = nodes.at(-1);
    if (last?.id === pod.id) {
      const well: Node = { ...last, health: { level: "ok", reasons: [] } };
      nodes[nodes.length - 1] = well;
      p.nodes.set(well.id, well);
    }
  }
  for (const source of p.sources.values()) {
    if (source.state === "ok" && roll() < 1 / Math.max(1, source.period_seconds / 2)) {
      p.sources.set(source.id, { ...source, last_ok: rfc(now), requests: source.requests + 1 });
    }
  }
  return { from: seq, seq: seq + 1, taken_at: rfc(now), nodes, gone, sources: [...p.sources.values()] };
}

/** Plays a recorded feed, one line a second; the platform's offers are made from its first state. */
async function replay(url: string, p: Platform, onUpdate: (update: unknown) => void, still: boolean): Promise<void> {
  const answer = await fetch(url);
  const lines = (await answer.text()).split("\n").filter((line) => line !== "");
  const first = JSON.parse(lines[0] ?? "null") as { snapshot: Snapshot };
  p.nodes.clear();
  for (const node of first.snapshot.nodes) p.nodes.set(node.id, node);
  p.edges = first.snapshot.edges;
  lines.forEach((line, i) =>
    setTimeout(() => {
      const update = JSON.parse(line) as Update;
      if (update.type === "delta") {
        for (const id of update.gone ?? []) p.nodes.delete(id);
        for (const node of update.nodes ?? []) p.nodes.set(node.id, node);
        p.edges.push(...(update.edges ?? []));
      }
      onUpdate(update);
    }, still ? 0 : i * 500),
  );
}

/** Changes the state of `n` pods, for measuring. */
function flip(p: Platform, delta: Delta, n: number, roll: () => number): void {
  if (n === 0) return;
  const pods = [...p.nodes.values()].filter((node) => node.kind === "pod");
  for (let i = 0; i < n; i += 1) {
    const pod = pods[Math.floor(roll() * pods.length)];
    if (pod === undefined) continue;
    const bad = pod.health.level === "ok";
    const next: Node = { ...pod, facts: { ...pod.facts, ready: !bad }, health: { level: bad ? "warning" : "ok", reasons: [] } };
    p.nodes.set(pod.id, next);
    (delta.nodes ??= []).push(next);
  }
}
