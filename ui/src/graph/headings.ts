// What stands above each column: the tier's name and its one figure, what is wrong first.
import type { Kind } from "../ipc/gen/Kind";
import type { NodeId } from "../ipc/gen/NodeId";
import type { Service } from "../ipc/gen/Service";
import { flag, num } from "../shared/facts";
import { count, percent, plural } from "../shared/format";
import { worst } from "../shared/levels";
import * as face from "./cards";
import type { ColumnId } from "./cards";
import type { Context, Heading, PodCounts } from "./view";

type Parts = Heading["parts"];

export function headingsOf(ctx: Context, pods: PodCounts): Heading[] {
  const heading = (column: ColumnId, title: string, parts: Parts, node?: NodeId): Heading =>
    ({ column, title, parts: filled(ctx, column, parts), ...(node === undefined ? {} : { node }) });
  const cluster = ctx.of("cluster")[0];
  return [
    heading("route53", "Route 53", zoneParts(ctx), ctx.of("zone")[0]?.id),
    heading("edge", "CloudFront", hitParts(ctx), ctx.of("distribution")[0]?.id),
    heading("alb", "ALB", albParts(ctx), ctx.of("loadbalancer")[0]?.id),
    heading("eks", "EKS", podParts(pods), cluster?.id),
    heading("data", "Aurora", dataParts(ctx), ctx.of("dbcluster")[0]?.id),
    heading("sqs", "SQS", deadParts(ctx)),
    heading("lambda", "Lambda", errorParts(ctx)),
  ];
}

const SERVICE_OF: Record<ColumnId, Service> = { route53: "route53", edge: "cloudfront", alb: "elb", eks: "kubernetes", data: "rds", sqs: "sqs", lambda: "lambda" };

/** A tier with nothing in it says why: not read (yet), failed, or really nothing there. Of a cluster that EKS lists the pods may be unread. */
function filled(ctx: Context, column: ColumnId, parts: Parts): Parts {
  if (parts.length > 0 || ctx.of(KINDS_OF[column]).length > 0) return parts;
  const service = SERVICE_OF[column];
  const its = [...ctx.world.sources.values()].filter((s) => s.service === service && (s.scope.region === undefined || s.scope.region === "global" || s.scope.region === ctx.region));
  if (its.length === 0) return [{ text: "not read", level: "unknown" }];
  if (its.some((s) => s.state === "failed")) return [{ text: "could not be read", level: "unknown" }];
  if (its.some((s) => s.state === "pending")) return [{ text: "reading…", level: "in_transition" }];
  return [{ text: "none here", level: "ok" }];
}

const KINDS_OF: Record<ColumnId, Kind> = { route53: "record", edge: "distribution", alb: "loadbalancer", eks: "pod", data: "dbinstance", sqs: "queue", lambda: "function" };

function zoneParts(ctx: Context): Parts {
  const zones = ctx.of("zone");
  const one = zones[0];
  if (one === undefined) return [];
  return [{ text: zones.length === 1 ? one.name.replace(/\.$/, "") : plural(zones.length, "zone"), level: worst(zones.map((z) => z.health.level)) }];
}

function hitParts(ctx: Context): Parts {
  const hits = ctx.of("distribution").map((n) => num(n.facts, "cache_hit_percent")).filter((v) => v !== undefined);
  if (hits.length === 0) return [];
  return [{ text: hits.length === 1 ? `hit ratio ${percent(hits[0] ?? 0)}` : plural(ctx.of("distribution").length, "distribution"), level: "ok" }];
}

function albParts(ctx: Context): Parts {
  const worstLb = [...ctx.of("loadbalancer")].sort((a, b) => (num(b.facts, "target_5xx_percent") ?? -1) - (num(a.facts, "target_5xx_percent") ?? -1))[0];
  const value = worstLb === undefined ? undefined : num(worstLb.facts, "target_5xx_percent");
  if (worstLb === undefined || value === undefined) return [];
  return [{ text: `5xx ${percent(value)}`, level: face.spokenOf(worstLb, /5xx/i) }];
}

/** What is wrong comes first: a narrow column cuts the end off. */
function podParts(pods: PodCounts): Parts {
  if (pods.total === 0) return [];
  const parts: Parts = [{ text: plural(pods.total, "pod"), level: "ok" }];
  if (pods.failed > 0) parts.push({ text: `${count(pods.failed)} failed`, level: "critical" });
  if (pods.notReady > 0) parts.push({ text: `${count(pods.notReady)} not ready`, level: "warning" });
  if (pods.unknown > 0) parts.push({ text: `${count(pods.unknown)} unknown`, level: "unknown" });
  if (pods.pending > 0) parts.push({ text: `${count(pods.pending)} pending`, level: "in_transition" });
  parts.push({ text: `${count(pods.ready)} ready`, level: "ok" });
  return parts;
}

function dataParts(ctx: Context): Parts {
  const worstLag = [...ctx.of("dbinstance")].sort((a, b) => (num(b.facts, "replica_lag_ms") ?? -1) - (num(a.facts, "replica_lag_ms") ?? -1))[0];
  const lag = worstLag === undefined ? undefined : num(worstLag.facts, "replica_lag_ms");
  if (worstLag === undefined || lag === undefined) return [];
  return [{ text: `replica lag ${lag >= 1000 ? `${(lag / 1000).toFixed(1)} s` : `${Math.round(lag)} ms`}`, level: face.spokenOf(worstLag, /lag/i) }];
}

function deadParts(ctx: Context): Parts {
  const dead = ctx.of("queue").filter((q) => flag(q.facts, "is_dead_letter_queue") === true);
  if (dead.length === 0) return [];
  const sum = dead.reduce((s, q) => s + (num(q.facts, "messages_visible") ?? 0), 0);
  return [{ text: `DLQ ${count(sum)}`, level: worst(dead.map((q) => q.health.level)) }];
}

function errorParts(ctx: Context): Parts {
  const worstFn = [...ctx.of("function")].sort((a, b) => (num(b.facts, "errors_percent") ?? -1) - (num(a.facts, "errors_percent") ?? -1))[0];
  const value = worstFn === undefined ? undefined : num(worstFn.facts, "errors_percent");
  if (worstFn === undefined || value === undefined) return [];
  return [{ text: `errors ${percent(value)}`, level: face.spokenOf(worstFn, /error|fail/i) }];
}
