import { describe, expect, it } from "vitest";
import { fakeWorld, NOW } from "../ipc/fake/fixture";
import { platform, snapshot } from "../ipc/fake/platform";
import type { Facts } from "../ipc/gen/Facts";
import type { Node } from "../ipc/gen/Node";
import { drainOf, lossText } from "../panels/queues/drain";
import { inOrder, inSight, moved } from "../shared/treegrid";
import { nearOf } from "./near";
import { consumersOf, lossOf, matchesQueue, queueRows } from "./queues";
import { apply, type World } from "./world";

function world(change: (nodes: Map<string, Node>) => void): World {
  const p = platform("dlq-fills", NOW);
  change(p.nodes);
  const result = apply(null, { type: "full", snapshot: snapshot(p, 1, NOW) });
  if (result.outcome !== "applied") throw new Error(result.outcome);
  return result.world;
}
const queue = (facts: Facts, name = "q"): Node => ({ id: `queue/1/r/${name}`, kind: "queue", name, scope: { region: "r" }, health: { level: "ok", reasons: [] }, facts, standing: "read", observed_at: new Date(NOW).toISOString(), source: "sqs/1/r" });

describe("the order of the queues", () => {
  it("has each source with its dead-letter queue in one row, the worst first, and the reason in words", () => {
    const rows = queueRows(fakeWorld("dlq-fills"));
    expect(rows.map((r) => r.queue.name).some((n) => n.endsWith("-dlq"))).toBe(false);
    expect(rows[0]).toMatchObject({ level: "critical", sharedBy: 1, orphan: false });
    expect(rows[0]?.dead?.name).toBe("settlement-events-dlq");
    expect(rows[0]?.why).toContain("grows by 96 a minute");
    expect(rows[1]?.queue.name).toBe("trade-confirms");
    expect(rows.slice(2).every((r) => r.level === "ok" && r.why === "")).toBe(true);
  });
  it("keeps those that are well in their place whatever they hold", () => {
    const before = queueRows(fakeWorld("calm")).map((r) => r.id);
    const after = queueRows(world((nodes) => {
      for (const node of nodes.values()) if (node.kind === "queue") node.health = { level: "ok", reasons: [] };
      for (const node of nodes.values()) if (node.name === "risk-recalc") node.facts.messages_visible = 900_000;
    })).map((r) => r.id);
    expect(after).toEqual(before);
  });
  it("among equals puts what is lost for good first, then what is lost sooner", () => {
    const reason = (rule: string): Node["health"] => ({ level: "critical", reasons: [{ rule, level: "critical", sentence: rule, evidence: [] }] });
    const w = world((nodes) => {
      for (const node of nodes.values()) if (node.kind === "queue") node.health = { level: "ok", reasons: [] };
      for (const node of nodes.values()) {
        if (node.scope.region !== "us-east-1" || node.kind !== "queue") continue;
        if (node.name === "notify-outbound") node.health = reason("queue.age");
        if (node.name === "trade-confirms") Object.assign(node, { health: reason("queue.expiring"), facts: { ...node.facts, oldest_age_seconds: 300_000 } });
        if (node.name === "risk-recalc") Object.assign(node, { health: reason("queue.expiring"), facts: { ...node.facts, oldest_age_seconds: 340_000 } });
      }
    });
    expect(queueRows(w).slice(0, 3).map((r) => r.queue.name)).toEqual(["risk-recalc", "trade-confirms", "notify-outbound"]);
  });
  it("a dead-letter queue that nobody names has a row of its own", () => {
    const w = world((nodes) => void nodes.set("queue/1/r/lost-dlq", queue({ is_dead_letter_queue: true, messages_visible: 3 }, "lost-dlq")));
    expect(queueRows(w).find((r) => r.queue.name === "lost-dlq")).toMatchObject({ orphan: true, dead: undefined });
  });
  it("is filtered by every word", () => {
    const rows = queueRows(fakeWorld("dlq-fills"));
    expect(rows.filter((r) => matchesQueue(r, ["settlement", "us-east-1", "critical"])).length).toBe(1);
    expect(rows.filter((r) => matchesQueue(r, ["settlement", "nowhere"])).length).toBe(0);
  });
});

describe("when the first message is lost", () => {
  it("counts from the reading of the age, and is a bound on a standard dead-letter queue only", () => {
    const facts = { messages_visible: 5, oldest_age_seconds: 600, retention_seconds: 3600 };
    expect(lossOf(queue(facts))).toMatchObject({ at: NOW + 3_000_000, bound: false });
    expect(lossOf(queue({ ...facts, is_dead_letter_queue: true }))?.bound).toBe(true);
    expect(lossOf(queue({ ...facts, is_dead_letter_queue: true, fifo: true }))?.bound).toBe(false);
    expect(lossText(lossOf(queue({ ...facts, is_dead_letter_queue: true })), NOW).text).toBe("≤ 15:12 · 50 m");
    expect(lossText(lossOf(queue(facts)), NOW + 3_100_000).text).toBe("being lost now");
  });
  it("is not told of an empty queue or of an age nobody read", () => {
    expect(lossOf(queue({ messages_visible: 0, messages_not_visible: 0, oldest_age_seconds: 600, retention_seconds: 3600 }))).toBe(undefined);
    expect(lossOf(queue({ messages_visible: 5, retention_seconds: 3600 }))).toBe(undefined);
  });
});

describe("how long until it is empty", () => {
  it.each([
    [{ messages_visible: 0 }, "empty"],
    [{ messages_visible: 90, sent_per_second: 1, deleted_per_second: 2, time_to_drain_seconds: 90 }, "1 m 30 s"],
    [{ messages_visible: 90, sent_per_second: 120, deleted_per_second: 61 }, "no: +59/s"],
    [{ messages_visible: 90, sent_per_second: 120, deleted_per_second: 119 }, "holds level"],
    [{ messages_visible: 90, sent_per_second: 0, deleted_per_second: 0 }, "no: idle"],
    [{ messages_visible: 90 }, "–"],
    [{}, "–"],
  ])("of %o is %s", (facts, wanted) => {
    expect(drainOf(queue(facts)).text).toBe(wanted);
  });
});

describe("what decides over a queue", () => {
  it("is its mapping and its function, after the dead-letter queue", () => {
    const w = fakeWorld("dlq-fills");
    const settlement = [...w.nodes.values()].find((n) => n.name === "settlement-events" && n.scope.region === "us-east-1");
    expect(consumersOf(w, settlement?.id ?? "").map((n) => n.kind)).toEqual(["mapping", "function"]);
    expect(nearOf(w, settlement?.id ?? "").map((id) => w.nodes.get(id)?.name)).toEqual(["settlement-events", "settlement-events-dlq", "settlement-fn-esm", "settlement-fn"]);
    const reader = [...w.nodes.values()].find((n) => n.name === "orders-2");
    expect(nearOf(w, reader?.id ?? "").map((id) => w.nodes.get(id)?.kind)).toEqual(["dbinstance", "dbcluster"]);
    const cluster = [...w.nodes.values()].find((n) => n.kind === "cluster");
    expect(nearOf(w, cluster?.id ?? "").map((id) => w.nodes.get(id)?.kind)).toEqual(["cluster", "nodegroup"]);
  });
});

describe("a long table", () => {
  it("draws the rows in sight and the one with the focus", () => {
    expect(inSight(200, 46, 0, 460, 0)).toEqual(Array.from({ length: 19 }, (_, i) => i));
    const far = inSight(200, 46, 4600, 460, 3);
    expect(far[0]).toBe(96);
    expect(far.at(-1)).toBe(3);
    expect(inSight(0, 46, 0, 460, 0)).toEqual([]);
  });
  it("moves by keys and stays inside", () => {
    expect(moved("ArrowDown", 4, 5, 10)).toBe(4);
    expect(moved("PageUp", 4, 5, 10)).toBe(0);
    expect(moved("End", 0, 5, 10)).toBe(4);
    expect(moved("x", 0, 5, 10)).toBe(null);
    expect(moved("Home", 0, 0, 10)).toBe(null);
  });
  it("keeps an order that is held; what is new comes last", () => {
    expect(inOrder([{ id: "c" }, { id: "a" }, { id: "n" }, { id: "b" }], ["a", "b", "c"]).map((r) => r.id)).toEqual(["a", "b", "c", "n"]);
  });
});
