// What reading costs, in the fewest words that are true.
import type { Cost } from "../../ipc/gen/Cost";
import { count } from "../../shared/format";

const CENT = 0.01;

function dollars(amount: number): string {
  return amount < CENT / 2 ? "under $0.01" : `$${amount.toFixed(2)}`;
}

/** How many times longer it rests at most (`SLOWEST` of the backend): more is not saved for a budget. */
const SLOWEST = 5;

/** `249 req/min` and `$4.10/day`, or `$4.10 of $2.00/day` when that is more than the stack file allows. */
export function short(cost: Cost): { requests: string; money?: string } {
  const requests = `${count(Math.round(cost.requests_per_minute))} req/min`;
  const { dollars_per_day: spent, budget_dollars_per_day: budget } = cost;
  if (spent === undefined) return { requests };
  return { requests, money: budget !== undefined && isOver(cost) ? `${dollars(spent)} of ${dollars(budget)}/day` : `${dollars(spent)}/day` };
}

/** Whether more is spent than the stack file allows. */
export function isOver(cost: Cost): boolean {
  return cost.dollars_per_day !== undefined && cost.budget_dollars_per_day !== undefined && cost.dollars_per_day > cost.budget_dollars_per_day * 1.05;
}

/** Whole sentences. */
export function sentences(cost: Cost): string {
  const { dollars_per_day: spent, budget_dollars_per_day: budget } = cost;
  const requests = `Reading this platform sends ${count(Math.round(cost.requests_per_minute))} requests a minute`;
  const money = spent === undefined ? "; what it costs a day is told after two minutes." : ` and costs ${spent < CENT / 2 ? "" : "about "}${dollars(spent)} a day at AWS's list prices, nearly all of it for metrics.`;
  if (budget === undefined) return requests + money;
  const slowed = cost.slowed > 1.01 ? `: while all is calm, queues and metrics rest ${cost.slowed.toFixed(1)} times longer.` : ".";
  const lost = isOver(cost) && cost.slowed > SLOWEST - 0.01 ? " It cannot be kept: they rest no longer than that." : "";
  return `${requests}${money} The stack file allows ${dollars(budget)}${slowed}${lost}`;
}
