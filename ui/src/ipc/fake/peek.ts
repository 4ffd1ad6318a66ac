// A look into a queue of the made-up platform: three groups of like messages, and what an edit would do to them.
import type { Cluster } from "../gen/Cluster";
import type { Difference } from "../gen/Difference";
import type { Node } from "../gen/Node";
import type { Peek } from "../gen/Peek";
import type { HostError } from "../host";
import { flag, num, text } from "../../shared/facts";
import { count, plural } from "../../shared/format";
import { rfc } from "./make";

interface Kept {
  share: number;
  signature: Cluster["signature"];
  where: string;
  body: string;
  attributes: Record<string, string>;
}

const trait = (name: string, place: string, value: string): Cluster["signature"][number] => ({ name, place, value });

const KEPT: readonly Kept[] = [
  {
    share: 0.6,
    signature: [trait("type", "$.type", "SettlementInstructed"), trait("error", "attribute.error", "SchemaMismatch"), trait("version", "$.schemaVersion", "7"), trait("shape", "$", "amount, currency, legacyRef, schemaVersion, tradeId, type")],
    where: '$.type = "SettlementInstructed" and attribute.error = "SchemaMismatch" and $.schemaVersion = 7',
    body: '{"type":"SettlementInstructed","schemaVersion":7,"tradeId":"T-88120441","amount":"1284500.00","currency":"USD","legacyRef":"<b>MX-19</b>"}',
    attributes: { error: "SchemaMismatch", "trace-id": "1-67406f1a-9f21" },
  },
  {
    share: 0.3,
    signature: [trait("type", "$.type", "SettlementInstructed"), trait("error", "attribute.error", "Timeout"), trait("version", "$.schemaVersion", "6"), trait("shape", "$", "amount, currency, schemaVersion, tradeId, type")],
    where: '$.type = "SettlementInstructed" and attribute.error = "Timeout" and $.schemaVersion = 6',
    body: '{"type":"SettlementInstructed","schemaVersion":6,"tradeId":"T-88119020","amount":"90210.55","currency":"EUR"}',
    attributes: { error: "Timeout" },
  },
  { share: 0.1, signature: [trait("shape", "$", "no JSON object")], where: "not $.type exists", body: "8=FIX.4.4|35=AE|571=88118873|31=101.25|32=500", attributes: {} },
];

type Change = { path: string; member: string; to?: unknown };

function changesOf(edit: string): Change[] {
  return edit.split(";").map((part): Change => {
    const [, set, value, gone] = /^\s*(?:set\s+\$\.(\w+)\s*=\s*(.+?)|remove\s+\$\.(\w+))\s*$/.exec(part) ?? [];
    try {
      if (set !== undefined) return { path: `$.${set}`, member: set, to: JSON.parse(value ?? "") };
    } catch {
      throw misread(edit.indexOf(part) + part.indexOf("=") + 2, "a JSON value is missing");
    }
    if (gone === undefined) throw misread(edit.indexOf(part) + 1, "say set PATH = JSON or remove PATH");
    return { path: `$.${gone}`, member: gone };
  });
}

const misread = (at: number, why: string): HostError => ({ code: "refused", message: `The edit cannot be read at character ${at}: ${why}.`, retryable: false });

/** What an edit does to a body, or why it does not fit it. */
function tried(body: string, changes: readonly Change[], free: boolean): Difference[] | string {
  let json: Record<string, unknown>;
  try {
    json = JSON.parse(body) as Record<string, unknown>;
  } catch {
    return "the body is not JSON.";
  }
  const out: Difference[] = [];
  for (const { path, member, to } of changes) {
    const before = json[member];
    if (before === undefined && to === undefined) return `${path} is not there.`;
    if (!free && typeof before !== typeof to) return `${path} would give the body another shape.`;
    if (before !== to) out.push({ path, ...(before === undefined ? {} : { before: JSON.stringify(before) }), ...(to === undefined ? {} : { after: JSON.stringify(to) }) });
  }
  return out;
}

export function peekOf(queue: Node, sample: number, edit: string | undefined, free: boolean, now: number): Peek {
  if (queue.kind !== "queue") throw { code: "refused", message: `${queue.name} is no queue: only queues can be looked into.`, retryable: false } satisfies HostError;
  const changes = edit === undefined ? null : changesOf(edit);
  const depth = num(queue.facts, "messages_visible") ?? 0;
  const looked = Math.min(sample, depth);
  let left = looked;
  const clusters = KEPT.flatMap((kept, i): Cluster[] => {
    const n = i === KEPT.length - 1 ? left : Math.min(left, Math.ceil(looked * kept.share));
    left -= n;
    if (n === 0) return [];
    const after = changes === null ? [] : tried(kept.body, changes, free);
    const example = { id: `6f0c1b7e-5a4${i}-4f7e-9d1c-0a2b${i}c4d5e6f`, body: kept.body, attributes: kept.attributes, sent_at: rfc(now - (24 - i * 5) * 60_000), receives: 6 + i };
    return [{ signature: kept.signature, count: n, percent: (100 * n) / looked, where: kept.where, example, ...(typeof after === "string" ? { unfit: { count: n, why: after } } : after.length === 0 ? {} : { differences: after }) }];
  });
  const target = text(queue.facts, "dead_letter_queue");
  return {
    node: queue.id, name: queue.name, at: rfc(now), looked, depth,
    sentence: looked === 0 ? "No message could be received." : looked === depth ? `All ${plural(looked, "message")} that could be received.` : `A sample: ${plural(looked, "message")} of about ${count(depth)}. What is not in it is not known.`,
    side_effects: [
      "Each message looked at counts one more receive (ApproximateReceiveCount).",
      "Each is hidden from consumers while it is looked at, 30 s at most, then let go.",
      ...(target === undefined ? [] : [`The queue has a redrive policy of its own: a message beyond ${plural(num(queue.facts, "max_receive_count") ?? 5, "receive")} moves on to ${target}.`]),
      ...(flag(queue.facts, "fifo") === true ? ["FIFO: the group of a message looked at is blocked until it is let go."] : []),
    ],
    left_hidden: 0, clusters: clusters.sort((a, b) => b.count - a.count),
  };
}
