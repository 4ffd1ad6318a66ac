// A made-up trading platform about the size of the mock-ups: two regions, three zones each, some 1,400 pods.
// Names, figures and faults are invented here; nothing of this is part of the shipped page.
import type { Cause } from "../gen/Cause";
import type { Change } from "../gen/Change";
import type { Edge } from "../gen/Edge";
import type { Facts } from "../gen/Facts";
import type { Level } from "../gen/Level";
import type { Node } from "../gen/Node";
import type { Reason } from "../gen/Reason";
import type { Service } from "../gen/Service";
import type { Snapshot } from "../gen/Snapshot";
import type { SourceStatus } from "../gen/SourceStatus";
import { ACCOUNT, aws, dice, edge, kube, make, reason, rfc, series } from "./make";

export type Scenario = "calm" | "az-degraded" | "dlq-fills" | "dlq-green";
export const SCENARIOS: readonly Scenario[] = ["calm", "az-degraded", "dlq-fills", "dlq-green"];

const WORKLOADS: Record<string, [name: string, perZone: number][]> = {
  "market-data": [["fan-out", 26], ["book-builder", 20], ["tick-ingest", 15], ["nbbo", 13], ["replay", 9], ["symbols", 6]],
  orders: [["matching-engine", 19], ["order-router", 16], ["order-gateway", 15], ["fix-acceptor", 11], ["cancel-sweeper", 5]],
  pricing: [["quote-engine", 14], ["vol-surface", 11], ["curves", 8], ["greeks", 4]],
  risk: [["risk-check", 12], ["margin", 8], ["limits", 5]],
  ledger: [["ledger-api", 10], ["postings", 6], ["recon", 3]],
  settlement: [["settlement-writer", 5], ["trade-confirms", 3]],
  infra: [["ingress", 4], ["otel", 3]],
};

export interface Platform {
  nodes: Map<string, Node>;
  edges: Edge[];
  sources: Map<string, SourceStatus>;
  causes: Cause[];
  changes: Change[];
}

interface World {
  scenario: Scenario;
  /** Times as many pods. */
  scale: number;
  now: number;
  roll: () => number;
  out: Platform;
}

const REGIONS = [
  { region: "us-east-1", short: "use1", live: true },
  { region: "eu-west-1", short: "euw1", live: false },
] as const;
type Region = (typeof REGIONS)[number];

export const sourceId = (service: Service, region: string, part = ""): string => [service, ACCOUNT, region, part].filter((p) => p !== "").join("/");

/** The platform as it is `now`. */
export function platform(scenario: Scenario, now: number, seed = 7, scale = 1, /** Queues that are well, besides the four of the story, per region. */ more = 0): Platform {
  const w: World = {
    scenario,
    scale,
    now,
    roll: dice(seed),
    out: { nodes: new Map(), edges: [], sources: new Map(), causes: [], changes: [] },
  };
  sources(w);
  for (const region of REGIONS) {
    cluster(w, region);
    balancer(w, region);
    database(w, region);
    queues(w, region);
    for (let i = 0; i < more; i += 1) queue(w, region.region, { name: `desk-${String(i).padStart(3, "0")}-fills`, visible: Math.floor(w.roll() * 40), oldest: Math.floor(w.roll() * 3), dead: 0, fn: `desk-${String(i).padStart(3, "0")}-fn`, errors: 0, conc: [2, 20], p95: 40 });
  }
  front(w);
  story(w);
  return w.out;
}

export function snapshot(p: Platform, seq: number, now: number): Snapshot {
  return {
    seq,
    taken_at: rfc(now),
    stack: { name: "Meridian Trading", environment: "prod" },
    identity: { accounts: [ACCOUNT], caller: `arn:aws:sts::${ACCOUNT}:assumed-role/quarterdeck-read/r.okafor`, simulated: true, tunnel: false, access: [{ account: ACCOUNT, profile: "meridian-prod", way: "role", arn: `arn:aws:sts::${ACCOUNT}:assumed-role/quarterdeck-read/r.okafor`, state: "valid" }], programs: [], certificates: [] },
    nodes: [...p.nodes.values()].sort((a, b) => (a.id < b.id ? -1 : 1)),
    edges: p.edges,
    sources: [...p.sources.values()],
    causes: p.causes,
    changes: p.changes,
  };
}

function put(w: World, node: Node): Node {
  w.out.nodes.set(node.id, node);
  return node;
}

function link(w: World, ...edges: Edge[]): void {
  w.out.edges.push(...edges);
}

function sources(w: World): void {
  const add = (service: Service, region: string, part: string, period: number, ageS: number, more: Partial<SourceStatus> = {}): void => {
    const id = sourceId(service, region, part);
    w.out.sources.set(id, {
      id, service, part, scope: { account: ACCOUNT, region },
      state: "ok", last_ok: rfc(w.now - ageS * 1000), period_seconds: period, requests: 40, skipped: 0, ...more,
    });
  };
  add("sts", "global", "", 300, 120);
  add("route53", "global", "", 60, 18);
  const late = w.scenario === "az-degraded";
  add("cloudfront", "global", "", 60, late ? 190 : 21, late ? {
    state: "stale",
    error: "CloudFront has not answered ListDistributions since 3 m 10 s: the last two calls were throttled. Next try in 40 s.",
    failure: { class: "throttled", sentence: "CloudFront answered ListDistributions with Throttling.", next_step: "It is asked again with a longer pause.", code: "Throttling" },
  } : {});
  for (const { region } of REGIONS) {
    add("elb", region, "", 60, 41);
    add("eks", region, "", 120, 55);
    add("kubernetes", region, `prod-${region === "us-east-1" ? "use1" : "euw1"}/pods`, 30, 0.4);
    add("rds", region, "", 30, 6);
    add("sqs", region, "queues", 15, 9);
    add("sqs", region, "move-tasks", 15, 9);
    add("lambda", region, "", 60, 33);
    add("cloudwatch", region, "metrics", 60, 24);
  }
}

function wave(w: World, n: number, at: (i: number) => number, jitter = 0.08): number[] {
  return Array.from({ length: n }, (_, i) => Math.max(0, Number((at(i) * (1 + (w.roll() - 0.5) * jitter)).toFixed(2))));
}

function cluster(w: World, { region, short, live }: Region): void {
  const name = `prod-${short}`;
  const zones = ["a", "b", "c"].map((z) => `${region}${z}`);
  const k8s = sourceId("kubernetes", region, `${name}/pods`);
  const id = aws("cluster", region, name);
  put(w, make({ kind: "cluster", id, name, scope: { region, cluster: name }, source: sourceId("eks", region), facts: { status: "ACTIVE", version: "1.33", platform_version: "eks.9", nodes: 18, nodes_ready: 18, api_latency_ms: 42, zonal_shift_enabled: true, endpoint: `https://0F3A.gr7.${region}.eks.amazonaws.com` } }, w.now));
  const ng = aws("nodegroup", region, `${name}/general`);
  put(w, make({ kind: "nodegroup", id: ng, name: "general", scope: { region, cluster: name }, source: sourceId("eks", region), facts: { status: "ACTIVE", desired: 18, min: 12, max: 30, capacity_type: "ON_DEMAND", instance_types: "m7g.4xlarge" } }, w.now));
  link(w, edge(id, ng, "owns", "ListNodegroups"));
  for (const zone of zones) {
    for (let i = 0; i < 6; i += 1) {
      const bad = live && w.scenario === "az-degraded" && zone.endsWith("b") && i < 2;
      const host = `ip-10-0-${zones.indexOf(zone)}-${20 + i}.ec2.internal`;
      const node = kube("node", region, name, host);
      const facts: Facts = { ready: !bad, schedulable: true, instance_type: "m7g.4xlarge", nodegroup: "general", kubelet_version: "v1.33.2", cpu_allocatable_millicores: 15890, memory_allocatable_mib: 58_412, pods: 39, internal_ip: `10.0.${zones.indexOf(zone)}.${20 + i}` };
      put(w, make({ kind: "node", id: node, name: host, scope: { region, az: zone, cluster: name }, source: k8s, facts, level: bad ? "critical" : "ok", reasons: bad ? [reason("node-not-ready", "critical", `Node ${host} in ${zone} is not Ready since 4 m.`, "Ready condition Unknown: kubelet stopped posting node status", k8s, w.now)] : [] }, w.now));
      link(w, edge(ng, node, "owns", "label eks.amazonaws.com/nodegroup"));
    }
  }
  for (const [namespace, workloads] of Object.entries(WORKLOADS)) {
    for (const [workload, per] of workloads) deploy(w, region, name, zones, namespace, workload, Math.ceil((live ? per : per * 0.92) * w.scale), live, k8s);
  }
}

function deploy(w: World, region: string, name: string, zones: string[], namespace: string, workload: string, per: number, live: boolean, k8s: string): void {
  const id = kube("deployment", region, name, namespace, workload);
  const rs = kube("replicaset", region, name, namespace, `${workload}-6c9d4`);
  const total = per * zones.length;
  let ready = 0;
  const worst: Level[] = [];
  zones.forEach((zone, z) => {
    for (let i = 0; i < per; i += 1) {
      const pod = `${workload}-6c9d4-${(z * 2000 + i).toString(36).padStart(3, "0")}${Math.floor(w.roll() * 1296).toString(36).padStart(2, "0")}`;
      const [level, phase, is] = podFate(w, live, zone, namespace, workload, i);
      if (level !== "ok") worst.push(level);
      if (is) ready += 1;
      const pid = kube("pod", region, name, namespace, pod);
      const facts: Facts = { phase, ready: is, pod_ip: `10.0.${z}.${(i * 7 + namespace.length) % 250}`, node_name: `ip-10-0-${z}-${20 + (i % 6)}.ec2.internal`, restarts: level === "critical" ? 7 : 0, workload: `${namespace}/${workload}`, workload_kind: "Deployment", started_at: rfc(w.now - 9 * 3_600_000) };
      if (level === "critical") facts.reason = "CrashLoopBackOff";
      put(w, make({ kind: "pod", id: pid, name: pod, scope: { region, az: zone, cluster: name, namespace }, source: k8s, facts, level, reasons: level === "ok" ? [] : [reason("pod-not-ready", level, `Pod ${namespace}/${pod} is ${is ? "running" : phase === "Pending" ? "pending" : "not ready"} in ${zone}.`, `phase ${phase}, ready ${String(is)}`, k8s, w.now)] }, w.now));
      link(w, edge(rs, pid, "owns", "ownerReferences"));
      if (i % 6 === 0) link(w, edge(kube("node", region, name, `ip-10-0-${z}-${20 + (i % 6)}.ec2.internal`), pid, "hosts", "spec.nodeName"));
    }
  });
  const level: Level = worst.includes("critical") ? "critical" : worst.includes("warning") ? "warning" : "ok";
  const short = total - ready;
  put(w, make({ kind: "replicaset", id: rs, name: `${workload}-6c9d4`, scope: { region, cluster: name, namespace }, source: k8s, facts: { revision: 41, replicas: total, replicas_ready: ready, revision_current: true } }, w.now));
  put(w, make({ kind: "deployment", id, name: workload, scope: { region, cluster: name, namespace }, source: k8s, level, facts: { replicas: total, replicas_ready: ready, replicas_updated: total, replicas_unavailable: short, revision: 41, rollout: "complete", image: `registry.meridian.example/${workload}:2025.11.3` }, reasons: level === "ok" ? [] : [reason("deployment-short", level, `Deployment ${namespace}/${workload} has ${ready} of ${total} replicas ready: ${short} are down in us-east-1b.`, `${ready} of ${total} ready`, k8s, w.now)] }, w.now));
  link(w, edge(id, rs, "owns", "ownerReferences"));
  if (namespace === "orders" || namespace === "ledger" || namespace === "settlement") link(w, edge(id, aws("dbcluster", region, "orders-aurora"), "connects-to", "DB_HOST in the pod's environment"));
  if (workload === "matching-engine") link(w, edge(id, aws("queue", region, "settlement-events"), "sends-to", "QUEUE_URL in the pod's environment"));
  if (workload === "risk-check") link(w, edge(id, aws("queue", region, "risk-recalc"), "sends-to", "QUEUE_URL in the pod's environment"));
  if (workload === "trade-confirms") link(w, edge(id, aws("queue", region, "trade-confirms"), "sends-to", "QUEUE_URL in the pod's environment"));
  if (workload === "order-gateway") {
    const hpa = kube("hpa", region, name, namespace, workload);
    put(w, make({ kind: "hpa", id: hpa, name: workload, scope: { region, cluster: name, namespace }, source: k8s, facts: { min: 30, max: 90, current_replicas: total, desired_replicas: total, scale_target: `Deployment/${workload}`, metric: "cpu", metric_current: 61, metric_target: 70 } }, w.now));
    link(w, edge(hpa, id, "scales", "scaleTargetRef"));
  }
}

function podFate(w: World, live: boolean, zone: string, namespace: string, workload: string, i: number): [Level, string, boolean] {
  const r = w.roll();
  if (live && w.scenario === "az-degraded" && zone.endsWith("b")) {
    if (workload === "matching-engine" && i < 9) return ["critical", "Running", false];
    if (workload === "ledger-api" && i < 4) return ["critical", "Running", false];
    if (workload === "order-gateway" && i < 6) return ["warning", "Running", false];
    if (workload === "risk-check" && i < 4) return ["warning", "Running", false];
    if (r < 0.035) return ["warning", "Running", false];
  }
  if (live && w.scenario === "dlq-fills" && workload === "settlement-writer") return i < 2 ? ["critical", "Running", false] : ["warning", "Running", true];
  if (namespace === "orders" && r < 0.02) return ["in_transition", "Pending", false];
  return ["ok", "Running", true];
}

function balancer(w: World, { region, live }: Region): void {
  const name = "api-edge";
  const id = aws("loadbalancer", region, name);
  const tg = aws("targetgroup", region, "api-pods");
  const bad = live && w.scenario === "az-degraded";
  const source = sourceId("elb", region);
  const cw = sourceId("cloudwatch", region, "metrics");
  const zones: Record<string, Facts> = {};
  const targets: Record<string, Facts> = {};
  for (const z of ["a", "b", "c"]) {
    const hit = bad && z === "b";
    zones[`${region}${z}`] = { requests_per_second: hit ? 412 : (live ? 15_600 : 7_200) * (z === "c" ? 0.97 : 1), target_5xx_percent: hit ? 7.9 : 0.1, elb_5xx_percent: 0, latency_p99_ms: hit ? 4210 : z === "a" ? 204 : 198 };
    targets[`${region}${z}`] = hit ? { targets: 24, targets_healthy: 9, targets_unhealthy: 15, unhealthy_reasons: "Target.Timeout ×15" } : { targets: 24, targets_healthy: 24, targets_unhealthy: 0 };
  }
  const values = bad ? wave(w, 24, (i) => (i < 9 ? 0.1 : i < 11 ? 1.2 + (i - 9) * 2 : i < 19 ? 7.6 : 7.6 - (i - 18) * 1.1), 0.1) : wave(w, 24, () => 0.1, 0.4);
  const reasons: Reason[] = bad ? [reason("alb-5xx", "critical", "api-edge answers 5xx to 7.9% of the requests in us-east-1b; 1.9% over all zones.", "HTTPCode_Target_5XX_Count 7.9% in us-east-1b (limit 0.5%)", cw, w.now), reason("alb-targets", "critical", "15 of 24 targets of api-pods are unhealthy in us-east-1b: Target.Timeout.", "Target.Timeout ×15 (limit 0)", source, w.now, tg)] : [];
  put(w, make({ kind: "loadbalancer", id, name, scope: { region }, source, zones, level: bad ? "critical" : "ok", reasons, facts: { status: "active", scheme: "internet-facing", host: `api-edge-1.${region}.elb.amazonaws.com`, requests_per_second: bad ? 31_200 : live ? 46_300 : 21_400, target_5xx_percent: bad ? 1.9 : 0.1, elb_5xx_percent: 0, latency_p99_ms: bad ? 1610 : 204, zones_count: 3, listeners: 2 }, series: [series("target_5xx_percent", w.now, values), series("requests_per_second", w.now, wave(w, 24, () => (live ? 46_000 : 21_000)))] }, w.now));
  put(w, make({ kind: "targetgroup", id: tg, name: "api-pods", scope: { region }, source, zones: targets, level: bad ? "critical" : "ok", reasons: reasons.slice(1), facts: { protocol: "HTTP", target_type: "ip", health_check_path: "/healthz", targets: 72, targets_healthy: bad ? 57 : 72, targets_unhealthy: bad ? 15 : 0 } }, w.now));
  link(w, edge(id, tg, "forwards", "DescribeListeners default action"));
  for (const node of [...w.out.nodes.values()]) {
    if (node.kind === "pod" && node.scope.region === region && node.facts.workload === "orders/order-gateway") link(w, edge(tg, node.id, "targets", `target IP ${String(node.facts.pod_ip)} = pod IP`));
  }
  if (bad) {
    const alarm = aws("alarm", region, "api-5xx-high");
    put(w, make({ kind: "alarm", id: alarm, name: "api-5xx-high", scope: { region }, source: cw, level: "critical", facts: { alarm_state: "ALARM", alarm_state_since: rfc(w.now - 14 * 60_000), alarm_metric: "AWS/ApplicationELB HTTPCode_Target_5XX_Count", alarm_condition: "> 0.5% for 3 of 3 minutes", actions_enabled: true }, reasons: [reason("alarm", "critical", "Alarm api-5xx-high is in ALARM since 14 m.", "> 0.5% for 3 of 3 minutes", cw, w.now)] }, w.now));
    link(w, edge(alarm, id, "watches", "alarm dimension LoadBalancer"));
  }
}

function database(w: World, { region, live }: Region): void {
  const id = aws("dbcluster", region, "orders-aurora");
  const source = sourceId("rds", region);
  const cw = sourceId("cloudwatch", region, "metrics");
  const bad = live && w.scenario === "az-degraded";
  const lag = [series("replica_lag_ms", w.now, wave(w, 24, (i) => (bad && i > 11 ? 900 + (i - 11) * 640 : 20), 0.1))];
  const members: [string, string, "writer" | "reader", Facts, Level, Reason[]][] = [
    ["orders-1", "b", "writer", { commit_latency_ms: bad ? 184 : 4.2, cpu_percent: bad ? 71 : 38, connections: 412 }, bad ? "warning" : "ok", bad ? [reason("db-commit", "warning", "Writer orders-1 commits in 184 ms.", "CommitLatency 184 ms (limit 50 ms)", cw, w.now)] : []],
    ["orders-2", "a", "reader", { replica_lag_ms: 14, cpu_percent: 22, connections: 96 }, "ok", []],
    ["orders-3", "c", "reader", { replica_lag_ms: 22, cpu_percent: 24, connections: 101 }, "ok", []],
    ["orders-4", "b", "reader", { replica_lag_ms: bad ? 8400 : 19, cpu_percent: bad ? 88 : 21, connections: 87 }, bad ? "critical" : "ok", bad ? [reason("db-lag", "critical", "Reader orders-4 in us-east-1b is 8.4 s behind the writer.", "AuroraReplicaLag 8,400 ms (limit 1,000 ms)", cw, w.now)] : []],
  ];
  const first = members[3];
  put(w, make({ kind: "dbcluster", id, name: "orders-aurora", scope: { region }, source, level: bad ? "warning" : "ok", reasons: bad && first !== undefined ? [reason("db-member", "warning", "orders-aurora: reader orders-4 is 8.4 s behind; 2 of 3 readers keep up.", "AuroraReplicaLag 8,400 ms (limit 1,000 ms)", cw, w.now, aws("dbinstance", region, "orders-4"))] : [], facts: { status: "available", engine: "aurora-postgresql", engine_version: "16.6", writer: "orders-1", members: 4, readers: 3, readers_available: 3, multi_az: true, endpoint: `orders-aurora.cluster-c1.${region}.rds.amazonaws.com`, deletion_protection: true } }, w.now));
  for (const [name, z, role, facts, level, reasons] of members) {
    const member = aws("dbinstance", region, name);
    put(w, make({ kind: "dbinstance", id: member, name, scope: { region, az: `${region}${z}` }, source, level, reasons, facts: { status: "available", role, instance_class: "db.r7g.4xlarge", promotion_tier: role === "writer" ? 0 : 1, engine_version: "16.6", ...facts }, ...(name === "orders-4" ? { series: lag } : {}) }, w.now));
    link(w, edge(id, member, "owns", "DBClusterMembers"));
  }
}

interface Q {
  name: string;
  visible: number;
  oldest: number;
  dead: number;
  fn: string;
  errors: number;
  conc: [number, number];
  p95: number;
}

function queues(w: World, { region, live }: Region): void {
  const az = live && w.scenario === "az-degraded";
  const dlq = live && w.scenario === "dlq-fills";
  const green = live && w.scenario === "dlq-green";
  const list: Q[] = [
    { name: "notify-outbound", visible: live ? 88 : 41, oldest: 1, dead: 0, fn: "notify-fanout", errors: 0.1, conc: [9, 100], p95: 96 },
    { name: "risk-recalc", visible: live ? 1402 : 610, oldest: 6, dead: 0, fn: "risk-recalc-fn", errors: 0, conc: [86, 500], p95: 410 },
    { name: "settlement-events", visible: az ? 18_402 : dlq ? 2_304 : 214, oldest: az ? 552 : dlq ? 148 : 2, dead: az || dlq || green ? 1284 : 0, fn: "settlement-fn", errors: az ? 22 : dlq ? 38 : 0.2, conc: [az ? 412 : 96, 500], p95: az ? 6100 : 380 },
    { name: "trade-confirms", visible: 214, oldest: 1, dead: dlq || green ? 61_200 : 0, fn: "confirm-mailer", errors: 0, conc: [12, 100], p95: 96 },
  ];
  for (const q of list) queue(w, region, q);
}

function queue(w: World, region: string, q: Q): void {
  const source = sourceId("sqs", region, "queues");
  const cw = sourceId("cloudwatch", region, "metrics");
  const id = aws("queue", region, q.name);
  const dead = aws("queue", region, `${q.name}-dlq`);
  const fn = aws("function", region, q.fn);
  const mapping = aws("mapping", region, `${q.fn}-esm`);
  const backlog = q.oldest > 120;
  const failing = q.errors > 5;
  put(w, make({ kind: "queue", id, name: q.name, scope: { region }, source, level: backlog ? "critical" : "ok", reasons: backlog ? [reason("queue-age", "critical", `The oldest message of ${q.name} waits ${Math.floor(q.oldest / 60)} m ${q.oldest % 60} s.`, `ApproximateAgeOfOldestMessage ${q.oldest} s (limit 60 s)`, cw, w.now)] : [], facts: { messages_visible: q.visible, messages_not_visible: Math.round(q.visible * 0.02), messages_delayed: 0, oldest_age_seconds: q.oldest, max_receive_count: 5, visibility_timeout_seconds: 30, retention_seconds: 345_600, dead_letter_queue: `${q.name}-dlq`, sent_per_second: 120, deleted_per_second: failing ? 61 : 121, consumer_idempotent: true }, series: [series("messages_visible", w.now, wave(w, 24, (i) => (backlog ? 200 + Math.max(0, i - 9) * (q.visible / 14) : q.visible), 0.12))] }, w.now));
  const depth = wave(w, 24, (i) => (q.dead === 0 ? 0 : failing ? Math.max(0, q.dead - (23 - i) * 96) : q.dead), 0);
  put(w, make({ kind: "queue", id: dead, name: `${q.name}-dlq`, scope: { region }, source, level: q.dead === 0 ? "ok" : failing ? "critical" : "warning", reasons: q.dead === 0 ? [] : [reason("dlq-not-empty", failing ? "critical" : "warning", `${q.name}-dlq holds ${q.dead.toLocaleString("en-US")} messages${failing ? " and grows by 96 a minute" : " and does not grow"}.`, `${q.dead.toLocaleString("en-US")} messages visible (limit 0)`, source, w.now)], facts: { messages_visible: q.dead, messages_not_visible: 0, is_dead_letter_queue: true, source_queues: q.name, retention_seconds: 1_209_600, ...(q.dead > 0 ? { first_message_at: rfc(w.now - 24 * 60_000), oldest_age_seconds: 1440 } : {}) }, series: [series("messages_visible", w.now, depth)] }, w.now));
  put(w, make({ kind: "function", id: fn, name: q.fn, scope: { region }, source: sourceId("lambda", region), level: failing ? "critical" : "ok", reasons: failing ? [reason("lambda-errors", "critical", `Function ${q.fn} fails ${q.errors}% of its invocations.`, `Errors / Invocations ${q.errors}% (limit 5%)`, cw, w.now)] : [], facts: { runtime: "nodejs22.x", state_word: "Active", errors_percent: q.errors, invocations_per_second: 84, throttles_per_second: 0, duration_p95_ms: q.p95, concurrent_executions: q.conc[0], reserved_concurrency: q.conc[1], memory_mib: 1024, timeout_seconds: 30, revision: failing ? "42" : "41" }, series: [series("errors_percent", w.now, wave(w, 24, (i) => (failing ? (i < 12 ? 0.2 : q.errors) : q.errors), 0.1))] }, w.now));
  put(w, make({ kind: "mapping", id: mapping, name: `${q.fn}-esm`, scope: { region }, source: sourceId("lambda", region), facts: { state_word: "Enabled", batch_size: 10, maximum_concurrency: q.conc[1], event_source: `arn:aws:sqs:${region}:${ACCOUNT}:${q.name}`, function_name: q.fn } }, w.now));
  link(w, edge(id, dead, "dead-letters", "RedrivePolicy.deadLetterTargetArn"), edge(id, mapping, "consumed-by", "EventSourceArn"), edge(mapping, fn, "consumed-by", "FunctionArn"));
}

function front(w: World): void {
  const source = sourceId("route53", "global");
  const zone = aws("zone", null, "Z08ZAPT22");
  put(w, make({ kind: "zone", id: zone, name: "meridian.example.", scope: { region: "global" }, source, facts: { record_count: 9, private_zone: false, name_servers: "ns-1.awsdns-01.com, ns-2.awsdns-02.net" } }, w.now));
  const cf = aws("distribution", null, "E2QW7AB3K1");
  const cfs = sourceId("cloudfront", "global");
  const bucket = aws("bucket", null, "meridian-web-assets");
  put(w, make({ kind: "distribution", id: cf, name: "E2QW7AB3K1", scope: { region: "global" }, source: cfs, level: w.scenario === "az-degraded" ? "unknown" : "ok", reasons: w.scenario === "az-degraded" ? [reason("stale", "unknown", "What is known of E2QW7AB3K1 is 3 m 10 s old.", "last read 3 m 10 s ago", cfs, w.now - 180_000)] : [], facts: { status: "Deployed", enabled: true, domain: "d1x8.cloudfront.net", aliases: "www.meridian.example", origins: 2, requests_per_second: 38_600, error_5xx_percent: 0.4, error_4xx_percent: 0.9, origin_latency_ms: 231, cache_hit_percent: 91.2, web_acl: "arn:aws:wafv2:us-east-1:447101932210:global/webacl/edge/1" } }, w.scenario === "az-degraded" ? w.now - 190_000 : w.now));
  put(w, make({ kind: "bucket", id: bucket, name: "meridian-web-assets", scope: { region: "global" }, source: cfs, standing: "declared", facts: { origin_access_control: "E3OAC1", host: "meridian-web-assets.s3.amazonaws.com" } }, w.scenario === "az-degraded" ? w.now - 190_000 : w.now));
  link(w, edge(cf, bucket, "origin", "Origins[].DomainName"));
  for (const { region } of REGIONS) {
    const check = aws("healthcheck", null, `hc-${region}`);
    put(w, make({ kind: "healthcheck", id: check, name: `api ${region}`, scope: { region: "global" }, source, facts: { check_type: "HTTPS", target: `api.meridian.example/healthz`, interval_seconds: 10, failure_threshold: 3, check_status: 1, checkers_healthy_percent: 100 } }, w.now));
    for (const [host, share] of [["api.meridian.example", { "us-east-1": 64, "eu-west-1": 36 }], ["ws.meridian.example", { "us-east-1": 71, "eu-west-1": 29 }]] as const) {
      const id = aws("record", null, `Z08ZAPT22/${host}/A/${region}`);
      put(w, make({ kind: "record", id, name: host, scope: { region: "global" }, source, facts: { record_type: "A", routing: "weighted", weight: share[region], set_identifier: region, alias: true, alias_target: `api-edge-1.${region}.elb.amazonaws.com`, evaluate_target_health: true, health_check_id: `hc-${region}`, serving: true } }, w.now));
      link(w, edge(zone, id, "owns", "ListResourceRecordSets"), edge(id, aws("loadbalancer", region, "api-edge"), "routes-to", "alias target = balancer's DNS name"), edge(check, id, "gates", "HealthCheckId"));
    }
    link(w, edge(cf, aws("loadbalancer", region, "api-edge"), "origin", "Origins[].DomainName"));
  }
  const www = aws("record", null, "Z08ZAPT22/www.meridian.example/A");
  put(w, make({ kind: "record", id: www, name: "www.meridian.example", scope: { region: "global" }, source, facts: { record_type: "A", routing: "simple", alias: true, alias_target: "d1x8.cloudfront.net" } }, w.now));
  link(w, edge(zone, www, "owns", "ListResourceRecordSets"), edge(www, cf, "routes-to", "alias target = distribution's domain"));
}

function story(w: World): void {
  const r = "us-east-1";
  const at = (minutes: number): string => rfc(w.now - minutes * 60_000);
  const lb = aws("loadbalancer", r, "api-edge");
  if (w.scenario === "az-degraded") {
    w.out.causes.push({
      rule: "az-fault", level: "critical",
      sentence: "us-east-1b is degraded: targets time out, replica lag and failing nodes in the same zone",
      targets: [aws("dbinstance", r, "orders-4"), aws("targetgroup", r, "api-pods"), kube("node", r, "prod-use1", "ip-10-0-1-20.ec2.internal")],
      consequences: [aws("queue", r, "settlement-events"), aws("queue", r, "settlement-events-dlq"), aws("function", r, "settlement-fn"), lb, ...[...w.out.nodes.values()].filter((n) => n.kind === "deployment" && n.health.level !== "ok").map((n) => n.id)],
      signals: [
        { sentence: "15 of 24 targets of api-pods time out in us-east-1b only.", node: aws("targetgroup", r, "api-pods"), at: at(14.5) },
        { sentence: "Reader orders-4 in us-east-1b is 8.4 s behind.", node: aws("dbinstance", r, "orders-4"), at: at(8) },
        { sentence: "2 of 6 nodes in us-east-1b are not Ready.", node: kube("node", r, "prod-use1", "ip-10-0-1-20.ec2.internal"), at: at(12) },
      ],
      since: at(14.5),
    });
    w.out.changes.push(
      { at: at(3), kind: "alarm", node: aws("dbinstance", r, "orders-4"), sentence: "replica-lag-high: OK → ALARM" },
      { at: at(5), kind: "alarm", node: aws("queue", r, "settlement-events-dlq"), sentence: "settlement-dlq-depth: OK → ALARM" },
      { at: at(9), kind: "alarm", node: aws("dbinstance", r, "orders-1"), sentence: "commit-latency: OK → ALARM" },
      { at: at(13.5), kind: "event", node: kube("node", r, "prod-use1", "ip-10-0-1-20.ec2.internal"), sentence: "NodeNotReady ip-10-0-1-20" },
      { at: at(14), kind: "alarm", node: lb, sentence: "api-5xx-high: OK → ALARM" },
      { at: at(20), kind: "deploy", node: kube("deployment", r, "prod-use1", "ledger", "ledger-api"), sentence: "ledger/ledger-api rolled out revision 41" },
    );
  } else if (w.scenario === "dlq-fills") {
    const fn = aws("function", r, "settlement-fn");
    w.out.causes.push({
      rule: "consumer-broken-by-revision", level: "critical",
      sentence: "settlement-fn fails 38% of its messages since revision 42, deployed 11 m ago",
      targets: [fn], consequences: [aws("queue", r, "settlement-events"), aws("queue", r, "settlement-events-dlq")],
      signals: [{ sentence: "Errors rose from 0.2% to 38% one minute after revision 42.", node: fn, at: at(11) }, { sentence: "settlement-events-dlq grows by 96 a minute.", node: aws("queue", r, "settlement-events-dlq"), at: at(10) }],
      since: at(11),
    });
    w.out.changes.push(
      { at: at(6), kind: "alarm", node: aws("queue", r, "settlement-events-dlq"), sentence: "settlement-dlq-depth: OK → ALARM" },
      { at: at(10), kind: "alarm", node: fn, sentence: "settlement-fn-errors: OK → ALARM" },
      { at: at(12), kind: "deploy", node: fn, sentence: "settlement-fn deployed revision 42" },
    );
  } else {
    w.out.changes.push({ at: at(16), kind: "deploy", node: kube("deployment", r, "prod-use1", "pricing", "curves"), sentence: "pricing/curves rolled out revision 41" });
    if (w.scenario === "dlq-green") {
      w.out.changes.unshift({ at: at(6), kind: "deploy", node: aws("function", r, "settlement-fn"), sentence: "settlement-fn rolled back to revision 41" });
    }
  }
}
