// Offers, plans and runs of the made-up platform: one redrive, played through from offer to receipt.
import type { Finding } from "../gen/Finding";
import type { Node } from "../gen/Node";
import type { Offer } from "../gen/Offer";
import type { Plan } from "../gen/Plan";
import type { Receipt } from "../gen/Receipt";
import { num, text } from "../../shared/facts";
import { rfc } from "./make";
import { sourceId, type Platform } from "./platform";

function source(p: Platform, dlq: Node): Node | undefined {
  const edge = p.edges.find((e) => e.relation === "dead-letters" && e.to === dlq.id);
  return edge === undefined ? undefined : p.nodes.get(edge.from);
}

function consumer(p: Platform, queue: Node | undefined): Node | undefined {
  const mapping = p.edges.find((e) => e.relation === "consumed-by" && e.from === queue?.id)?.to;
  const fn = p.edges.find((e) => e.relation === "consumed-by" && e.from === mapping)?.to;
  return fn === undefined ? undefined : p.nodes.get(fn);
}

/** Queues with something to redrive. */
export function deadLetters(p: Platform): Node[] {
  return [...p.nodes.values()].filter((n) => n.kind === "queue" && n.facts.is_dead_letter_queue === true && (num(n.facts, "messages_visible") ?? 0) > 0);
}

function findingsOf(p: Platform, dlq: Node): Finding[] {
  const queue = source(p, dlq);
  const fn = consumer(p, queue);
  const region = dlq.scope.region ?? "";
  const errors = fn === undefined ? 0 : (num(fn.facts, "errors_percent") ?? 0);
  const sqs = sourceId("sqs", region, "queues");
  const cw = sourceId("cloudwatch", region, "metrics");
  const revision = text(fn?.facts ?? {}, "revision") ?? "41";
  const failing = errors > 5;
  const f = (id: string, severity: Finding["severity"], ok: boolean, sentence: string, value: string, threshold: string, from: string, age: number, next?: string): Finding => {
    const out: Finding = { id, severity, outcome: ok ? "pass" : "fail", sentence, value, threshold, source: from, age };
    if (!ok && next !== undefined) out.next_step = next;
    return out;
  };
  const large = (num(dlq.facts, "messages_visible") ?? 0) > 50_000;
  return [
    f("redrive.consumer-errors", "block", !failing, failing ? `${fn?.name ?? "The consumer"} fails ${errors}% of its messages.` : `${fn?.name ?? "The consumer"} fails less than 5% of its messages.`, `${errors}%`, "5%", cw, 9, `Roll ${fn?.name ?? "the consumer"} back to revision 41: it fails since revision 42.`),
    f("redrive.signature-unchanged", "block", !failing, failing ? "Nothing was rolled out or recovered since the first message came." : "The consumer was rolled out since the first message came.", failing ? `no change since revision ${revision}` : "rolled back 6 m ago", "a roll-out or a recovery", cw, 9, "Wait for a roll-out, or for the dependency to recover."),
    f("redrive.consumer-enabled", "block", true, "The event source mapping is enabled.", "Enabled", "Enabled", sourceId("lambda", region), 33),
    f("redrive.task-running", "block", true, "No redrive of this queue is under way.", "none", "none", sourceId("sqs", region, "move-tasks"), 3),
    f("redrive.source-queue", "block", true, `${queue?.name ?? "A queue"} names this queue as its dead-letter queue.`, queue?.name ?? "none", "an SQS queue", sqs, 3),
    f("redrive.types", "block", true, "Both queues are of the same type.", "standard", "the same", sqs, 3),
    f("redrive.idempotent", "warn", true, "The consumer is marked idempotent in the stack file.", "yes", "yes", "stack", 0),
    f("redrive.expiry", "warn", !large, large ? "The oldest message may expire before the move ends." : "The oldest message expires after the move would end.", large ? "may expire in 14 m" : "13 d 23 h left", "later than 27 m", sqs, 9, "Raise the rate, or redrive before it expires."),
  ];
}

const confirmLevel = (dlq: Node): Offer["level"] => {
  const n = num(dlq.facts, "messages_visible") ?? 0;
  return n <= 5000 ? "L1" : n <= 50_000 ? "L2" : "L3";
};

function labelOf(p: Platform, dlq: Node): string {
  const n = num(dlq.facts, "messages_visible") ?? 0;
  const eta = Math.ceil(n / 50 / 60);
  return `Redrive ${n.toLocaleString("en-US")} → ${source(p, dlq)?.name ?? "?"} · canary 20 · then 50/s · ~${eta} min`;
}

export function offerOf(p: Platform, dlq: Node): Offer {
  const findings = findingsOf(p, dlq);
  const blocked = findings.find((x) => x.severity === "block" && x.outcome !== "pass");
  const warned = findings.find((x) => x.severity === "warn" && x.outcome !== "pass");
  const offer: Offer = {
    action: "redrive", node: dlq.id, label: labelOf(p, dlq),
    colour: blocked !== undefined ? "red" : warned !== undefined ? "amber" : "green",
    level: confirmLevel(dlq), findings,
    settings: [
      { name: "rate", label: "Rate", default: "50", ask: { kind: "number", min: 1, max: 500, unit: "messages/s" } },
      { name: "canary", label: "Canary", default: "20", ask: { kind: "number", min: 1, max: 500, unit: "messages first", or: "off" } },
    ],
    command: `qd act redrive ${dlq.name} --set rate=50 --reason "…" --confirm ${dlq.name}`,
  };
  const why = blocked ?? warned;
  if (why !== undefined) offer.why = why.sentence;
  return offer;
}

export function planOf(p: Platform, dlq: Node, settings: Record<string, string>, now: number, n: number): Plan {
  const findings = findingsOf(p, dlq);
  const depth = num(dlq.facts, "messages_visible") ?? 0;
  const region = dlq.scope.region ?? "";
  const rate = Number(settings["rate"] ?? "50") || 50;
  const queue = source(p, dlq);
  const arn = `arn:aws:sqs:${region}:${dlq.scope.account ?? ""}:${dlq.name}`;
  const call = (step: string, r: number): Plan["calls"][number] => ({
    operation: "sqs:StartMessageMoveTask", region, step,
    parameters: { SourceArn: arn, MaxNumberOfMessagesPerSecond: r },
    cli: `aws sqs start-message-move-task --source-arn ${arn} --max-number-of-messages-per-second ${r} --region ${region}`,
  });
  return {
    id: `plan-${n}`, action: "redrive", node: dlq.id, name: dlq.name, domain: dlq.id,
    place: `prod · account ${dlq.scope.account ?? ""} · ${region}`,
    settings: { rate: String(rate), canary: settings["canary"] ?? "20", destination: queue?.name ?? "" },
    targets: [dlq.id, ...(queue === undefined ? [] : [queue.id])],
    label: labelOf(p, dlq).replace("50/s", `${rate}/s`), calls: [call("canary", 1), call("full", rate)],
    before: { messages_visible: depth, source_messages_visible: num(queue?.facts ?? {}, "messages_visible") ?? 0 },
    findings,
    expectations: [
      { id: "redrive.completed", sentence: "The move task is COMPLETED", dwell_seconds: 0 },
      { id: "redrive.empty", sentence: "The dead-letter queue is empty on two readings", dwell_seconds: 60 },
      { id: "redrive.no-returns", sentence: "No message comes back", dwell_seconds: 150 },
    ],
    stops: [`More than ${Math.max(1, Math.round(depth * 0.05))} messages come back (5%).`, "The consumer fails more than 5% of its messages."],
    undo: "No undo: cancelling stops the move, messages already moved stay in the source queue.",
    blast: { sentences: [`${depth.toLocaleString("en-US")} messages are delivered again with new ids and a new retention clock.`, `${queue?.name ?? "The source queue"} gets ${rate} messages a second on top of its 120.`], messages: depth },
    level: confirmLevel(dlq), blocked: findings.some((x) => x.severity === "block" && x.outcome !== "pass"), confirm: dlq.name, digest: `d${n}f3a91c04`,
    made_at: rfc(now), expires: rfc(now + 60_000),
  };
}

/** A run's receipt `s` seconds after the press. */
export function receiptAt(run: string, plan: Plan, reason: string, pressedAt: number, s: number, stoppedAt: number | null): Receipt {
  const depth = plan.blast.messages ?? 0;
  const canary = 4;
  const speed = Math.max(50, depth / 14);
  const until = stoppedAt ?? s;
  const moved = until < 1 ? 0 : until < 1 + canary ? Math.floor((until - 1) * 5) : Math.min(depth, 20 + Math.floor((until - 1 - canary) * speed));
  const full = 1 + canary + (depth - 20) / speed;
  const stopped = stoppedAt !== null;
  const verifying = !stopped && s >= full;
  const closed = stopped ? s > stoppedAt + 2 : s >= full + 8;
  const at = (sec: number): string => rfc(pressedAt + sec * 1000);
  const step = (name: string, sentence: string, from: number, to: number, id?: string): Receipt["steps"] => {
    if (s < from) return [];
    const one: Receipt["steps"][number] = { step: name, sentence, started: at(from) };
    if (s >= to) one.finished = at(to);
    if (id !== undefined) one.request_id = id;
    return [one];
  };
  const held = Math.max(0, s - full);
  const out: Receipt = {
    run, action: "redrive", node: plan.node, plan, actor: "r.okafor", reason,
    phase: closed ? "closed" : stopped ? "cancelling" : verifying ? "verifying" : "running",
    sentence: closed
      ? stopped ? `Stopped after ${moved.toLocaleString("en-US")} of ${depth.toLocaleString("en-US")} messages; they stay in the source queue.` : `${depth.toLocaleString("en-US")} messages moved, none came back.`
      : verifying ? "All messages are moved; watching that they stay away." : s < 1 + canary ? "The canary of 20 messages is under way." : "Moving messages.",
    findings: plan.findings,
    steps: [
      ...step("checks", "All checks were run again on the press.", 0, 1),
      ...step("canary", "StartMessageMoveTask at 1/s, cancelled after 20", 1, 1 + canary, "5e9c1d5f-canary"),
      ...step("full", `StartMessageMoveTask at ${plan.settings["rate"] ?? "50"}/s`, 1 + canary, stopped ? stoppedAt + 2 : full, "77b0a2c4-full"),
      ...(stopped ? step("cancel", "CancelMessageMoveTask", stoppedAt, stoppedAt + 2, "90aa13fe-cancel") : []),
      ...(stopped ? [] : step("verify", "Every predicate for its dwell", full, full + 8)),
    ],
    progress: {
      moved, to_move: depth, counted: "messages moved",
      figures: [{ label: "Came back", value: "0", number: 0, limit: `stop above ${Math.max(1, Math.round(depth * 0.05))}`, past: false }],
      dlq_depth: depth - moved, returned: 0, returned_limit: Math.max(1, Math.round(depth * 0.05)),
      consumer_error_percent: 0.4, eta_seconds: Math.max(0, Math.ceil(full - s)), observed_at: at(Math.max(0, s - 1.4)),
    },
    predicates: plan.expectations.map((e) => {
      const result: Receipt["predicates"][number] = { id: e.id, sentence: e.sentence, value: verifying ? "holds" : "not yet", holds: verifying, held_seconds: Math.round(held * 20), dwell_seconds: e.dwell_seconds };
      if (verifying || (closed && !stopped)) result.seconds_to_true = Math.round(full);
      return result;
    }),
    pressed_at: rfc(pressedAt), undo: plan.undo,
  };
  if (closed) {
    out.closed_at = rfc(pressedAt + s * 1000);
    out.verdict = stopped ? "aborted" : "verified";
    if (!stopped) out.recovery_seconds = Math.round(full);
    if (stopped) out.next_step = `${(depth - moved).toLocaleString("en-US")} messages are still in ${plan.name}.`;
  }
  return out;
}
