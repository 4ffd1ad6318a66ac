// Builders for a made-up platform in the exported types, for the page without a shell and for tests.
import type { Edge } from "../gen/Edge";
import type { Fact } from "../gen/Fact";
import type { Facts } from "../gen/Facts";
import type { Kind } from "../gen/Kind";
import type { Level } from "../gen/Level";
import type { Node } from "../gen/Node";
import type { Reason } from "../gen/Reason";
import type { Relation } from "../gen/Relation";
import type { Scope } from "../gen/Scope";
import type { Series } from "../gen/Series";

export const ACCOUNT = "447101932210";

/** Small deterministic generator (mulberry32). */
export function dice(seed: number): () => number {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = a;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export function rfc(ms: number): string {
  return new Date(ms).toISOString();
}

export interface Draft {
  kind: Kind;
  id: string;
  name: string;
  scope: Scope;
  facts: Facts;
  source: string;
  zones?: Record<string, Facts>;
  series?: Series[];
  level?: Level;
  reasons?: Reason[];
  standing?: Node["standing"];
}

export function make(draft: Draft, now: number): Node {
  const node: Node = {
    id: draft.id,
    kind: draft.kind,
    name: draft.name,
    scope: { account: ACCOUNT, ...draft.scope },
    health: { level: draft.level ?? "ok", reasons: draft.reasons ?? [] },
    facts: draft.facts,
    standing: draft.standing ?? "read",
    observed_at: rfc(now),
    source: draft.source,
  };
  if (draft.zones !== undefined) node.zones = draft.zones;
  if (draft.series !== undefined) node.series = draft.series;
  return node;
}

export function aws(kind: Kind, region: string | null, name: string): string {
  return `${kind}/${ACCOUNT}/${region ?? "global"}/${name}`;
}

export function kube(kind: Kind, region: string, cluster: string, ...rest: string[]): string {
  return [kind, ACCOUNT, region, cluster, ...rest].join("/");
}

export function edge(from: string, to: string, relation: Relation, provenance: string): Edge {
  return { from, to, relation, provenance };
}

export function reason(rule: string, level: Level, sentence: string, text: string, source: string, now: number, leaf?: string): Reason {
  const out: Reason = { rule, level, sentence, evidence: [{ text, source, observed_at: rfc(now - 9000) }] };
  if (leaf !== undefined) out.leaf = leaf;
  return out;
}

export function series(fact: Fact, now: number, values: (number | null)[], step = 60): Series {
  return { fact, start: rfc(now - (values.length - 1) * step * 1000), step_seconds: step, values };
}
