import { describe, expect, it } from "vitest";
import type { Plan } from "../../ipc/gen/Plan";
import type { Receipt } from "../../ipc/gen/Receipt";
import type { Verb } from "../../ipc/gen/Verb";
import { beforeText } from "./before";
import { dialogOf } from "./request";
import { givenOf, runTitle, upcoming, verbWords } from "./words";

const plan = {
  name: "orders", expectations: [{}, {}],
  calls: [{ step: "canary", operation: "sqs:StartMessageMoveTask" }, { step: "canary", operation: "sqs:CancelMessageMoveTask" }, { step: "full", operation: "sqs:StartMessageMoveTask" }],
} as unknown as Plan;
const receipt = (over: Partial<Receipt>): Receipt => ({ action: "redrive", plan, phase: "running", steps: [{ step: "checks" }, { step: "canary" }], ...over }) as Receipt;

describe("words of a run", () => {
  it("has words for an action this page does not know yet", () => {
    expect(verbWords("move-house" as Verb)).toEqual({ does: "Move house", doing: "Move house:", done: "move house of" });
  });
  it("tells the steps to come from the plan, and none once it is over or stopping", () => {
    expect(upcoming(plan, receipt({}))).toEqual([{ step: "full", detail: "sqs:StartMessageMoveTask" }, { step: "verify", detail: "2 conditions, each for as long as it must hold" }]);
    expect(upcoming(plan, receipt({ steps: [] }))[0]?.detail).toBe("sqs:StartMessageMoveTask, then sqs:CancelMessageMoveTask");
    expect(upcoming(plan, receipt({ phase: "cancelling" }))).toEqual([]);
    expect(upcoming(plan, receipt({ phase: "closed", verdict: "aborted" }))).toEqual([]);
  });
  it("names the verdict in the title", () => {
    expect(runTitle(receipt({}))).toBe("Redriving orders");
    expect(runTitle(receipt({ phase: "closed", verdict: "partial" }))).toBe("Done in part: redrive of orders");
    expect(runTitle(receipt({ phase: "interrupted" }))).toBe("Interrupted: redrive of orders");
  });
});

describe("the state before", () => {
  it("has its unit from its name", () => {
    expect(beforeText("return_seconds", 60)).toBe("1 m");
    expect(beforeText("replica_lag_ms", 14)).toBe("14 ms");
    expect(beforeText("dlq_messages_visible", 5100)).toBe("5,100");
    expect(beforeText("destination", "arn:aws:sqs:us-east-1:100200300400:orders")).toBe("orders");
    expect(beforeText("paused", true)).toBe("yes");
    expect(beforeText("revision", 1042)).toBe("1042");
  });
  it("names what ids name, and counts long lists", () => {
    expect(beforeText("zones", ["us-east-1a", "us-east-1b"])).toBe("us-east-1a, us-east-1b");
    expect(beforeText("readers", "a,b,c,d,e,f")).toBe("a, b, c and 3 more");
    expect(beforeText("readers", '["a","b"]')).toBe("a, b");
    expect(beforeText("readers", [])).toBe("none");
    expect(beforeText("sizes", { min: 1, max: 4 })).toBe("min 1, max 4");
    expect(beforeText("owner", "hpa/1/us-east-1/prod/orders/router", (id) => (id.startsWith("hpa") ? "router" : undefined))).toBe("router");
    expect(beforeText("owner", "hpa/1/us-east-1/prod/orders/gateway")).toBe("gateway");
    expect(beforeText("note", "kept, as it was said")).toBe("kept, as it was said");
    expect(beforeText("note", "")).toBe("–");
  });
});

describe("a request made elsewhere", () => {
  it("opens the node's own offer with its settings, and is asked for even where nothing is offered", () => {
    const request = { action: "redrive" as const, node: "queue/1", settings: { rate: "5" } };
    expect(dialogOf(request, [])).toMatchObject({ kind: "action", settings: { rate: "5" }, offer: { node: "queue/1", settings: [] } });
  });
});

describe("what a call is given", () => {
  it("is a line per parameter, and of a patch a line per field with what it replaces", () => {
    expect(givenOf({ DBClusterIdentifier: "orders", tags: { a: 1 } })).toEqual([["DBClusterIdentifier", "orders"], ["tags", '{"a":1}']]);
    const fields = JSON.stringify([
      { path: "/spec/minReplicas", was: 11, now: 30 },
      { path: "/spec/maxReplicas", was: 44, now: 44 },
      { path: "/metadata/annotations/autoscaling.keda.sh~1paused", was: null, now: "true" },
    ]);
    expect(givenOf({ fields })).toEqual([["minReplicas", "11 → 30"], ["maxReplicas", "stays 44"], ["autoscaling.keda.sh/paused", "unset → true"]]);
    expect(givenOf({ fields: "no list" })).toEqual([["fields", "no list"]]);
  });
});
