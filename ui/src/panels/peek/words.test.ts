import { describe, expect, it } from "vitest";
import { fakeWorld, NOW } from "../../ipc/fake/fixture";
import { peekOf } from "../../ipc/fake/peek";
import type { Cluster } from "../../ipc/gen/Cluster";
import type { Node } from "../../ipc/gen/Node";
import { queueRows } from "../../store/queues";
import { dialogOf } from "../action/request";
import { askedOf, changeOf, clusterText, didText, editText, effects, exampleText, mayGoOn, reachText, redrivable, requestOf, sampleOf, targetOf } from "./words";

const world = fakeWorld("dlq-fills");
const named = (name: string): Node => {
  const node = [...world.nodes.values()].find((n) => n.kind === "queue" && n.name === name && n.scope.region === "us-east-1");
  if (node === undefined) throw new Error(`no queue ${name}`);
  return node;
};
const dead = named("settlement-events-dlq");
const source = named("settlement-events");
const cluster = (over: Partial<Cluster> = {}): Cluster => ({
  signature: [{ name: "type", place: "$.type", value: "OrderPlaced" }, { name: "shape", place: "$", value: "id, type" }],
  count: 12, percent: 40, where: '$.type = "OrderPlaced"', example: { id: "m-1", body: "{}", attributes: {} }, ...over,
});

describe("what is asked", () => {
  it.each([["30", 30], [" 500 ", 500], ["1", 1], ["0", null], ["501", null], ["", null], ["-3", null], ["3.5", null], ["1e2", null], ["all", null]])("a sample of %j is %j", (typed, wanted) => {
    expect(sampleOf(typed)).toBe(wanted);
  });
  it("an edit of blanks is none, and only an edit has a shape", () => {
    expect(askedOf(30, "  ", true)).toEqual({ sample: 30 });
    expect(askedOf(30, " set $.a = 1 ", true)).toEqual({ sample: 30, edit: "set $.a = 1", freeShape: true });
  });
});

describe("what a look does", () => {
  it("is said before: the receive counted, the hiding, the queue's own policy", () => {
    const says = effects(source.id, source).join(" ");
    expect(says).toContain("ApproximateReceiveCount");
    expect(says).toContain("hidden from consumers for a moment, 30 s at most");
    expect(says).toContain("push a message beyond 5 receives on to settlement-events-dlq");
    expect(says).not.toContain("FIFO");
  });
  it("is said of a queue of which little is known, and of a FIFO queue by its name or its facts", () => {
    expect(effects("queue/1/r/orders.fifo", undefined).join(" ")).toMatch(/if it has one.*FIFO: the group .* is blocked/);
    expect(effects(dead.id, { ...dead, facts: { ...dead.facts, fifo: true } }).join(" ")).toContain("FIFO");
    expect(effects(dead.id, { ...dead, facts: { dead_letter_queue: "arn:aws:sqs:us-east-1:100200300400:last" } }).join(" ")).toContain("beyond its limit of receives on to last");
  });
  it("is said after, with what could not be taken back", () => {
    const peek = peekOf(source, 30, undefined, false, NOW);
    expect(didText(peek)).toEqual(peek.side_effects);
    expect(didText({ ...peek, left_hidden: 1 }).at(-1)).toBe("1 message could not be let go: it comes back by itself within 30 s.");
    expect(didText({ ...peek, left_hidden: 3 }).at(-1)).toBe("3 messages could not be let go: they come back by themselves within 30 s.");
  });
});

describe("a group", () => {
  it("is named by its share and what its messages have in common", () => {
    expect(clusterText(cluster(), 30)).toBe("12 of 30, 40%, type OrderPlaced, shape id, type");
  });
  it("says that its filter reaches beyond the sample", () => {
    expect(reachText(cluster())).toBe("It selects every message of the queue that it fits, not only these 12.");
    expect(reachText(cluster({ count: 1 }))).toContain("not only this one.");
    expect(reachText(cluster({ where: "all" }))).toBe("It selects every message of the queue.");
  });
  it("says what an edit does not do", () => {
    expect(editText(cluster())).toBe("The edit changes nothing in the example.");
    expect(editText(cluster({ differences: [{ path: "$.a", before: "1", after: "2" }] }))).toBe(null);
    expect(editText(cluster({ unfit: { count: 3, why: "$.a is not there." } }))).toBe("The edit does not fit 3 of these 12: $.a is not there.");
    expect(editText(cluster({ unfit: { count: 12, why: "no JSON." } }))).toBe("The edit does not fit any of these 12: no JSON.");
    expect(editText(cluster({ count: 1, unfit: { count: 1, why: "no JSON." } }))).toBe("The edit does not fit this one: no JSON.");
  });
  it("tells what is added, removed and changed", () => {
    expect([{ path: "$.a", after: "1" }, { path: "$.a", before: "1" }, { path: "$.a", before: "1", after: "2" }].map(changeOf)).toEqual(["added", "removed", "changed"]);
  });
  it("tells of its example what SQS tells, and nothing that hides in an id", () => {
    expect(exampleText(cluster())).toBe("m-1");
    expect(exampleText(cluster({ example: { id: "m\u202e", body: "", attributes: {}, sent_at: "2026-11-22T14:08:09.000Z", receives: 1 } }))).toBe("m\ufffd · sent 2026-11-22 14:08:09 UTC · received 1 time, this look included");
    expect([mayGoOn("x".repeat(1900)), mayGoOn("x".repeat(2000)), mayGoOn("x".repeat(1993))]).toEqual([false, true, true]);
  });
});

describe("the redrive of a group", () => {
  const peek = peekOf(dead, 30, undefined, false, NOW);
  it("takes its filter as it came, and the edit it was looked with", () => {
    const where = '$.a = "x\u200b"';
    expect(requestOf({ asked: { sample: 30 }, peek }, cluster({ where }))).toEqual({ action: "redrive-selected", node: dead.id, settings: { where } });
    expect(requestOf({ asked: askedOf(30, "set $.a = 1", false), peek }, cluster({ where })).settings).toEqual({ where, edit: "set $.a = 1" });
    expect(requestOf({ asked: askedOf(30, "set $.a = 1", true), peek }, cluster({ where })).settings).toEqual({ where, edit: "set $.a = 1", shape: "free" });
  });
  it("opens its dialog, with the look to come back to", () => {
    const seen = { asked: { sample: 30 }, peek };
    const back = { kind: "peek" as const, node: dead.id, seen, at: 1 };
    expect(dialogOf(requestOf(seen, cluster()), [], back)).toMatchObject({ kind: "action", offer: { action: "redrive-selected", node: dead.id }, settings: { where: '$.type = "OrderPlaced"' }, back });
  });
  it("is there for dead-letter queues only", () => {
    expect([redrivable(world, dead.id), redrivable(world, source.id), redrivable(world, "queue/gone"), redrivable(null, dead.id)]).toEqual([true, false, false, false]);
  });
  it("a row's peek goes to its dead letters where there are any", () => {
    const rows = queueRows(world);
    const target = (id: string): string | undefined => rows.filter((r) => r.id === id).map((r) => targetOf(r).name)[0];
    expect(target(source.id)).toBe("settlement-events-dlq");
    expect(target(named("risk-recalc").id)).toBe("risk-recalc");
  });
});

describe("the made-up look", () => {
  it("counts to its sample, the largest group first, and says what an edit does to each", () => {
    const peek = peekOf(dead, 30, "set $.schemaVersion = 6", false, NOW);
    expect(peek.clusters.map((c) => c.count)).toEqual([18, 9, 3]);
    expect(peek.clusters.map((c) => c.differences?.length ?? 0)).toEqual([1, 0, 0]);
    expect(peek.clusters[2]?.unfit).toEqual({ count: 3, why: "the body is not JSON." });
    expect(() => peekOf(dead, 30, "drop $.a", false, NOW)).toThrow();
  });
});
