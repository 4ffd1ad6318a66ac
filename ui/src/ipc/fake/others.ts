// Offers, plans and runs of the made-up platform besides the redrive: a failover, a scaling, a pause and its resumption,
// a rolling restart. Each is a script; the course of a run is the same for all.
import type { Choice } from "../gen/Choice";
import type { Finding } from "../gen/Finding";
import type { Node } from "../gen/Node";
import type { Offer } from "../gen/Offer";
import type { Plan } from "../gen/Plan";
import type { Receipt } from "../gen/Receipt";
import type { Setting } from "../gen/Setting";
import type { Verb } from "../gen/Verb";
import { num, text } from "../../shared/facts";
import { rfc } from "./make";
import { sourceId, type Platform } from "./platform";

interface Script {
  /** A verb, of those to come too. */
  action: string;
  /** The situation asks for it: listed without being looked for. */
  called: boolean;
  settings: Setting[];
  label: string;
  findings: Finding[];
  level: Offer["level"];
  operation: string;
  parameters: Record<string, string | number>;
  before: Plan["before"];
  says: string[];
  expects: string[];
  undo: string;
  undoRequest?: { action: string; settings: Record<string, string> };
  leaves?: { sentence: string; seconds: number; close: { action: string; node: string; settings: Record<string, string> } };
  /** What a run finds to be done next. */
  then?: { action: string; node: string }[];
  parts?: [part: string, share: number][];
}

type Draft = (p: Platform, node: Node, settings: Record<string, string>) => Script | null;

const finding = (id: string, severity: Finding["severity"], ok: boolean, sentence: string, value: string, threshold: string, source: string, age = 4, next?: string): Finding => ({ id, severity, outcome: ok ? "pass" : "fail", sentence, value, threshold, source, age, ...(next === undefined || ok ? {} : { next_step: next }) });
const rights = (what: string): Finding => ({ id: "plan.rights", severity: "info", outcome: "pass", sentence: `Whether we may call ${what} could not be checked beforehand: iam:SimulatePrincipalPolicy is denied.`, value: "not checked", threshold: "every right its calls need" });

const failover: Draft = (p, cluster, settings) => {
  if (cluster.kind !== "dbcluster") return null;
  const members = p.edges.filter((e) => e.from === cluster.id && e.relation === "owns").map((e) => p.nodes.get(e.to)).filter((n) => n !== undefined);
  const writer = members.find((m) => text(m.facts, "role") === "writer");
  const readers = members.filter((m) => m !== writer);
  const choices = readers.map((r): Choice => {
    const lag = num(r.facts, "replica_lag_ms") ?? 0;
    const near = r.scope.az === writer?.scope.az;
    return { value: r.name, label: r.name, facts: [r.scope.az ?? "", text(r.facts, "instance_class") ?? "", `tier ${String(num(r.facts, "promotion_tier"))}`, `lag ${lag} ms`, `CPU ${String(num(r.facts, "cpu_percent"))}%`, `${String(num(r.facts, "connections"))} connections`], colour: lag > 1000 ? "red" : near ? "amber" : "green", ...(lag > 1000 ? { why: `It is ${lag / 1000} s behind: what is not yet replicated would be waited for.` } : near ? { why: `It is in ${r.scope.az ?? ""}, as the writer is.` } : {}) };
  });
  const target = settings["target"] ?? "";
  const chosen = choices.find((c) => c.value === target);
  const rds = sourceId("rds", cluster.scope.region ?? "");
  const behind = chosen?.colour === "red";
  return {
    action: "failover", called: cluster.health.level !== "ok",
    settings: [{ name: "target", label: "Promote", default: "", ask: { kind: "choice", choices }, note: "If nobody were named, AWS would promote any of the readers of tier 1: they are of one size." }],
    label: target === "" ? "Fail over to a reader of your choice" : `Fail over to ${target} (${chosen?.facts[0] ?? ""})`,
    findings: [
      finding("failover.cluster-available", "block", true, "The cluster is available.", "available", "available", rds, 6),
      finding("failover.load-or-host", "warn", true, `${writer?.name ?? "The writer"} commits in 184 ms at 71% CPU while the readers are below 25%: it looks like the host, not like load.`, "host", "not load", rds, 24),
      finding("failover.target-chosen", "block", target !== "", target === "" ? "Nobody is chosen as the new writer." : `${target} is chosen.`, target === "" ? "nobody" : target, "a reader", "plan", 0, "Choose a reader."),
      ...(target === "" ? [] : [finding("failover.target-available", "block", true, `${target} is available.`, "available", "available", rds, 6),
      finding("failover.target-lag", "block", !behind, behind ? `${target} is too far behind the writer.` : `${target} keeps up with the writer.`, chosen?.facts[3]?.replace("lag ", "") ?? "", "1,000 ms", rds, 24, "Choose a reader that keeps up."),
      finding("failover.not-recent", "block", true, "No failover in the last ten minutes.", "none", "none in 10 m", rds, 6),
      finding("failover.target-size", "warn", true, `${target} has the writer's class.`, "db.r7g.4xlarge", "at least the writer's", rds, 6),
      finding("failover.target-zone", "warn", chosen?.colour !== "amber", chosen?.colour === "amber" ? `${target} is in the writer's zone.` : `${target} is in another zone than the writer.`, chosen?.facts[0] ?? "", "another zone", rds, 6, "Choose a reader in another zone if the zone is the trouble.")]),
      rights("rds:FailoverDBCluster"),
      ...(chosen?.colour === "amber" ? [{ ...finding("plan.second-person", "block", false, "This is level 4: it takes a second person, who cannot be recorded here, or broken glass.", "level 4", "at most level 3", "plan", 0, "Put right what it warns of. If that cannot wait: break the glass, and say why; it is recorded."), breakable: true }] : []),
    ],
    level: chosen?.colour === "amber" ? "L4" : "L3",
    operation: "rds:FailoverDBCluster", parameters: { DBClusterIdentifier: cluster.name, TargetDBInstanceIdentifier: target },
    before: { writer: writer?.name ?? "", readers: readers.map((r) => r.name).join(","), writer_connections: num(writer?.facts ?? {}, "connections") ?? 0, target_lag_ms: num(readers.find((r) => r.name === target)?.facts ?? {}, "replica_lag_ms") ?? 0 },
    says: ["Writes and reads fail briefly: usually for less than 60 s, often for less than 30 s.", `${String(num(writer?.facts ?? {}, "connections") ?? 0)} connections to ${writer?.name ?? ""} drop; 7 deployments connect again.`, "No data is lost: the members share their storage."],
    expects: [`${target} is the writer`, "The cluster is available", `The writer's endpoint resolves to ${target}`, "5xx of the targets is back at its baseline", "No pod logs “read-only”"],
    undo: `No exact undo: ${writer?.name ?? ""} can be made the writer again by another failover, once it is healthy.`,
    undoRequest: { action: "failover", settings: { target: writer?.name ?? "", back: "yes" } },
    then: [...p.nodes.values()].filter((n) => n.kind === "deployment" && n.name === "ledger-api" && n.scope.region === cluster.scope.region).map((n) => ({ action: "restart", node: n.id })),
    parts: [["role", 0.45], ["endpoint", 0.6], ["application", 1]],
  };
};

const scale: Draft = (p, node, settings) => {
  const sized = node.kind === "deployment" ? num(node.facts, "replicas") : node.kind === "nodegroup" ? num(node.facts, "desired") : undefined;
  if (sized === undefined) return null;
  const what = node.kind === "nodegroup" ? "nodes" : "replicas";
  const name = node.kind === "nodegroup" ? "desired" : "replicas";
  const wanted = Number(settings[name] ?? sized + 2);
  const owner = [...p.nodes.values()].find((n) => n.kind === "hpa" && p.edges.some((e) => e.from === n.id && e.to === node.id));
  const source = node.source;
  return {
    action: "scale", called: node.kind === "deployment" && node.name === "order-gateway" && node.health.level !== "ok",
    settings: [{ name, label: what === "nodes" ? "Nodes" : "Replicas", default: String(sized + 2), ask: { kind: "number", min: 0, max: 500, unit: what }, ...(owner === undefined ? {} : { note: `The HPA ${owner.name} owns the number of replicas: it is written there.` }) }],
    label: `Scale ${node.name} ${sized} → ${wanted} ${what}${owner === undefined ? "" : ` by the HPA ${owner.name}`}`,
    findings: [finding("scale.not-zero", "block", wanted > 0, wanted > 0 ? "Something stays." : "Nothing would be left.", String(wanted), "at least 1", source, 4, "Leave at least one."), finding("scale.room", "warn", wanted <= sized * 2, wanted <= sized * 2 ? "The nodes have room for it." : "The nodes have no room for so many.", `${Math.max(0, sized * 2 - sized)} fit`, `${Math.max(0, wanted - sized)} more`, source, 4, "Scale the nodegroup first."), rights(what === "nodes" ? "eks:UpdateNodegroupConfig" : "patch deployments/scale")],
    level: wanted >= sized ? (what === "nodes" ? "L2" : "L1") : what === "nodes" ? "L3" : "L2",
    operation: what === "nodes" ? "eks:UpdateNodegroupConfig" : "kubernetes:PatchScale", parameters: { name: node.name, [name]: wanted },
    before: { [name]: sized, owner: owner?.id ?? "nobody" },
    says: [`${Math.abs(wanted - sized)} ${what} ${wanted >= sized ? "more" : "fewer"}: ${sized} → ${wanted}.`, "Two minutes until they are ready, as they usually take."],
    expects: [`${wanted} ${what} are ready`, "Nobody set it back for two of the owner's rounds"],
    undo: `Scale back to ${sized}.`, undoRequest: { action: "scale", settings: { [name]: String(sized) } },
  };
};

const hold: Draft = (_p, node, settings) => {
  if (node.kind !== "mapping") return null;
  const paused = text(node.facts, "state_word") === "Disabled";
  const span = settings["for"] ?? "30m";
  const action = paused ? "resume" : "pause";
  return {
    action, called: paused,
    settings: paused ? [] : [{ name: "for", label: "For", default: "30m", ask: { kind: "text", example: "30m", most: 8 }, note: "Then it is to be resumed: it stays listed as an open loop." }],
    label: paused ? `Resume ${node.name}` : `Pause ${node.name} for ${span}`,
    findings: [finding("pause.state", "block", true, "The mapping is at rest.", paused ? "Disabled" : "Enabled", "Enabled or Disabled", node.source), finding("pause.retention", "warn", true, "The oldest message is kept far longer than the pause.", "3 d 23 h left", "twice the pause", node.source), rights("lambda:UpdateEventSourceMapping")],
    level: "L2", operation: "lambda:UpdateEventSourceMapping", parameters: { UUID: node.name, Enabled: paused ? "true" : "false" },
    before: { enabled: !paused }, says: [paused ? "The function is called again." : "The function is no longer called; the backlog grows by 120 messages a second."],
    expects: [paused ? "The mapping is Enabled" : "The mapping is Disabled"], undo: paused ? "Pause it again." : "Resume it.",
    undoRequest: { action: paused ? "pause" : "resume", settings: {} },
    ...(paused ? {} : { leaves: { sentence: `${node.name} stays paused.`, seconds: 1800, close: { action: "resume", node: node.id, settings: {} } } }),
  };
};

const restart: Draft = (_p, node) => {
  if (node.kind !== "deployment") return null;
  return {
    action: "restart", called: false, settings: [], label: `Restart ${node.name} by rolling`, findings: [finding("restart.rollout", "block", true, "No rollout is under way.", "complete", "complete", node.source), rights("patch deployments")], level: "L2",
    operation: "kubernetes:PatchDeployment", parameters: { name: node.name }, before: { revision: num(node.facts, "revision") ?? 0, replicas_ready: num(node.facts, "replicas_ready") ?? 0 },
    says: ["Every pod is replaced, at most a quarter at once."], expects: ["All replicas are updated and ready", "No restarts for two minutes"], undo: "No undo: the pods are new.",
  };
};

const selected: Draft = (p, node, settings) => {
  const depth = num(node.facts, "messages_visible") ?? 0;
  if (node.kind !== "queue" || node.facts.is_dead_letter_queue !== true || depth === 0) return null;
  const where = settings["where"] ?? "all";
  const edit = settings["edit"] ?? "";
  const to = p.edges.find((e) => e.relation === "dead-letters" && e.to === node.id)?.from.split("/").at(-1) ?? "?";
  return {
    action: "redrive-selected", called: false,
    settings: [
      { name: "where", label: "Which", default: "all", ask: { kind: "text", example: "$.schemaVersion = 7", most: 4000 }, note: "attribute.NAME or a JSONPath of the body with =, !=, <, >, contains, starts-with, exists; and, or, not; all for every message." },
      { name: "limit", label: "At most", default: "all", ask: { kind: "number", min: 1, max: 1_000_000, unit: "messages", or: "all" } },
      { name: "rate", label: "Rate", default: "50", ask: { kind: "number", min: 1, max: 3000, unit: "messages/s" } },
      { name: "edit", label: "Edit", default: "", ask: { kind: "text", example: "set $.schemaVersion = 6", most: 4000 }, note: "set PATH = JSON or remove PATH, with ; between; empty: as they are." },
    ],
    label: `${where === "all" ? `Redrive all ${depth.toLocaleString("en-US")} one by one` : `Redrive those of ${depth.toLocaleString("en-US")} where ${where}`} → ${to}${edit === "" ? "" : " · edited"} · canary 20 · then ${settings["rate"] ?? "50"}/s`,
    findings: [finding("redrive.task-running", "block", true, "No redrive of this queue is under way.", "none", "none", node.source, 3), rights("sqs:ReceiveMessage, sqs:SendMessage and sqs:DeleteMessage")],
    level: edit === "" ? "L2" : "L3", operation: "sqs:ReceiveMessage", parameters: { QueueName: node.name, Where: where, ...(edit === "" ? {} : { Edit: edit, Shape: settings["shape"] ?? "keep" }) },
    before: { messages_visible: depth }, says: ["Each message is received, matched, written down, sent and deleted.", "What the filter does not select can be received again at the end."],
    expects: ["No message that was sent comes back"], undo: "What was sent can be put back from the run's ledger.",
  };
};

/** Whether something blocks, and whether only broken glass passes it. */
function stop(findings: Finding[]): { blocked: boolean; breakable: boolean } {
  const stopping = findings.filter((f) => f.severity === "block" && f.outcome !== "pass");
  return { blocked: stopping.length > 0, breakable: stopping.length > 0 && stopping.every((f) => f.breakable === true) };
}

const DRAFTS: readonly Draft[] = [failover, scale, hold, restart, selected];

/** Everything offered on a node; only what the situation asks for when `called`. */
export function otherOffers(p: Platform, node: Node, called: boolean): Offer[] {
  return DRAFTS.map((draft) => draft(p, node, {})).filter((s) => s !== null).filter((s) => s.called || !called).map((s): Offer => {
    const unmet = s.findings.filter((f) => f.outcome !== "pass");
    const worst = unmet.find((f) => f.severity === "block") ?? unmet[0];
    return { action: s.action as Verb, node: node.id, label: s.label, colour: worst === undefined ? "green" : worst.severity === "block" ? "red" : "amber", level: s.level, findings: s.findings, settings: s.settings, command: `qd act ${s.action} ${node.name} --reason "…"`, ...(worst === undefined ? {} : { why: worst.sentence }) };
  });
}

export function otherPlan(p: Platform, action: Verb, node: Node, settings: Record<string, string>, now: number, n: number): Plan | null {
  const s = DRAFTS.map((draft) => draft(p, node, settings)).filter((x) => x !== null).find((x) => x.action === action);
  if (s === undefined) return null;
  const region = node.scope.region ?? "";
  return {
    id: `plan-${n}`, action, node: node.id, name: node.name, domain: node.id, place: `prod · account ${node.scope.account ?? ""} · ${region}`,
    settings: { ...Object.fromEntries(s.settings.map((x) => [x.name, x.default])), ...settings }, targets: [node.id], label: s.label,
    calls: [{ operation: s.operation, region, parameters: s.parameters, cli: `aws ${s.operation}`, step: "change" }], before: s.before, findings: s.findings,
    expectations: s.expects.map((sentence, i) => ({ id: `${action}.${i}`, sentence, dwell_seconds: 60 })), stops: [], undo: s.undo,
    ...(s.undoRequest === undefined ? {} : { undo_request: { ...s.undoRequest, action: s.undoRequest.action as Verb, node: node.id } }), ...(s.leaves === undefined ? {} : { leaves: { ...s.leaves, close: { ...s.leaves.close, action: s.leaves.close.action as Verb } } }),
    blast: { sentences: s.says }, level: s.level, ...stop(s.findings), confirm: node.name, digest: `e${n}77b0a2c4`, made_at: rfc(now), expires: rfc(now + 60_000),
  };
}

/** A run's receipt `s` seconds after the press: the call, half a dozen seconds until it shows, then the dwell. */
export function otherReceipt(p: Platform, run: string, plan: Plan, reason: string, pressedAt: number, s: number): Receipt {
  const script = DRAFTS.map((draft) => draft(p, p.nodes.get(plan.node) as Node, plan.settings)).filter((x) => x !== null).find((x) => x.action === plan.action);
  const shows = 6;
  const closed = s > shows + 5;
  const at = (sec: number): string => rfc(pressedAt + sec * 1000);
  const out: Receipt = {
    run, action: plan.action, node: plan.node, plan, actor: "r.okafor", reason, phase: closed ? "closed" : s > shows ? "verifying" : "running",
    sentence: closed ? `${plan.label}: done and verified.` : s > shows ? "It is done; watching that it stays." : "The call is made; waiting for it to show.", findings: plan.findings,
    steps: [
      { step: "checks", sentence: "All checks were run again on the press.", started: at(0), finished: at(0.6) },
      { step: "change", sentence: plan.calls[0]?.operation ?? "", started: at(0.6), request_id: "5e9c1d5f-0001", ...(s > 2 ? { finished: at(2) } : {}) },
      ...(s > shows ? [{ step: "verify", sentence: "Every condition for its dwell", started: at(shows), ...(closed ? { finished: at(shows + 5) } : {}) }] : []),
    ],
    progress: { moved: 0, to_move: 0, counted: "", figures: [{ label: "5xx of the targets", value: s > shows ? "0.2%" : "7.9%", number: s > shows ? 0.2 : 7.9, limit: "baseline 0.4%", past: s <= shows }], returned: 0, observed_at: at(Math.max(0, s - 1)) },
    predicates: plan.expectations.map((e, i) => ({ id: e.id, sentence: e.sentence, value: s > shows - i * 0.4 ? "holds" : "not yet", holds: s > shows - i * 0.4, held_seconds: Math.min(60, Math.max(0, (s - shows) * 12)), dwell_seconds: 60, ...(s > shows ? { seconds_to_true: Math.round(19 + i * 5) } : {}) })),
    pressed_at: rfc(pressedAt), undo: plan.undo,
  };
  if (!closed) return out;
  const after: { recovery_parts?: { part: string; seconds: number }[]; follow_ups?: { action: string; node: string; settings: Record<string, string> }[] } = out as object;
  Object.assign(out, { closed_at: at(shows + 5), verdict: "verified", recovery_seconds: 41 });
  if (plan.undo_request !== undefined) out.undo_request = plan.undo_request;
  if (plan.leaves !== undefined) out.left_open = plan.leaves;
  if (script?.parts !== undefined) after.recovery_parts = script.parts.map(([part, share]) => ({ part, seconds: Math.round(41 * share) }));
  if (script?.then !== undefined) after.follow_ups = script.then.map((t) => ({ ...t, settings: {} }));
  return out;
}
