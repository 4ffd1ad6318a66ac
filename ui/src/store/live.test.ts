import { describe, expect, it, vi } from "vitest";
import { fakeHost } from "../ipc/fake";
import type { Host } from "../ipc/host";
import { Live, paceOf } from "./live.svelte";

const at = "2026-11-22T14:22:42.000Z";
const full = (seq: number): unknown => ({
  type: "full",
  snapshot: { seq, taken_at: at, stack: { name: "x", environment: "dev" }, identity: { accounts: [] }, nodes: [], edges: [], sources: [], causes: [], changes: [] },
});

function hostWith(subscribe: Host["subscribe"]): Host {
  return { ...fakeHost(new URLSearchParams("fake=calm&still")), subscribe };
}

describe("live", () => {
  it("asks for everything again after a gap, and listens to the new subscription only", async () => {
    const subscriptions: ((update: unknown) => void)[] = [];
    const live = new Live(hostWith((onUpdate) => {
      subscriptions.push(onUpdate);
      onUpdate(full(subscriptions.length * 10));
      return Promise.resolve();
    }));
    await live.subscribe();
    expect(live.world?.seq).toBe(10);
    subscriptions[0]?.({ type: "delta", from: 12, seq: 13, taken_at: at });
    await vi.waitFor(() => expect(subscriptions.length).toBe(2));
    expect(live.world?.seq).toBe(20);
    subscriptions[0]?.({ type: "delta", from: 20, seq: 21, taken_at: at });
    expect(live.world?.seq).toBe(20);
    subscriptions[1]?.({ type: "delta", from: 20, seq: 21, taken_at: at });
    expect(live.world?.seq).toBe(21);
  });

  it("keeps the last good picture when an update makes no sense, and says so", async () => {
    let say: (update: unknown) => void = () => undefined;
    let n = 0;
    const live = new Live(hostWith((onUpdate) => {
      say = onUpdate;
      n += 1;
      if (n === 1) onUpdate(full(1));
      return Promise.resolve();
    }));
    await live.subscribe();
    say({ type: "delta", nonsense: true });
    expect(live.world?.seq).toBe(1);
    expect(live.skipped).toBe(1);
    expect(live.trouble?.message).toContain("made no sense");
    await vi.waitFor(() => expect(n).toBe(2));
  });

  it("says why when the subscription is refused", async () => {
    const live = new Live(hostWith(() => Promise.reject({ code: "not-open", message: "There is no stack.", hint: "Name one.", retryable: false })));
    await live.subscribe();
    expect(live.phase).toBe("failed");
    expect(live.trouble).toMatchObject({ message: "There is no stack.", hint: "Name one." });
    expect(live.world).toBe(null);
  });
});

describe("the platform's pace", () => {
  const told = (pace: number): { ours: number; theirs: number }[] => Array.from({ length: 24 }, (_, i) => ({ ours: i * 700, theirs: 5_000 + i * 700 * pace }));
  it("is ours when it runs about as ours, and after a single leap", () => {
    expect(paceOf(told(1.05))).toBe(1);
    expect(paceOf(told(1).map((t, i) => (i > 12 ? { ...t, theirs: t.theirs + 960_000 } : t)))).toBe(1);
    expect(paceOf([])).toBe(1);
  });
  it("is known when the platform hurries", () => {
    expect(paceOf(told(10))).toBe(10);
  });
});
