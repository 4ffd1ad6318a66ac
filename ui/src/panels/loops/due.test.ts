import { describe, expect, it } from "vitest";
import type { OpenLoop } from "../../ipc/gen/OpenLoop";
import { requestWords } from "../action/request";
import { dueText } from "./due";

const NOW = Date.parse("2026-11-22T03:16:00.000Z");
const loop = (until?: string): OpenLoop => ({ id: "l", node: "mapping/1/r/m", name: "m", state: "open", sentence: "m stays paused.", ...(until === undefined ? {} : { until }) });

describe("when a loop is to be closed", () => {
  it.each([
    ["2026-11-22T03:28:00.000Z", "until 03:28 UTC, 12 m left"],
    ["2026-11-22T03:12:00.000Z", "was to be closed at 03:12 UTC, 4 m ago"],
    [undefined, "no time was set"],
    ["soon", "no time was set"],
  ])("%s: %s", (until, wanted) => {
    expect(dueText(loop(until), NOW)).toBe(wanted);
  });
  it("a request is said with its settings, by the name of its node or the end of its id", () => {
    expect(requestWords({ action: "redrive", node: "queue/1/r/orders-dlq", settings: { rate: "5", max_age: "1h" } }, undefined)).toBe("Redrive orders-dlq, rate 5, max age 1h");
    expect(requestWords({ action: "redrive", node: "queue/1/r/orders-dlq", settings: {} }, "orders")).toBe("Redrive orders");
    expect(requestWords({ action: "failover", node: "dbcluster/1/r/orders", settings: { back: "yes", target: "orders-1" } }, undefined)).toBe("Fail back orders to orders-1");
    expect(requestWords({ action: "failover", node: "dbcluster/1/r/orders", settings: { target: "orders-2" } }, undefined)).toBe("Fail over orders, target orders-2");
  });
});
