// What sources are called and how they are doing, in words.
import type { Service } from "../../ipc/gen/Service";
import type { SourceStatus } from "../../ipc/gen/SourceStatus";
import { LEVEL_RANK } from "../../shared/levels";
import type { Level } from "../../ipc/gen/Level";

export const SERVICE_NAME: Record<Service, string> = {
  sts: "STS",
  iam: "IAM",
  route53: "Route 53",
  cloudfront: "CloudFront",
  elb: "ALB",
  ec2: "EC2",
  eks: "EKS",
  kubernetes: "Kubernetes",
  rds: "RDS",
  sqs: "SQS",
  lambda: "Lambda",
  cloudwatch: "CloudWatch",
  pricing: "Price List",
  "arc-zonal-shift": "ARC",
  stack: "stack file",
};

/** A source's name for people; of an unknown one, the first part of its id. */
export function sourceName(source: SourceStatus | undefined, id: string): string {
  if (source === undefined) {
    const service = id.split("/")[0] ?? id;
    return (SERVICE_NAME as Record<string, string>)[service] ?? service;
  }
  const name = SERVICE_NAME[source.service] ?? source.service;
  return name;
}

export interface ServiceAge {
  service: Service;
  name: string;
  /** Seconds since the oldest last good reading of its sources. */
  age: number | null;
  level: Level;
  /** Sources not ok, worst first. */
  failing: SourceStatus[];
}

const STATE_LEVEL: Record<SourceStatus["state"], Level> = { ok: "ok", pending: "in_transition", stale: "unknown", failed: "critical" };

/** One entry per service: the oldest reading, and what is wrong. */
export function serviceAges(sources: Iterable<SourceStatus>, now: number): ServiceAge[] {
  const by = new Map<Service, ServiceAge>();
  for (const source of sources) {
    if (source.service === "stack" || source.service === "sts") {
      if (source.state === "ok" || source.state === "pending") continue;
    }
    let entry = by.get(source.service);
    if (entry === undefined) {
      entry = { service: source.service, name: SERVICE_NAME[source.service] ?? source.service, age: null, level: "ok", failing: [] };
      by.set(source.service, entry);
    }
    const t = source.last_ok === undefined ? Number.NaN : Date.parse(source.last_ok);
    if (Number.isFinite(t)) entry.age = Math.max(entry.age ?? 0, Math.max(0, (now - t) / 1000));
    const level = STATE_LEVEL[source.state] ?? "unknown";
    if (LEVEL_RANK[level] > LEVEL_RANK[entry.level]) entry.level = level;
    if (source.state === "failed" || source.state === "stale") entry.failing.push(source);
  }
  // What is wrong must not be the one for which there is no room.
  return [...by.values()].sort((a, b) => Number(b.failing.length > 0) - Number(a.failing.length > 0));
}
