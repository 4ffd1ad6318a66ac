// The real window, by keyboard alone, through incident 1: blocked while the consumer fails, then armed, pressed,
// run, verified.
import assert from "node:assert/strict";
import { test } from "node:test";
import { walk } from "./desk.mjs";
import { KEY, until } from "./driver.mjs";
import { pressed } from "./road.mjs";

const { platform, at, window } = await walk("dlq-fills", { speed: 10, seed: 3 });

test("the live platform is on the screen, and it says where we are", async () => {
  await until("the topology is drawn", async () => /EKS/.test((await window.text(".desk")) ?? ""));
  const frame = await window.text(".desk");
  assert.match(frame, /SIMULATED/);
  assert.match(frame, /PROD/);
  await until("pods are counted", async () => /\d{3,} pods/.test((await window.text(".desk")) ?? ""));
  assert.ok(await window.has('[role="treegrid"]'), "the pods' parallel treegrid");
  await until("the cause is named", async () => /since revision/.test((await window.text(".desk")) ?? ""), 60);
  await until("what can be done is judged on all that is read", async () => (await at.rows()).some((row) => /Why/.test(row.button)), 60);
  await at.shot("incident-1440");
});

test("nothing is clipped out of the window at 1024 × 700", async () => {
  await at.size(1024, 700);
  const over = await window.run(`return document.documentElement.scrollWidth - innerWidth;`);
  assert.ok(over <= 0, `the page is ${over} px wider than the window`);
  await at.shot("incident-1024");
  await at.size(1440, 900);
});

test("while the consumer fails the redrive is blocked and says why", async () => {
  const blocked = await until("the redrive is listed as blocked", async () =>
    (await at.rows()).find((row) => /^Redrive/.test(row.name) && /Why/.test(row.button) && !/empty|holds no/.test(row.say)), 60);
  await window.keys(blocked.key);
  await at.dialogSays(/Blocked/);
  await at.shot("redrive-blocked");
  await window.keys(KEY.escape);
  await at.closed();
});

test("once it has recovered: armed, pressed once, run, verified", { timeout: 400_000 }, async () => {
  await platform.advance(16 * 60);
  const offer = await until("the redrive is offered", async () => (await at.rows()).find((row) => /^Redrive/.test(row.name) && /Review/.test(row.button)), 120);
  await window.keys(offer.key);
  await at.arm("INC-7 consumer rolled back");
  await at.shot("redrive-armed");
  await pressed(at, /Redriving|^\s*Verified/);
  await at.dialogSays(/moved/);
  await at.shot("redrive-running");
  await at.dialogSays(/^\s*Verified/, 300);
  await at.shot("redrive-receipt");
  await window.keys(KEY.escape);
  await at.closed();
});
