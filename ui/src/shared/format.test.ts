import { describe, expect, it } from "vitest";
import { factName, factText } from "./facts";
import { account, clock, count, countdown, middle, millis, percent, rate, seconds, shortArns, since, stamp } from "./format";
import { sparkPath } from "./spark";

describe("format", () => {
  it.each([
    [count(1284), "1,284"], [count(26_800, true), "26.8k"], [count(2_400_000, true), "2.4M"], [count(0.123), "0.12"], [count(Number.NaN), "–"],
    [percent(22), "22%"], [percent(7.94), "7.9%"], [percent(0.02), "0.02%"], [percent(0), "0%"], [percent(100), "100%"],
    [millis(14), "14 ms"], [millis(8400), "8.4 s"], [millis(184.4), "184 ms"],
    [seconds(4), "4 s"], [seconds(552), "9 m 12 s"], [seconds(3600), "1 h"], [seconds(334_800), "3 d 21 h"], [seconds(-5), "0 s"],
    [countdown(24), "0:24"], [countdown(845), "14:05"],
    [rate(38_400), "38.4k/s"],
    [account("447101932210"), "4471-0193-2210"], [account("x"), "x"],
    [clock("2026-11-22T14:08:09.000Z"), "14:08:09"], [clock(undefined), ""], [clock("soon"), ""],
    [stamp("2026-11-22T14:08:09.000Z"), "2026-11-22 14:08:09 UTC"],
    [shortArns("op@vm as arn:aws:sts::100200300400:assumed-role/operations/on-call"), "op@vm as operations/on-call"],
    [shortArns("arn:aws:sqs:us-east-1:100200300400:custody-inbox"), "custody-inbox"], [shortArns("nothing"), "nothing"],
    [middle("E2QW7AB3K1XX", 8), "E2QW7…XX"],
  ])("%s reads %s", (is, wanted) => {
    expect(is).toBe(wanted);
  });

  it("ages are never negative and unknown times stay unknown", () => {
    expect(since("2026-11-22T14:08:09.000Z", Date.parse("2026-11-22T14:08:00.000Z"))).toBe(0);
    expect(since(undefined, 0)).toBe(undefined);
  });
});

describe("facts", () => {
  it("carry their units out of their names", () => {
    expect(factText("oldest_age_seconds", 552)).toBe("9 m 12 s");
    expect(factText("cpu_percent", 38)).toBe("38%");
    expect(factText("replica_lag_ms", 8400)).toBe("8.4 s");
    expect(factText("requests_per_second", 15_600)).toBe("15.6k/s");
    expect(factText("memory_mib", 1024)).toBe("1 GiB");
    expect(factText("hourly_usd", 0.58)).toBe("0.58 USD");
    expect(factText("hourly_usd", 1.152)).toBe("1.152 USD");
    expect(factText("hourly_usd", 10)).toBe("10.00 USD");
    expect(factText("fifo", false)).toBe("no");
    expect(factText("created_at", "2026-11-22T14:00:00.000Z", Date.parse("2026-11-22T14:08:00.000Z"))).toBe("14:00:00 · 8 m ago");
    expect(factName("visibility_timeout_seconds")).toBe("Visibility timeout");
  });
});

describe("sparkline", () => {
  it("leaves a gap where there was no data and is nothing of one point", () => {
    expect(sparkPath([1, null, 2, 3], 40, 10).match(/M/g)?.length).toBe(2);
    expect(sparkPath([1], 40, 10)).toBe("");
    expect(sparkPath([null, null], 40, 10)).toBe("");
    expect(sparkPath([5, 5, 5], 40, 10)).not.toContain("NaN");
  });
});
