// What a peek says before and after the look, and what a group of messages leads to. Words and requests only.
import type { ActionRequest } from "../../ipc/gen/ActionRequest";
import type { Cluster } from "../../ipc/gen/Cluster";
import type { Difference } from "../../ipc/gen/Difference";
import type { Node } from "../../ipc/gen/Node";
import type { NodeId } from "../../ipc/gen/NodeId";
import type { Peek } from "../../ipc/gen/Peek";
import { plainText } from "../../ipc/plain";
import { flag, num, text } from "../../shared/facts";
import { bounded, count, percent, plural, seconds, shortArns, stamp } from "../../shared/format";
import type { QueueRow } from "../../store/queues";
import type { World } from "../../store/world";
import { sentence } from "../action/words";

// As the backend has them (act::selected::peek and settings); it bounds what is asked for all the same.
export const DEFAULT_SAMPLE = 30;
export const MAX_SAMPLE = 500;
export const LONGEST_EDIT = 4000;
const HIDDEN_S = 30;
const BODY_SHOWN = 2000;

/** What a look was asked with. */
export interface Asked {
  sample: number;
  edit?: string;
  freeShape?: boolean;
}

/** A look: what was asked and what was found. */
export interface Seen {
  asked: Asked;
  peek: Peek;
}

/** The size of a sample as typed; null when it is none. */
export function sampleOf(typed: string): number | null {
  const n = /^\d{1,4}$/.test(typed.trim()) ? Number(typed) : 0;
  return n >= 1 && n <= MAX_SAMPLE ? n : null;
}

/** What to ask for; an edit of blanks is none, and a shape is of an edit only. */
export function askedOf(sample: number, edit: string, freeShape: boolean): Asked {
  const words = edit.trim();
  return words === "" ? { sample } : { sample, edit: words, freeShape };
}

type Effect = "receives" | "hidden" | "policy" | "group" | "rest";

const EFFECTS: Record<Effect, (id: NodeId, queue: Node | undefined) => string | null> = {
  receives: () => "Each message looked at counts one more receive (ApproximateReceiveCount).",
  hidden: () => `Each is hidden from consumers for a moment, ${seconds(HIDDEN_S)} at most, then let go.`,
  policy: (_, queue) => {
    const target = queue === undefined ? undefined : text(queue.facts, "dead_letter_queue");
    if (target === undefined) return "No redrive policy of its own is known; if it has one, a message beyond its limit of receives is pushed on.";
    const limit = queue === undefined ? undefined : num(queue.facts, "max_receive_count");
    return `The queue has a redrive policy of its own: the look may push a message beyond ${limit === undefined ? "its limit of receives" : plural(limit, "receive")} on to ${shortArns(target)}.`;
  },
  // A FIFO queue's name ends so, whether or not its attributes were read.
  group: (id, queue) => (id.endsWith(".fifo") || (queue !== undefined && flag(queue.facts, "fifo") === true) ? "FIFO: the group of a message looked at is blocked until it is let go." : null),
  rest: () => "The look itself deletes, sends and changes nothing, and nothing has to be armed.",
};

/** What a look does to a queue, before it is done. */
export function effects(id: NodeId, queue: Node | undefined): string[] {
  return Object.values(EFFECTS).map((says) => says(id, queue)).filter((line) => line !== null);
}

/** What the look did, and what it could not take back. */
export function didText(peek: Peek): string[] {
  const left = peek.left_hidden;
  return left === 0 ? peek.side_effects : [...peek.side_effects, `${plural(left, "message")} could not be let go: ${left === 1 ? "it comes" : "they come"} back by ${left === 1 ? "itself" : "themselves"} within ${seconds(HIDDEN_S)}.`];
}

/** `12 of 30, 40%`. */
export function shareText(cluster: Cluster, looked: number): string {
  return `${count(cluster.count)} of ${count(looked)}, ${percent(cluster.percent)}`;
}

/** A group in one line, for who hears it: its share, then what its messages have in common. */
export function clusterText(cluster: Cluster, looked: number): string {
  return [shareText(cluster, looked), ...cluster.signature.map((t) => `${t.name} ${bounded(t.value, 60)}`)].join(", ");
}

/** A part of a signature, as a heading. */
export function traitName(name: string): string {
  return sentence(name);
}

/** What the filter takes, beyond the sample. */
export function reachText(cluster: Cluster): string {
  return cluster.where.trim() === "all" ? "It selects every message of the queue." : `It selects every message of the queue that it fits, not only ${cluster.count === 1 ? "this one" : `these ${count(cluster.count)}`}.`;
}

/** What an edit does to a group, where its differences do not say it. */
export function editText(cluster: Cluster): string | null {
  const { unfit, count: all } = cluster;
  if (unfit === undefined) return (cluster.differences ?? []).length === 0 ? "The edit changes nothing in the example." : null;
  const which = unfit.count < all ? `${count(unfit.count)} of these ${count(all)}` : all === 1 ? "this one" : `any of these ${count(all)}`;
  return `The edit does not fit ${which}: ${unfit.why}`;
}

type Change = "added" | "removed" | "changed";
export const CHANGE_WORD: Record<Change, string> = { added: "added", removed: "removed", changed: "changed" };

export function changeOf(difference: Difference): Change {
  if (difference.before === undefined) return "added";
  return difference.after === undefined ? "removed" : "changed";
}

/** Which message the example is, and what SQS tells of it. */
export function exampleText(cluster: Cluster): string {
  const { id, sent_at, receives } = cluster.example;
  const told = [sent_at === undefined ? "" : `sent ${stamp(sent_at)}`, receives === undefined ? "" : `received ${plural(receives, "time")}, this look included`].filter((t) => t !== "");
  return [bounded(plainText(id), 80), ...told].join(" · ");
}

/** Whether a body may go on beyond what is shown; a long one is cut twice, on its way too. */
export function mayGoOn(body: string): boolean {
  return body.length >= BODY_SHOWN - 10;
}

/** The redrive of a group: its filter, and the edit it was looked at with. */
export function requestOf({ asked, peek }: Seen, cluster: Cluster): ActionRequest {
  const edit: Record<string, string> = asked.edit === undefined ? {} : { edit: asked.edit, ...(asked.freeShape === true ? { shape: "free" } : {}) };
  return { action: "redrive-selected", node: peek.node, settings: { where: cluster.where, ...edit } };
}

/** Whether a queue's messages can be redriven at all: something dead-letters, or moved, here. */
export function redrivable(world: World | null, id: NodeId): boolean {
  const facts = world?.nodes.get(id)?.facts;
  if (world === null || facts === undefined) return false;
  return flag(facts, "is_dead_letter_queue") === true || text(facts, "source_queues") !== undefined || text(facts, "move_task_status") !== undefined || [...(world.into.get(id) ?? [])].some((e) => e.relation === "dead-letters");
}

/** Which queue of a row is looked into: its dead letters, where there are any. */
export function targetOf(row: QueueRow): Node {
  return row.dead !== undefined && (num(row.dead.facts, "messages_visible") ?? 0) > 0 ? row.dead : row.queue;
}
