// The queues in the order in which they need somebody: each source with its dead-letter queue in one row. How bad a queue
// is and why is the backend's word; here it is only paired, put in order and read out.
import type { Node } from "../ipc/gen/Node";
import type { NodeId } from "../ipc/gen/NodeId";
import type { Level } from "../ipc/gen/Level";
import { flag, num, text } from "../shared/facts";
import { LEVEL_RANK, worse } from "../shared/levels";
import type { World } from "./world";

/** When the first message of a queue is lost for good. */
export interface Loss {
  /** Milliseconds since 1970. */
  at: number;
  queue: Node;
  /**
   * It may be earlier: a standard dead-letter queue keeps a message for so long since it was first sent, and SQS tells its
   * age only since it was moved there.
   * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html
   */
  bound: boolean;
}

export interface QueueRow {
  id: NodeId;
  queue: Node;
  /** Where its failed messages go. */
  dead: Node | undefined;
  /** Queues that share `dead`, this one included. */
  sharedBy: number;
  /** A dead-letter queue that no queue we read names. */
  orphan: boolean;
  /** The worse of the two. */
  level: Level;
  /** Why it stands where it stands, the backend's sentence; empty when it is well. */
  why: string;
  loss: Loss | undefined;
  /** Messages in both that nobody works on. */
  held: number;
}

/** Among reasons of one level, what is lost for good comes before what only waits. */
const FIRST: readonly string[] = ["queue.expiring", "queue.dlq-growing", "queue.move-failed", "queue.dlq-not-empty", "queue.age", "queue.not-draining", "queue.in-flight", "queue.moving"];

/** Every queue, the most urgent first. */
export function queueRows(world: World): QueueRow[] {
  const queues = [...world.nodes.values()].filter((n) => n.kind === "queue");
  const deadOf = new Map<NodeId, Node>();
  const sources = new Map<NodeId, number>();
  for (const queue of queues) {
    for (const edge of world.out.get(queue.id) ?? []) {
      const dead = edge.relation === "dead-letters" ? world.nodes.get(edge.to) : undefined;
      if (dead === undefined) continue;
      deadOf.set(queue.id, dead);
      sources.set(dead.id, (sources.get(dead.id) ?? 0) + 1);
    }
  }
  const rows = queues.filter((q) => !sources.has(q.id) || deadOf.has(q.id)).map((q) => row(q, deadOf.get(q.id), sources));
  return rows.sort((a, b) => urgency(a, b));
}

function row(queue: Node, dead: Node | undefined, sources: ReadonlyMap<NodeId, number>): QueueRow {
  const level = worse(queue.health.level, dead?.health.level ?? "ok");
  const reason = reasonOf(queue, dead, level);
  return {
    id: queue.id, queue, dead, level, loss: pairLoss(queue, dead),
    sharedBy: dead === undefined ? 0 : (sources.get(dead.id) ?? 1),
    orphan: flag(queue.facts, "is_dead_letter_queue") === true && !sources.has(queue.id),
    why: reason?.sentence ?? "",
    held: (num(queue.facts, "messages_visible") ?? 0) + (dead === undefined ? 0 : (num(dead.facts, "messages_visible") ?? 0)),
  };
}

function reasonOf(queue: Node, dead: Node | undefined, level: Level): Node["health"]["reasons"][number] | undefined {
  const all = [...(dead?.health.reasons ?? []), ...queue.health.reasons].filter((r) => r.level === level);
  return all.sort((a, b) => place(a.rule) - place(b.rule))[0];
}

function place(rule: string): number {
  const at = FIRST.indexOf(rule);
  return at < 0 ? FIRST.length : at;
}

/** Nobody works on dead letters: theirs is the loss that comes, unless the queue itself is said to lose messages sooner. */
function pairLoss(queue: Node, dead: Node | undefined): Loss | undefined {
  const own = lossOf(queue);
  const theirs = dead === undefined ? undefined : lossOf(dead);
  if (own === undefined || theirs === undefined) return theirs ?? own;
  return own.at < theirs.at && queue.health.reasons.some((r) => r.rule === "queue.expiring") ? own : theirs;
}

/** When the queue loses its oldest message, where it has one and its age is known. */
export function lossOf(queue: Node): Loss | undefined {
  const age = num(queue.facts, "oldest_age_seconds");
  const keep = num(queue.facts, "retention_seconds");
  if (age === undefined || age <= 0 || keep === undefined || holds(queue) === 0) return undefined;
  const read = Date.parse(queue.fact_origins?.oldest_age_seconds?.observed_at ?? queue.observed_at);
  if (!Number.isFinite(read)) return undefined;
  const bound = flag(queue.facts, "is_dead_letter_queue") === true && flag(queue.facts, "fifo") !== true;
  return { at: read + (keep - age) * 1000, queue, bound };
}

function holds(queue: Node): number {
  return (num(queue.facts, "messages_visible") ?? 0) + (num(queue.facts, "messages_not_visible") ?? 0);
}

function urgency(a: QueueRow, b: QueueRow): number {
  const level = LEVEL_RANK[b.level] - LEVEL_RANK[a.level];
  if (level !== 0) return level;
  // Of those that are well none is more urgent: they keep their place whatever they hold.
  if (a.level === "ok") return byName(a, b);
  const rule = place(ruleOf(a)) - place(ruleOf(b));
  if (rule !== 0) return rule;
  const lost = (a.loss?.at ?? Number.POSITIVE_INFINITY) - (b.loss?.at ?? Number.POSITIVE_INFINITY);
  // Minutes decide, not the seconds by which two readings differ.
  if (Number.isFinite(lost) && Math.abs(lost) > 60_000) return lost;
  return b.held - a.held || byName(a, b);
}

const ruleOf = (r: QueueRow): string => reasonOf(r.queue, r.dead, r.level)?.rule ?? "";
const byName = (a: QueueRow, b: QueueRow): number => (a.queue.name < b.queue.name ? -1 : a.queue.name > b.queue.name ? 1 : a.id < b.id ? -1 : 1);

/** What else decides what happens to a queue: its mapping or scaled object, then who consumes it. */
export function consumersOf(world: World, queue: NodeId): Node[] {
  const out: Node[] = [];
  const seen = new Set<NodeId>([queue]);
  const next = [queue];
  for (let id = next.shift(); id !== undefined; id = next.shift()) {
    const ends = [...(world.out.get(id) ?? [])].filter((e) => e.relation === "consumed-by" || e.relation === "scales");
    for (const edge of ends) {
      const node = world.nodes.get(edge.to);
      if (node === undefined || seen.has(node.id)) continue;
      seen.add(node.id);
      out.push(node);
      next.push(node.id);
    }
  }
  return out;
}

/** Whether a row has every word of a filter in its names, place, state or reason. */
export function matchesQueue(r: QueueRow, words: readonly string[]): boolean {
  if (words.length === 0) return true;
  const hay = `${r.queue.name} ${r.dead?.name ?? ""} ${r.queue.scope.region ?? ""} ${r.level} ${r.why} ${text(r.queue.facts, "move_task_status") ?? ""}`.toLowerCase();
  return words.every((w) => hay.includes(w));
}
