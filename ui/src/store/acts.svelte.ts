// Offers, arming and runs as the backend tells them. Nothing here is optimistic: a run's state is what its
// receipt says, and the armed state is asked for, never assumed.
import type { NodeId } from "../ipc/gen/NodeId";
import type { Offer } from "../ipc/gen/Offer";
import type { OpenLoop } from "../ipc/gen/OpenLoop";
import type { Plan } from "../ipc/gen/Plan";
import type { Receipt } from "../ipc/gen/Receipt";
import type { RunId } from "../ipc/gen/RunId";
import { hostError, type Arming, type AuditRow, type Host, type HostError } from "../ipc/host";

/** Seconds between asking again what nobody pushes. */
const OFFERS_S = 5;
const RUNS_S = 15;
const ARMING_S = 10;

export class Acts {
  offers = $state.raw<Offer[]>([]);
  offersTrouble = $state<HostError | null>(null);
  /** Everything offered on the node that is looked at, worst or best; the global list holds only what the situation asks for. */
  near = $state.raw<Offer[]>([]);
  private looked: NodeId | null = null;
  arming = $state.raw<Arming>({ armed: false, scope: "" });
  /** When `arming` was told, to count down without asking. */
  armingAt = $state(0);
  /** Receipts by run, newest press first. */
  runs = $state.raw<Receipt[]>([]);
  /** What is left open on the platform, the most urgent first. */
  loops = $state.raw<OpenLoop[]>([]);
  loopsTrouble = $state<HostError | null>(null);
  audit = $state.raw<AuditRow[]>([]);
  auditTrouble = $state<HostError | null>(null);
  private readonly watched = new Map<RunId, number>();
  private lastOffers = Number.NEGATIVE_INFINITY;

  constructor(private readonly host: Host) {}

  /** Seconds left of the arming at `at` (ms of `performance.now`), null when not armed. */
  secondsLeft(at: number): number | null {
    if (!this.arming.armed) return null;
    const told = this.arming.seconds_left;
    if (told === undefined) return null;
    const left = told - (at - this.armingAt) / 1000;
    return left > 0 ? left : null;
  }

  get armed(): boolean {
    return this.arming.armed;
  }

  start(): () => void {
    void this.refreshArming();
    void this.refreshRuns();
    const timers = [
      setInterval(() => void this.refreshArming(), ARMING_S * 1000),
      setInterval(() => void this.refreshRuns(), RUNS_S * 1000),
    ];
    return () => timers.forEach(clearInterval);
  }

  /** After an applied update; asks at most every few seconds. */
  worldChanged(): void {
    const now = performance.now();
    if (now - this.lastOffers < OFFERS_S * 1000) return;
    this.lastOffers = now;
    void this.refreshOffers();
  }

  async refreshOffers(): Promise<void> {
    void this.refreshNear();
    void this.refreshLoops();
    try {
      this.offers = await this.host.allOffers();
      this.offersTrouble = null;
    } catch (thrown) {
      this.offersTrouble = hostError(thrown);
    }
  }

  /** Looks at a node: what is offered on it is asked for, and again as the platform moves. */
  look(node: NodeId | null): void {
    if (this.looked === node) return;
    this.looked = node;
    this.near = node === null ? [] : this.offers.filter((o) => o.node === node);
    void this.refreshNear();
  }

  /** Everything offered on these nodes, in their order; a node nobody can tell about any more has none. */
  async offersOf(nodes: readonly NodeId[]): Promise<Offer[]> {
    const each = await Promise.allSettled(nodes.map((node) => this.host.offers(node)));
    const failed = each.find((r) => r.status === "rejected");
    if (failed !== undefined && each.every((r) => r.status === "rejected")) throw failed.reason;
    return each.flatMap((r) => (r.status === "fulfilled" ? r.value : []));
  }

  private async refreshNear(): Promise<void> {
    const node = this.looked;
    if (node === null) return;
    try {
      const offers = await this.host.offers(node);
      if (this.looked === node) this.near = offers;
    } catch {
      // What was offered stays until the next answer; the press asks again anyway.
    }
  }

  private async refreshLoops(): Promise<void> {
    try {
      this.loops = await this.host.loops();
      this.loopsTrouble = null;
    } catch (thrown) {
      this.loopsTrouble = hostError(thrown);
    }
  }

  async refreshArming(): Promise<void> {
    try {
      this.takeArming(await this.host.arming());
    } catch {
      // Not knowing is treated as not armed; the backend decides on the press anyway.
      this.takeArming({ armed: false, scope: this.arming.scope });
    }
  }

  async arm(reason: string, minutes: number): Promise<HostError | null> {
    try {
      this.takeArming(await this.host.arm(reason, minutes));
      return null;
    } catch (thrown) {
      return hostError(thrown);
    }
  }

  async disarm(): Promise<void> {
    try {
      await this.host.disarm();
    } finally {
      await this.refreshArming();
    }
  }

  async refreshRuns(): Promise<void> {
    try {
      const runs = await this.host.runs();
      // A receipt that a watch brought later is newer than the list.
      this.runs = merge(runs, this.runs.filter((r) => this.watched.has(r.run)));
      for (const run of runs) if (run.phase !== "closed" && run.phase !== "interrupted") this.watch(run.run);
    } catch {
      // The list stays as it was; the next poll asks again.
    }
  }

  /** Follows a run until it is closed. */
  watch(run: RunId): void {
    if (this.watched.has(run)) return;
    this.watched.set(run, 0);
    this.host
      .watchRun(run, (event) => {
        if (event.seq <= (this.watched.get(run) ?? 0)) return;
        this.watched.set(run, event.seq);
        this.put(event.receipt);
        if (event.receipt.phase === "closed") {
          this.watched.delete(run);
          this.lastOffers = Number.NEGATIVE_INFINITY;
        }
      })
      .catch(() => this.watched.delete(run));
  }

  receipt(run: RunId): Receipt | undefined {
    return this.runs.find((r) => r.run === run);
  }

  /** `breakGlass`: why one person alone passes what only broken glass passes. */
  async press(plan: Plan, confirm: string, reason: string, breakGlass?: string): Promise<RunId> {
    const run = await this.host.act(plan.id, plan.digest, confirm, reason, breakGlass);
    this.watch(run);
    return run;
  }

  async resume(run: RunId): Promise<RunId> {
    const resumed = await this.host.resumeRun(run);
    this.watched.delete(resumed);
    this.watch(resumed);
    await this.refreshRuns();
    return resumed;
  }

  async refreshAudit(): Promise<void> {
    try {
      this.audit = await this.host.audit(200);
      this.auditTrouble = null;
    } catch (thrown) {
      this.auditTrouble = hostError(thrown);
    }
  }

  private takeArming(arming: Arming): void {
    this.arming = arming;
    this.armingAt = performance.now();
  }

  private put(receipt: Receipt): void {
    this.runs = merge([receipt], this.runs);
  }
}

/** `first`'s receipts win over `rest`'s; newest press first. */
function merge(first: Receipt[], rest: Receipt[]): Receipt[] {
  const known = new Map<RunId, Receipt>();
  for (const r of [...rest, ...first]) known.set(r.run, r);
  for (const r of rest) {
    const other = known.get(r.run);
    if (other !== undefined && other.phase !== "closed" && r.phase === "closed") known.set(r.run, r);
  }
  return [...known.values()].sort((a, b) => (a.pressed_at < b.pressed_at ? 1 : -1));
}
