import { describe, expect, it } from "vitest";
import { fakeWorld, NOW } from "../ipc/fake/fixture";
import { platform, snapshot } from "../ipc/fake/platform";
import type { Node } from "../ipc/gen/Node";
import { abnormal, tally } from "./tally";
import { apply, type World } from "./world";

const at = "2026-11-22T14:22:42.000Z";
const node = (id: string, facts: Node["facts"] = {}): Node => ({
  id, kind: "queue", name: id, scope: { region: "us-east-1" }, health: { level: "ok", reasons: [] }, facts, standing: "read", observed_at: at, source: "sqs/1/us-east-1",
});
const full = (seq: number, nodes: unknown[], edges: unknown[] = []): unknown => ({
  type: "full",
  snapshot: { seq, taken_at: at, stack: { name: "x", environment: "dev" }, identity: { accounts: [], simulated: false, tunnel: false }, nodes, edges, sources: [], causes: [], changes: [] },
});

function applied(world: World | null, update: unknown): World {
  const result = apply(world, update);
  if (result.outcome !== "applied") throw new Error(JSON.stringify(result));
  return result.world;
}

describe("apply", () => {
  it("takes a full state and then deltas", () => {
    const one = applied(null, full(1, [node("a"), node("b")], [{ from: "a", to: "b", relation: "owns", provenance: "p" }]));
    const two = applied(one, {
      type: "delta", from: 1, seq: 2, taken_at: at,
      nodes: [node("a", { messages_visible: 3 }), node("c")], gone: ["b"], cut: [{ from: "a", to: "b", relation: "owns", provenance: "p" }], edges: [{ from: "a", to: "c", relation: "owns", provenance: "q" }],
    });
    expect(two.seq).toBe(2);
    expect([...two.nodes.keys()].sort()).toEqual(["a", "c"]);
    expect(two.nodes.get("a")?.facts.messages_visible).toBe(3);
    expect([...(two.out.get("a") ?? [])].map((e) => e.to)).toEqual(["c"]);
    expect([...(two.into.get("b") ?? [])]).toEqual([]);
    expect(two).not.toBe(one);
  });

  it("a delta leads to the same world as the full state it stands for", () => {
    const p = platform("az-degraded", NOW);
    const held = applied(null, { type: "full", snapshot: snapshot(p, 1, NOW) });
    const gone = [...p.nodes.keys()].filter((_, i) => i % 50 === 0);
    for (const id of gone) p.nodes.delete(id);
    const changed = [...p.nodes.values()].filter((_, i) => i % 7 === 0).map((n) => ({ ...n, observed_at: at }));
    for (const n of changed) p.nodes.set(n.id, n);
    const cut = p.edges.splice(10, 40);
    const byDelta = applied(held, { type: "delta", from: 1, seq: 2, taken_at: at, nodes: changed, gone, cut });
    const byFull = applied(null, { type: "full", snapshot: snapshot(p, 2, Date.parse(at)) });
    expect(new Map([...byDelta.nodes].sort())).toEqual(new Map([...byFull.nodes].sort()));
    expect([...byDelta.edges.keys()].sort()).toEqual([...byFull.edges.keys()].sort());
  });

  it("a delta from another state is a gap and changes nothing", () => {
    const one = applied(null, full(5, [node("a")]));
    expect(apply(one, { type: "delta", from: 6, seq: 7, taken_at: at, gone: ["a"] })).toEqual({ outcome: "gap", have: 5, need: 6 });
    expect(apply(null, { type: "delta", from: 1, seq: 2, taken_at: at }).outcome).toBe("gap");
    expect(one.nodes.has("a")).toBe(true);
  });

  it.each([null, 7, "x", [], {}, { type: "other" }, { type: "full" }, { type: "full", snapshot: { seq: 1 } }, { type: "delta" }, { type: "delta", from: 1, seq: 2, taken_at: "noon" }])(
    "what makes no sense (%j) is said so and leaves the world as it was",
    (update) => {
      const one = applied(null, full(1, [node("a")]));
      expect(apply(one, update).outcome).toBe("malformed");
      expect(one.seq).toBe(1);
    },
  );

  it("skips and counts single items that make no sense", () => {
    const result = apply(null, full(1, [node("a"), { id: "b" }, null, { ...node("c"), health: { level: "purple", reasons: [] } }, { ...node("d"), series: [{ fact: "x" }] }], [{ from: "a" }]));
    expect(result).toMatchObject({ outcome: "applied", skipped: 5 });
    if (result.outcome === "applied") expect([...result.world.nodes.keys()]).toEqual(["a"]);
  });

  it("a list that is no list spoils only that delta", () => {
    const one = applied(null, full(1, [node("a")]));
    expect(apply(one, { type: "delta", from: 1, seq: 2, taken_at: at, gone: "a" }).outcome).toBe("malformed");
    expect(one.nodes.has("a")).toBe(true);
  });

  it("an environment that cannot be read is treated as production", () => {
    const update = full(1, []) as { snapshot: { stack: unknown } };
    update.snapshot.stack = { name: "x", environment: "???" };
    expect(applied(null, update).stack.environment).toBe("prod");
  });
});

describe("tally", () => {
  it("groups consequences under their cause and counts pods as what they are rolled up into", () => {
    const world = fakeWorld("az-degraded");
    const t = tally(world);
    expect(t.grouped).toBeGreaterThan(5);
    expect(t.critical.every((n) => n.kind !== "pod")).toBe(true);
    const causes = new Set(world.causes.flatMap((c) => c.targets));
    expect(abnormal(world).slice(0, 3).every((a) => causes.has(a.node.id))).toBe(true);
    expect(tally(fakeWorld("calm"))).toMatchObject({ critical: [], warning: [] });
  });
});
