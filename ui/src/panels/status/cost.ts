// What reading costs, in the fewest words that are true.
import type { Cost } from "../../ipc/gen/Cost";
import { count } from "../../shared/format";

function dollars(amount: number): string {
  return amount < 0.005 ? "under $0.01" : `$${amount.toFixed(2)}`;
}

/** `249 req/min · $4.10/day`. */
export function short(cost: Cost): string {
  const requests = `${count(Math.round(cost.requests_per_minute))} req/min`;
  return cost.dollars_per_day === undefined ? requests : `${requests} · ${dollars(cost.dollars_per_day)}/day`;
}

/** Whether more is spent than the stack file allows. */
export function isOver(cost: Cost): boolean {
  return cost.dollars_per_day !== undefined && cost.budget_dollars_per_day !== undefined && cost.dollars_per_day > cost.budget_dollars_per_day * 1.05;
}

/** Whole sentences. */
export function sentences(cost: Cost): string {
  const requests = `Reading this platform sends ${count(Math.round(cost.requests_per_minute))} requests a minute`;
  const money = cost.dollars_per_day === undefined ? "; what it costs a day is told after two minutes." : ` and costs about ${dollars(cost.dollars_per_day)} a day at AWS's list prices, nearly all of it for metrics.`;
  const budget = cost.budget_dollars_per_day;
  const allowed = budget === undefined ? "" : ` The stack file allows ${dollars(budget)}`;
  const slowed = budget === undefined ? "" : cost.slowed > 1.01 ? `: while all is calm, queues and metrics rest ${cost.slowed.toFixed(1)} times longer.` : ".";
  return requests + money + allowed + slowed;
}
