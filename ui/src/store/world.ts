// The platform as last told, and the one function that applies what the shell sends. Plain Maps, not
// reactive: ten thousand pods change under it, and views ask for what they draw after `revision` rises.
import type { Access } from "../ipc/gen/Access";
import type { Cause } from "../ipc/gen/Cause";
import type { Certificate } from "../ipc/gen/Certificate";
import type { Change } from "../ipc/gen/Change";
import type { Edge } from "../ipc/gen/Edge";
import type { Identity } from "../ipc/gen/Identity";
import type { Level } from "../ipc/gen/Level";
import type { Node } from "../ipc/gen/Node";
import type { NodeId } from "../ipc/gen/NodeId";
import type { Program } from "../ipc/gen/Program";
import type { SourceStatus } from "../ipc/gen/SourceStatus";
import type { StackIdentity } from "../ipc/gen/StackIdentity";
import { LEVEL_RANK } from "../shared/levels";

/** Everything the window knows. */
export interface World {
  seq: number;
  /** Platform time of the last update, milliseconds since 1970. */
  takenAt: number;
  stack: StackIdentity;
  identity: Identity;
  nodes: Map<NodeId, Node>;
  /** Edges by `edgeKey`. */
  edges: Map<string, Edge>;
  out: Map<NodeId, Set<Edge>>;
  into: Map<NodeId, Set<Edge>>;
  sources: Map<string, SourceStatus>;
  causes: Cause[];
  changes: Change[];
}

/** Whether every source has been heard of once: until then the picture still grows, and places are provisional. */
export function settled(world: World): boolean {
  for (const source of world.sources.values()) if (source.state === "pending") return false;
  return world.sources.size > 0;
}

/** What an update touched, for whoever redraws. */
export interface Touched {
  all: boolean;
  nodes: Node[];
  gone: NodeId[];
  edges: boolean;
}

export type Applied =
  | { outcome: "applied"; world: World; touched: Touched; skipped: number }
  | { outcome: "gap"; have: number; need: number }
  | { outcome: "malformed"; detail: string };

export function edgeKey(edge: Edge): string {
  return `${edge.from}\u0000${edge.to}\u0000${edge.relation}\u0000${edge.provenance}`;
}

/**
 * Applies one update. A delta that does not start at our `seq` is a gap (subscribe again); an update that
 * makes no sense is malformed and leaves the world as it was; single items that make no sense are skipped
 * and counted, the rest goes on.
 */
export function apply(world: World | null, update: unknown): Applied {
  if (!isObject(update)) return malformed("the update is not an object");
  if (update["type"] === "full") return applyFull(update["snapshot"]);
  if (update["type"] === "delta") return applyDelta(world, update);
  return malformed(`the update has the unknown type ${JSON.stringify(update["type"]) ?? "none"}`);
}

function applyFull(snapshot: unknown): Applied {
  if (!isObject(snapshot)) return malformed("the full state is missing");
  const seq = snapshot["seq"];
  const takenAt = time(snapshot["taken_at"]);
  if (typeof seq !== "number" || takenAt === null) return malformed("the full state has no sequence or time");
  if (!Array.isArray(snapshot["nodes"]) || !Array.isArray(snapshot["edges"])) {
    return malformed("the full state has no nodes or edges");
  }
  const skipped = { n: 0 };
  const world: World = {
    seq,
    takenAt,
    stack: stackOf(snapshot["stack"]),
    identity: identityOf(snapshot["identity"]),
    nodes: new Map(),
    edges: new Map(),
    out: new Map(),
    into: new Map(),
    sources: new Map(),
    causes: goodItems(snapshot["causes"], isCause, skipped),
    changes: goodItems(snapshot["changes"], isChange, skipped),
  };
  const nodes = goodItems(snapshot["nodes"], isNode, skipped);
  for (const node of nodes) world.nodes.set(node.id, node);
  for (const edge of goodItems(snapshot["edges"], isEdge, skipped)) link(world, edge);
  for (const source of goodItems(snapshot["sources"], isSource, skipped)) world.sources.set(source.id, source);
  return { outcome: "applied", world, touched: { all: true, nodes, gone: [], edges: true }, skipped: skipped.n };
}

function applyDelta(held: World | null, delta: Record<string, unknown>): Applied {
  const from = delta["from"];
  const seq = delta["seq"];
  const takenAt = time(delta["taken_at"]);
  if (typeof from !== "number" || typeof seq !== "number" || takenAt === null) {
    return malformed("the change has no sequence or time");
  }
  if (held === null || held.seq !== from) return { outcome: "gap", have: held?.seq ?? -1, need: from };
  for (const list of ["nodes", "gone", "edges", "cut", "sources", "sources_gone", "causes", "changes"]) {
    if (delta[list] !== undefined && !Array.isArray(delta[list])) return malformed(`'${list}' is not a list`);
  }
  // A new value each time, so that views notice; the Maps inside are the same ones, changed in place.
  const world: World = { ...held };
  const skipped = { n: 0 };
  const nodes = goodItems(delta["nodes"], isNode, skipped);
  const gone = goodItems(delta["gone"], isText, skipped);
  const cut = goodItems(delta["cut"], isEdge, skipped);
  const added = goodItems(delta["edges"], isEdge, skipped);
  for (const id of gone) world.nodes.delete(id);
  for (const node of nodes) world.nodes.set(node.id, node);
  for (const edge of cut) unlink(world, edge);
  for (const edge of added) link(world, edge);
  for (const id of goodItems(delta["sources_gone"], isText, skipped)) world.sources.delete(id);
  for (const source of goodItems(delta["sources"], isSource, skipped)) world.sources.set(source.id, source);
  if (delta["causes"] !== undefined) world.causes = goodItems(delta["causes"], isCause, skipped);
  if (delta["changes"] !== undefined) world.changes = goodItems(delta["changes"], isChange, skipped);
  if (delta["stack"] !== undefined) world.stack = stackOf(delta["stack"]);
  if (delta["identity"] !== undefined) world.identity = identityOf(delta["identity"]);
  world.seq = seq;
  world.takenAt = takenAt;
  const edges = cut.length + added.length > 0;
  return { outcome: "applied", world, touched: { all: false, nodes, gone, edges }, skipped: skipped.n };
}

function link(world: World, edge: Edge): void {
  unlink(world, edge);
  world.edges.set(edgeKey(edge), edge);
  bucket(world.out, edge.from).add(edge);
  bucket(world.into, edge.to).add(edge);
}

function unlink(world: World, edge: Edge): void {
  const known = world.edges.get(edgeKey(edge));
  if (known === undefined) return;
  world.edges.delete(edgeKey(edge));
  world.out.get(known.from)?.delete(known);
  world.into.get(known.to)?.delete(known);
}

function bucket<K, V>(map: Map<K, Set<V>>, key: K): Set<V> {
  let set = map.get(key);
  if (set === undefined) {
    set = new Set();
    map.set(key, set);
  }
  return set;
}

function malformed(detail: string): Applied {
  return { outcome: "malformed", detail };
}

function goodItems<T>(list: unknown, good: (item: unknown) => item is T, skipped: { n: number }): T[] {
  if (!Array.isArray(list)) return [];
  const out: T[] = [];
  for (const item of list) {
    if (good(item)) out.push(item);
    else skipped.n += 1;
  }
  return out;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value.length > 0;
}

function isLevel(value: unknown): value is Level {
  return typeof value === "string" && Object.hasOwn(LEVEL_RANK, value);
}

function isNode(value: unknown): value is Node {
  if (!isObject(value) || !isText(value["id"]) || !isText(value["kind"]) || typeof value["name"] !== "string") {
    return false;
  }
  const health = value["health"];
  if (!isObject(health) || !isLevel(health["level"]) || !Array.isArray(health["reasons"])) return false;
  if (!health["reasons"].every(isReason)) return false;
  if (value["series"] !== undefined && !(Array.isArray(value["series"]) && value["series"].every(isSeries))) return false;
  return isObject(value["facts"]) && isObject(value["scope"]);
}

function isReason(value: unknown): boolean {
  return isObject(value) && isText(value["sentence"]) && isLevel(value["level"]) && Array.isArray(value["evidence"]);
}

function isSeries(value: unknown): boolean {
  return (
    isObject(value) &&
    isText(value["fact"]) &&
    time(value["start"]) !== null &&
    typeof value["step_seconds"] === "number" &&
    Array.isArray(value["values"])
  );
}

function isEdge(value: unknown): value is Edge {
  return isObject(value) && isText(value["from"]) && isText(value["to"]) && isText(value["relation"]);
}

function isSource(value: unknown): value is SourceStatus {
  return isObject(value) && isText(value["id"]) && isText(value["state"]) && isObject(value["scope"]);
}

function isCause(value: unknown): value is Cause {
  return (
    isObject(value) &&
    isText(value["sentence"]) &&
    isLevel(value["level"]) &&
    Array.isArray(value["targets"]) &&
    Array.isArray(value["consequences"]) &&
    Array.isArray(value["signals"])
  );
}

function isAccess(value: unknown): value is Access {
  return isObject(value) && isText(value["account"]) && isText(value["state"]) && isText(value["way"]);
}

function isProgram(value: unknown): value is Program {
  const texts = ["hash", "named_by", "command", "path", "sentence", "approve"] as const;
  const lists = ["args", "env"] as const;
  return isObject(value) && texts.every((name) => isText(value[name])) && lists.every((name) => Array.isArray(value[name]) && value[name].every((one) => typeof one === "string"));
}

function isCertificate(value: unknown): value is Certificate {
  return isObject(value) && isText(value["sentence"]) && isText(value["state"]) && time(value["ends_at"]) !== null;
}

function isChange(value: unknown): value is Change {
  return isObject(value) && time(value["at"]) !== null && isText(value["kind"]) && typeof value["sentence"] === "string";
}

function stackOf(value: unknown): StackIdentity {
  const known = isObject(value) ? value : {};
  const environment = known["environment"];
  return {
    name: typeof known["name"] === "string" ? known["name"] : "unnamed stack",
    // What cannot be read is treated as production: the frame must never sound safer than it is.
    environment: environment === "staging" || environment === "dev" ? environment : "prod",
  };
}

function identityOf(value: unknown): Identity {
  const known = isObject(value) ? value : {};
  const accounts = Array.isArray(known["accounts"]) ? known["accounts"].filter(isText) : [];
  const out: Identity = {
    accounts,
    simulated: known["simulated"] === true,
    tunnel: known["tunnel"] === true,
    access: Array.isArray(known["access"]) ? known["access"].filter(isAccess) : [],
    programs: Array.isArray(known["programs"]) ? known["programs"].filter(isProgram) : [],
    certificates: Array.isArray(known["certificates"]) ? known["certificates"].filter(isCertificate) : [],
  };
  if (typeof known["caller"] === "string") out.caller = known["caller"];
  return out;
}

function time(value: unknown): number | null {
  const t = typeof value === "string" ? Date.parse(value) : Number.NaN;
  return Number.isFinite(t) ? t : null;
}
