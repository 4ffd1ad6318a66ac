import { expect, test } from "vitest";
import { isOver, sentences, short } from "./cost";

const cost = { requests_per_minute: 249.4, dollars_per_day: 4.1, slowed: 1 };

test("requests and dollars are told as soon as they are known", () => {
  expect(short(cost)).toEqual({ requests: "249 req/min", money: "$4.10/day" });
  expect(short({ requests_per_minute: 1249, slowed: 1 })).toEqual({ requests: "1,249 req/min" });
  expect(short({ ...cost, dollars_per_day: 0.001 }).money).toBe("under $0.01/day");
  expect(sentences(cost)).toContain("costs about $4.10 a day");
  expect(sentences({ ...cost, dollars_per_day: 0.001 })).toContain("costs under $0.01 a day");
  expect(sentences({ requests_per_minute: 10, slowed: 1 })).toContain("told after two minutes");
});

test("a budget is named, and what keeping it does", () => {
  expect(isOver(cost)).toBe(false);
  expect(isOver({ ...cost, budget_dollars_per_day: 2 })).toBe(true);
  expect(isOver({ ...cost, dollars_per_day: 2.05, budget_dollars_per_day: 2 })).toBe(false);
  expect(sentences({ ...cost, budget_dollars_per_day: 2, slowed: 2.05 })).toContain("allows $2.00: while all is calm, queues and metrics rest 2.0 times longer.");
  expect(sentences({ ...cost, budget_dollars_per_day: 9 })).toMatch(/allows \$9\.00\.$/);
});

test("what is spent over the budget stands beside it, and that it cannot be kept is said", () => {
  expect(short({ ...cost, budget_dollars_per_day: 2 }).money).toBe("$4.10 of $2.00/day");
  expect(short({ ...cost, budget_dollars_per_day: 9 }).money).toBe("$4.10/day");
  expect(sentences({ ...cost, budget_dollars_per_day: 2, slowed: 5 })).toMatch(/rest 5\.0 times longer\. It cannot be kept: they rest no longer than that\.$/);
  expect(sentences({ ...cost, dollars_per_day: 1.9, budget_dollars_per_day: 2, slowed: 5 })).not.toContain("cannot be kept");
  expect(sentences({ ...cost, budget_dollars_per_day: 2, slowed: 2.05 })).not.toContain("cannot be kept");
});
