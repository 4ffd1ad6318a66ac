import { describe, expect, it } from "vitest";
import { fakeWorld } from "../ipc/fake/fixture";
import type { Facts } from "../ipc/gen/Facts";
import type { Node } from "../ipc/gen/Node";
import { databaseRows, heirsOf } from "./databases";

const member = (name: string, facts: Facts): Node => ({ id: name, kind: "dbinstance", name, scope: {}, health: { level: "ok", reasons: [] }, facts: { role: "reader", status: "available", ...facts }, standing: "read", observed_at: "", source: "s" });

describe("the databases", () => {
  const world = fakeWorld("az-degraded");
  it("are clusters with their members, the cluster in trouble first, the writer before the readers", () => {
    const rows = databaseRows(world, [], new Set());
    expect(rows.map((r) => `${r.depth} ${r.node.name} ${String(r.node.facts.role ?? "")}`.trim()).slice(0, 5)).toEqual(["1 orders-aurora", "2 orders-1 writer", "2 orders-2 reader", "2 orders-3 reader", "2 orders-4 reader"]);
    expect(rows[0]?.node.scope.region).toBe("us-east-1");
    expect(rows.every((r) => r.fit === undefined)).toBe(true);
  });
  it("fold", () => {
    const first = databaseRows(world, [], new Set())[0];
    const rows = databaseRows(world, [], new Set([first?.id ?? ""]));
    expect(rows[0]?.open).toBe(false);
    expect(rows[1]).toMatchObject({ depth: 1, open: true });
  });
});

describe("whom AWS would promote", () => {
  it("is the lowest tier, then the largest, then any of them", () => {
    const names = (list: Node[]): string[] => [...heirsOf(list).entries()].map(([id, why]) => `${id}: ${why}`);
    expect(names([member("a", { promotion_tier: 1 }), member("b", { promotion_tier: 0 })])).toEqual(["b: lowest tier, 0"]);
    expect(names([member("a", { promotion_tier: 1, class_memory_gib: 64 }), member("b", { promotion_tier: 1, class_memory_gib: 128 })])).toEqual(["b: tier 1, the largest"]);
    expect(names([member("a", { promotion_tier: 1 }), member("b", { promotion_tier: 1 })])).toEqual(["a: or one of 1 like it", "b: or one of 1 like it"]);
    expect(names([member("a", { promotion_tier: 1 }), member("b", { promotion_tier: 0, status: "rebooting" }), member("w", { role: "writer" })])).toEqual(["a: the only one available"]);
    expect(names([])).toEqual([]);
  });
});
