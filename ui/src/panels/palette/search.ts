// Fuzzy search over every node: letters in order, better at word starts and together.
import type { Node } from "../../ipc/gen/Node";
import { LEVEL_RANK } from "../../shared/levels";

/** How well `query` (lower case) matches `text`; null when it does not. */
export function score(query: string, text: string): number | null {
  if (query === "") return 0;
  const low = text.toLowerCase();
  const whole = low.indexOf(query);
  if (whole >= 0) return 100 - Math.min(40, whole) - (low.length - query.length) * 0.2 + (boundary(low, whole) ? 30 : 0);
  let at = -1;
  let points = 0;
  for (const letter of query) {
    const next = low.indexOf(letter, at + 1);
    if (next < 0) return null;
    points += next === at + 1 ? 3 : boundary(low, next) ? 2 : -0.3;
    at = next;
  }
  return points - low.length * 0.05;
}

function boundary(text: string, at: number): boolean {
  return at === 0 || /[^a-z0-9]/.test(text[at - 1] ?? "");
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
    let points = LEVEL_RANK[node.health.level] * (words.length === 0 ? 10 : 2) - (node.kind === "pod" || node.kind === "replicaset" ? 15 : 0);
    let ok = true;
    for (const word of words) {
      const name = score(word, node.name);
      const rest = name !== null && name > 60 ? null : place(node).includes(word) ? 40 : null;
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

function place(node: Node): string {
  return `${node.kind} ${node.scope.az ?? ""} ${node.scope.region ?? ""} ${node.scope.namespace ?? ""} ${node.health.level === "ok" ? "" : node.health.level}`;
}
