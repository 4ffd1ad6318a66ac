// The live world: subscribes, applies, resubscribes after a gap, survives what makes no sense.
import type { About, Host, HostError } from "../ipc/host";
import { hostError } from "../ipc/host";
import { apply, type Touched, type World } from "./world";

export type Phase = "starting" | "live" | "resubscribing" | "failed";

/** Seconds before the next try after a failed subscription. */
const RETRY_S = 3;
/** Updates that made no sense in a row, before asking for everything again. */
const RESUBSCRIBE_AFTER = 1;

export class Live {
  /** Rises with every applied update; read it (through `world`) to depend on the world. */
  revision = $state(0);
  phase = $state<Phase>("starting");
  /** What is wrong with the subscription, in words. */
  trouble = $state<HostError | null>(null);
  about = $state<About | null>(null);
  /** Items and updates that made no sense since start. */
  skipped = $state(0);
  /** Applied updates in the last ten seconds, per second. */
  perSecond = $state(0);

  private held: World | null = null;
  private receivedAt = 0;
  private malformedInARow = 0;
  private recent: number[] = [];
  private listeners = new Set<(world: World, touched: Touched) => void>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private generation = 0;

  constructor(readonly host: Host) {}

  /** The world as last told, or null before the first snapshot. */
  get world(): World | null {
    void this.revision;
    return this.held;
  }

  /** Called after every applied update, before views are drawn. */
  onApplied(listener: (world: World, touched: Touched) => void): void {
    this.listeners.add(listener);
  }

  /** Platform time now: that of the last update plus what has passed since. */
  platformNow(): number {
    return this.held === null ? Date.now() : this.held.takenAt + (performance.now() - this.receivedAt);
  }

  async start(): Promise<void> {
    try {
      this.about = await this.host.about();
    } catch (thrown) {
      this.trouble = hostError(thrown);
    }
    if (this.about?.error) return;
    await this.subscribe();
  }

  async subscribe(): Promise<void> {
    clearTimeout(this.timer);
    this.generation += 1;
    const mine = this.generation;
    this.phase = this.held === null ? "starting" : "resubscribing";
    try {
      await this.host.subscribe((update) => {
        if (mine === this.generation) this.take(update);
      });
      this.trouble = null;
    } catch (thrown) {
      if (mine !== this.generation) return;
      this.trouble = hostError(thrown);
      this.phase = "failed";
      this.timer = setTimeout(() => void this.subscribe(), RETRY_S * 1000);
    }
  }

  /** One update from the shell. Never throws: a bad one must not blank the screen. */
  take(update: unknown): void {
    const result = apply(this.held, update);
    if (result.outcome === "applied") {
      this.held = result.world;
      this.receivedAt = performance.now();
      this.malformedInARow = 0;
      this.skipped += result.skipped;
      this.phase = "live";
      this.count();
      for (const listener of this.listeners) listener(result.world, result.touched);
      this.revision += 1;
      return;
    }
    if (result.outcome === "malformed") {
      this.skipped += 1;
      this.malformedInARow += 1;
      this.trouble = { code: "malformed", message: `An update made no sense: ${result.detail}.`, hint: "What is drawn is the last good state.", retryable: true };
      if (this.malformedInARow > RESUBSCRIBE_AFTER) {
        this.phase = "failed";
        clearTimeout(this.timer);
        this.timer = setTimeout(() => void this.subscribe(), RETRY_S * 1000);
        return;
      }
    }
    void this.subscribe();
  }

  private count(): void {
    const now = performance.now();
    this.recent.push(now);
    while ((this.recent[0] ?? now) < now - 10_000) this.recent.shift();
    this.perSecond = this.recent.length / Math.max(1, Math.min(10, (now - (this.recent[0] ?? now)) / 1000 || 1));
  }
}
