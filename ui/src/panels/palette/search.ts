// Fuzzy search over every node: letters in order, better at word starts and together.
import type { Node } from "../../ipc/gen/Node";
import { LEVEL_RANK } from "../../shared/levels";

/** How well `query` (lower case) matches `text`; null when it does not. */
export function score(query: string, text: string): number | null {
  return scoreLow(query, text.toLowerCase());
}

function scoreLow(query: string, low: string): number | null {
  if (query === "") return 0;
  const whole = low.indexOf(query);
  if (whole >= 0) return 100 - Math.min(40, whole) - (low.length - query.length) * 0.2 + (boundary(low, whole) ? 30 : 0);
  let at = -1;
  let points = 0;
  for (let i = 0; i < query.length; i += 1) {
    const next = low.indexOf(query.charAt(i), at + 1);
    if (next < 0) return null;
    points += next === at + 1 ? 3 : boundary(low, next) ? 2 : -0.3;
    at = next;
  }
  return points - low.length * 0.05;
}

/** Whether a word starts at `at`: what comes before is neither letter nor digit. */
function boundary(low: string, at: number): boolean {
  if (at === 0) return true;
  const c = low.charCodeAt(at - 1);
  return !((c >= 97 && c <= 122) || (c >= 48 && c <= 57));
}

export interface Hit {
  node: Node;
  points: number;
}

/** The best matches; words are searched separately in name, kind and place. */
export function search(query: string, nodes: Iterable<Node>, most = 40): Hit[] {
  const words = query.toLowerCase().split(/\s+/).filter((w) => w !== "");
  const hits: Hit[] = [];
  for (const node of nodes) {
    const low = lowOf(node);
    let points = LEVEL_RANK[node.health.level] * (words.length === 0 ? 10 : 2) - (node.kind === "pod" || node.kind === "replicaset" ? 15 : 0);
    let ok = true;
    for (const word of words) {
      const name = scoreLow(word, low.name);
      const rest = name !== null && name > 60 ? null : low.place.includes(word) ? 40 : null;
      if (name === null && rest === null) {
        ok = false;
        break;
      }
      points += Math.max(name ?? -50, rest ?? -50);
    }
    if (ok) hits.push({ node, points });
  }
  return hits.sort((a, b) => b.points - a.points || (a.node.id < b.node.id ? -1 : 1)).slice(0, most);
}

/** Lower-case name and place of a node; a changed node is another object, so nothing here grows old. */
const LOW = new WeakMap<Node, { name: string; place: string }>();

function lowOf(node: Node): { name: string; place: string } {
  let low = LOW.get(node);
  if (low === undefined) {
    const { az = "", region = "", namespace = "" } = node.scope;
    const level = node.health.level === "ok" ? "" : node.health.level;
    low = { name: node.name.toLowerCase(), place: `${node.kind} ${az} ${region} ${namespace} ${level}`.toLowerCase() };
    LOW.set(node, low);
  }
  return low;
}
