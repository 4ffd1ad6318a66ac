// The keyboard of the window. No single key changes anything on the platform: keys look, move and open.
import type { NodeId } from "../../ipc/gen/NodeId";
import type { App } from "../../store/app";
import { VIEWS } from "../../store/desk.svelte";
import { nearOf } from "../../store/near";
import { sortOffers } from "../../store/offers";
import { LEVEL_RANK } from "../../shared/levels";

export interface Key {
  keys: string[];
  does: string;
}

export const KEYS: { title: string; keys: Key[] }[] = [
  {
    title: "Anywhere",
    keys: [
      { keys: ["Ctrl K"], does: "find a resource or an action" },
      { keys: ["?"], does: "this overview" },
      { keys: ["Esc"], does: "close what is open" },
      { keys: ["1", "…", "9"], does: "open the action with that number" },
      { keys: ["C"], does: "show the cause" },
      { keys: ["O"], does: "what is left open" },
      { keys: ["P"], does: "peek into the queue that is open or focused; asks before it looks" },
      { keys: ["I"], does: "signals of the incident" },
      { keys: ["[", "]"], does: "zoom the timeline" },
      { keys: VIEWS.map((v) => v.key), does: VIEWS.map((v) => v.name.toLowerCase()).join(", ") },
      { keys: ["R"], does: "next region" },
      { keys: ["L"], does: "light or dark" },
    ],
  },
  {
    title: "In a list",
    keys: [
      { keys: ["↑", "↓", "PgUp", "PgDn"], does: "move by row" },
      { keys: ["←", "→"], does: "fold, unfold" },
      { keys: ["Enter"], does: "open in the inspector" },
      { keys: ["A"], does: "every action of the row" },
      { keys: ["P"], does: "peek into the row's queue, dead letters first" },
    ],
  },
  {
    title: "On the board",
    keys: [
      { keys: ["←", "↑", "↓", "→"], does: "move by tier and row" },
      { keys: ["Enter"], does: "open in the inspector" },
      { keys: ["A"], does: "actions of what is focused" },
      { keys: ["E"], does: "follow an edge downstream" },
      { keys: ["Shift E"], does: "follow an edge upstream" },
      { keys: ["D"], does: "every workload by name" },
      { keys: ["T"], does: "table of the pods" },
    ],
  },
  {
    title: "In the guard dialog",
    keys: [
      { keys: ["R"], does: "run the checks again" },
      { keys: ["Ctrl Enter"], does: "press (level 3: keep it down for 2 s)" },
      { keys: ["Ctrl X"], does: "stop a run" },
    ],
  },
];

function typing(event: KeyboardEvent): boolean {
  const at = event.target;
  return at instanceof HTMLInputElement || at instanceof HTMLTextAreaElement || at instanceof HTMLSelectElement;
}

/** The neighbour to follow from `id`: the worst, then the next one downstream; pods only when there is nothing else. */
export function follow(app: App, id: NodeId, back: boolean): NodeId | null {
  const world = app.live.world;
  if (world === null) return null;
  const edges = [...((back ? world.into : world.out).get(id) ?? [])];
  const ends = edges.map((e) => world.nodes.get(back ? e.from : e.to)).filter((n) => n !== undefined);
  ends.sort((a, b) => Number(a.kind === "pod") - Number(b.kind === "pod") || LEVEL_RANK[b.health.level] - LEVEL_RANK[a.health.level] || (a.id < b.id ? -1 : 1));
  return ends[0]?.id ?? null;
}

/** Opens the chooser: every action of a node and of what decides over it. */
export function openActions(app: App, id: NodeId): void {
  const { desk, live } = app;
  if (live.world === null || !live.world.nodes.has(id)) desk.say("This is no longer on the platform: nothing can be done to it.");
  else desk.dialog = { kind: "choose", nodes: nearOf(live.world, id) };
}

/** Opens the peek into a queue, which asks before it looks. */
export function openPeek(app: App, id: NodeId | null): void {
  const { desk, live } = app;
  if (id === null || live.world?.nodes.get(id)?.kind !== "queue") desk.say("Only a queue can be peeked into: open one first.");
  else desk.dialog = { kind: "peek", node: id };
}

export function onKey(event: KeyboardEvent, app: App): void {
  const { desk, acts, live } = app;
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
    event.preventDefault();
    desk.palette = !desk.palette;
    return;
  }
  if (desk.palette || desk.dialog !== null || typing(event) || event.ctrlKey || event.metaKey || event.altKey) return;
  const subject = desk.selected ?? desk.focusedNode;
  switch (event.key) {
    case "?":
      desk.dialog = { kind: "keys" };
      break;
    case "Escape":
      if (desk.signals) desk.signals = false;
      else if (desk.sources) desk.sources = false;
      else if (desk.selected !== null) {
        desk.select(null);
        if (desk.focus !== null) desk.focusOn(desk.focus);
      } else if (desk.drill) desk.drill = false;
      break;
    case "a":
    case "A":
      if (subject !== null) openActions(app, subject);
      break;
    case "e":
    case "E": {
      const next = subject === null ? null : follow(app, subject, event.shiftKey);
      if (next !== null) desk.select(next);
      else desk.say(event.shiftKey ? "Nothing comes before this." : "Nothing comes after this.");
      break;
    }
    case "c":
    case "C": {
      const target = live.world?.causes[0]?.targets.find((t) => live.world?.nodes.has(t));
      if (target !== undefined) desk.select(target);
      break;
    }
    case "i":
    case "I":
      desk.signals = !desk.signals;
      break;
    case "t":
    case "T": {
      const node = subject === null ? undefined : live.world?.nodes.get(subject);
      const workload = node?.kind === "deployment" || node?.kind === "statefulset" ? `${node.scope.namespace ?? ""}/${node.name}` : null;
      desk.dialog = { kind: "pods", workload };
      break;
    }
    case "d":
    case "D":
      desk.drill = !desk.drill;
      break;
    case "o":
    case "O":
      desk.dialog = { kind: "loops" };
      break;
    case "p":
    case "P":
      openPeek(app, subject);
      break;
    case "l":
    case "L":
      desk.otherTheme();
      break;
    case "[":
      desk.zoomBy(-1);
      break;
    case "]":
      desk.zoomBy(1);
      break;
    case "r":
    case "R":
      desk.nextRegion += 1;
      break;
    default: {
      const view = VIEWS.find((v) => v.key === event.key.toUpperCase());
      if (view !== undefined) {
        desk.view = view.view;
        break;
      }
      const n = Number(event.key);
      const offer = Number.isInteger(n) && n >= 1 ? sortOffers(acts.offers, live.world).shown[n - 1] : undefined;
      if (offer === undefined) return;
      desk.dialog = { kind: "action", offer };
    }
  }
  event.preventDefault();
}
