// The real window, by keyboard alone: a look into a dead-letter queue says what it does and did to it, groups what it
// found, and from a group a redrive of just those messages is pressed and verified.
import assert from "node:assert/strict";
import { test } from "node:test";
import { walk } from "./desk.mjs";
import { KEY, until } from "./driver.mjs";
import { armed, checked, pressed, verified } from "./road.mjs";

const { platform, at, window } = await walk("dlq-fills", { speed: 10, seed: 3, ahead: 16 * 60 });

test("P on the queue that lost messages says first what a look does to it", { timeout: 150_000 }, async () => {
  await window.keys("q");
  const row = await until("a queue holds dead letters", () => window.run(`return [...document.querySelectorAll('[role="grid"] [data-row]')].map((r) => r.getAttribute("aria-label")).find((name) => /dead letters [1-9]/.test(name)) ?? "";`), 90);
  await window.run(`[...document.querySelectorAll('[role="grid"] [data-row]')].find((r) => r.getAttribute("aria-label").startsWith(arguments[0])).focus();`, row.split(",")[0]);
  await window.keys("p");
  const said = await at.dialogSays(/What a look does to this queue/);
  assert.match(said, /receive/i);
  await at.accessible("the dialog before a look");
  await at.shot("peek-before");
});

test("after the look: what it did, and what the messages have in common with the filter that selects them", { timeout: 120_000 }, async () => {
  await window.enter(/^\s*Look/);
  const said = await at.dialogSays(/What the look did to the queue/, 60);
  assert.match(said, /30 of|of 30|100 %/, said.slice(0, 800));
  assert.match(said, /where/);
  await at.accessible("what a look found");
  await at.shot("peek-found");
});

test("from a group just those are redriven, and the receipt counts them", { timeout: 300_000 }, async () => {
  await window.enter(/^Redrive these/);
  await checked(at);
  await armed(at, "INC-7 consumer rolled back");
  await at.fill(/^At most/, "200");
  await at.fill(/^Rate/, "500");
  await window.keys(KEY.tab);
  await checked(at);
  await at.shot("selected-armed");
  await pressed(at, /Redriving/);
  const said = await verified(at, 200);
  await at.shot("selected-receipt");
  assert.match(said, /200 messages sent/);
  await at.accessible("the receipt of a selected redrive");
  assert.equal(platform.audit().filter((r) => r.kind === "opened").length, 1);
});
