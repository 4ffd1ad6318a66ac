// What the person at the desk is looking at: view, region, selection, focus, what is open. Nothing of this
// comes from the platform and nothing of it is ever sent.
import type { Link } from "../ipc/gen/Link";
import type { NodeId } from "../ipc/gen/NodeId";
import type { Program } from "../ipc/gen/Program";
import type { Offer } from "../ipc/gen/Offer";
import type { RunId } from "../ipc/gen/RunId";
import { spanFor } from "../panels/timeline/axis";
import type { Seen } from "../panels/peek/words";

export type View = "topology" | "queues" | "databases" | "audit";
/** The views in the order of the frame, each with its key. */
export const VIEWS: readonly { view: View; name: string; key: string }[] = [
  { view: "topology", name: "Topology", key: "G" },
  { view: "queues", name: "Queues", key: "Q" },
  { view: "databases", name: "Databases", key: "B" },
  { view: "audit", name: "Audit", key: "U" },
];
export type Theme = "auto" | "dark" | "light";
export type Dialog =
  | { kind: "action"; offer: Offer; /** Other settings than the defaults. */ settings?: Record<string, string>; /** What is gone back to. */ back?: Dialog }
  | { kind: "run"; run: RunId }
  | { kind: "choose"; /** Whose actions, in the order shown. */ nodes: NodeId[]; /** Which of them was opened last, to come back to. */ at?: string }
  | { kind: "arm"; /** What is gone back to. */ then: Dialog | null }
  | { kind: "loops" }
  | { kind: "sign-in"; profile: string }
  | { kind: "program"; /** As it was when it was opened: that is what is approved. */ program: Program }
  | { kind: "peek"; node: NodeId; /** What was seen, to come back to. */ seen?: Seen; /** Which group of it was opened last. */ at?: number }
  | { kind: "keys" }
  | { kind: "pods"; workload: string | null };

const THEME_KEY = "quarterdeck.theme";

export class Desk {
  view = $state<View>("topology");
  /** Null until chosen: the first troubled region is shown. */
  region = $state<string | null>(null);
  /** The region on the board. */
  shown = $state<string | null>(null);
  selected = $state<NodeId | null>(null);
  /** The spot with the keyboard focus, by key. */
  focus = $state<string | null>(null);
  dialog = $state<Dialog | null>(null);
  palette = $state(false);
  /** The node of the spot that has the focus. */
  focusedNode = $state<NodeId | null>(null);
  /** The banner's signals are unfolded. */
  signals = $state(false);
  /** The status bar's table of sources is unfolded. */
  sources = $state(false);
  /** Rises when the next region is asked for. */
  nextRegion = $state(0);
  side = $state<"actions" | "abnormal">("actions");
  /** The drill-down into the region's pods. */
  drill = $state(false);
  /** Step of the timeline's span. */
  zoom = $state(3);
  /** The time a link was about, in milliseconds. */
  moment = $state<number | null>(null);
  theme = $state<Theme>("auto");
  /** What was just said: shown in the status bar for a few seconds, and told to who cannot see it. */
  said = $state("");
  private quiet: ReturnType<typeof setTimeout> | undefined;
  private wish = 0;
  /** Rises when the focused spot should take the browser's focus. */
  focusWish = $state(0);

  constructor() {
    try {
      const kept = localStorage.getItem(THEME_KEY);
      if (kept === "dark" || kept === "light") this.theme = kept;
    } catch {
      // Without storage the system's preference is used.
    }
  }

  select(id: NodeId | null): void {
    this.selected = id;
  }

  /** Shows what a link is about: its node, and its time on the axis where that is long enough. */
  follow(link: Link, now: number): void {
    this.view = "topology";
    this.drill = false;
    this.selected = link.node;
    this.moment = link.at === undefined ? null : Date.parse(link.at);
    if (this.moment !== null) this.zoom = spanFor(now - this.moment);
  }

  focusOn(key: string): void {
    this.focus = key;
    this.wish += 1;
    this.focusWish = this.wish;
  }

  setTheme(theme: Theme): void {
    this.theme = theme;
    try {
      if (theme === "auto") localStorage.removeItem(THEME_KEY);
      else localStorage.setItem(THEME_KEY, theme);
    } catch {
      // Kept for this window only.
    }
  }

  zoomBy(step: number): void {
    this.zoom = Math.min(5, Math.max(0, this.zoom + step));
  }

  say(text: string): void {
    this.said = text;
    clearTimeout(this.quiet);
    this.quiet = setTimeout(() => (this.said = ""), 6000);
  }

  /** Copies text and says so; whether it was copied. */
  async copy(text: string): Promise<boolean> {
    try {
      await navigator.clipboard.writeText(text);
      this.say("Copied");
      return true;
    } catch {
      this.say("The clipboard refused");
      return false;
    }
  }

  /** The other theme than the one that is shown now. */
  otherTheme(): void {
    this.setTheme(document.documentElement.dataset["theme"] === "light" ? "dark" : "light");
  }
}
