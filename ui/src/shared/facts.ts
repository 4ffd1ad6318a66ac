// How a fact is called and printed. Units are in the fact's name; this is the only place that reads them.
import type { Fact } from "../ipc/gen/Fact";
import type { Facts } from "../ipc/gen/Facts";
import { age, clock, count, mebibytes, millis, percent, rate, seconds } from "./format";

export type FactValue = boolean | number | string;

/** Names that read better than the identifier with blanks. */
const NAMES: Partial<Record<Fact, string>> = {
  arn: "ARN",
  url: "URL",
  vpc: "VPC",
  ttl_seconds: "TTL",
  api_latency_ms: "API latency, as we see it",
  cpu_percent: "CPU",
  error_4xx_percent: "4xx",
  error_5xx_percent: "5xx",
  target_5xx_percent: "5xx from targets",
  elb_5xx_percent: "5xx from the balancer",
  target_5xx_per_second: "5xx from targets",
  elb_5xx_per_second: "5xx from the balancer",
  requests_per_second: "Requests",
  latency_p50_ms: "Latency p50",
  latency_p99_ms: "Latency p99",
  duration_p95_ms: "Duration p95",
  cache_hit_percent: "Cache hits",
  messages_visible: "Messages",
  messages_not_visible: "In flight",
  messages_delayed: "Delayed",
  oldest_age_seconds: "Oldest message",
  max_receive_count: "Max receives",
  is_dead_letter_queue: "Is a dead-letter queue",
  fifo: "FIFO",
  first_message_at: "First message",
  pod_ip: "Pod IP",
  internal_ip: "Internal IP",
  cluster_ip: "Cluster IP",
  multi_az: "More than one AZ",
  min: "Minimum",
  max: "Maximum",
  replicas_ready: "Ready replicas",
  health_check_id: "Health check",
  checkers_healthy_percent: "Checkers that say healthy",
  hourly_usd: "Price per hour, on demand",
};

/** A fact's name in words. */
export function factName(fact: Fact): string {
  const known = NAMES[fact];
  if (known !== undefined) return known;
  const words = fact
    .replace(/_(percent|ms|seconds|per_second|mib|millicores|at)$/, "")
    .replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** Facts whose value is an identifier and wants the fixed-width face. */
export function isIdentifier(fact: Fact): boolean {
  return /^(arn|host|url|vpc|endpoint|reader_endpoint|image|provider_id|pod_ip|internal_ip|cluster_ip|alias_target|domain|web_acl|origin_access_control|health_check_id|move_task_handle|move_task_destination|event_source|node_name|values|name_servers|labels)$/.test(
    fact,
  );
}

/** A fact's value with its unit; times become clock times with their age when `now` (ms since 1970) is given. */
export function factText(fact: Fact, value: FactValue, now?: number): string {
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "string") return timeText(fact, value, now) ?? value;
  // Numbers that name something are not counts.
  if (fact === "port" || fact === "revision" || fact === "generation" || fact === "observed_generation") return String(value);
  if (fact.endsWith("_percent")) return percent(value);
  if (fact.endsWith("_per_second") || fact === "move_task_rate") return rate(value);
  if (fact.endsWith("_ms")) return millis(value);
  if (fact.endsWith("_seconds")) return seconds(value);
  if (fact.endsWith("_mib")) return mebibytes(value);
  if (fact.endsWith("_usd")) return `${value.toFixed(4).replace(/0{1,2}$/, "")} USD`;
  if (fact.endsWith("_millicores")) return `${count(value / 1000)} cores`;
  return count(value);
}

function timeText(fact: Fact, value: string, now?: number): string | null {
  if (!fact.endsWith("_at") && fact !== "ready_since" && fact !== "alarm_state_since" && fact !== "last_modified") return null;
  const t = Date.parse(value);
  if (!Number.isFinite(t)) return null;
  const day = value.slice(0, 10);
  if (now === undefined) return `${day} ${clock(value)}`;
  const today = new Date(now).toISOString().slice(0, 10) === day;
  return `${today ? "" : `${day} `}${clock(value)} · ${age((now - t) / 1000)} ago`;
}

/** The value of a fact, as it is. */
export function valueOf(facts: Facts, fact: Fact): FactValue | undefined {
  return (facts as Partial<Record<Fact, FactValue>>)[fact];
}

/** A number, or undefined when the fact is absent or is not one. */
export function num(facts: Facts, fact: Fact): number | undefined {
  const value = valueOf(facts, fact);
  return typeof value === "number" ? value : undefined;
}

/** Words, or undefined. */
export function text(facts: Facts, fact: Fact): string | undefined {
  const value = valueOf(facts, fact);
  return typeof value === "string" ? value : undefined;
}

/** Words, or undefined where nothing is known, or where it is known that there is nothing (`none`). */
export function something(facts: Facts, fact: Fact): string | undefined {
  const value = text(facts, fact);
  return value === "none" ? undefined : value;
}

/** True or false, or undefined. */
export function flag(facts: Facts, fact: Fact): boolean | undefined {
  const value = valueOf(facts, fact);
  return typeof value === "boolean" ? value : undefined;
}
