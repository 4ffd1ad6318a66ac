// The real window, by keyboard alone, through incident 1: blocked while the consumer fails, then
// armed, pressed, run, verified; and the same picture kept in the audit.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { walk } from "./desk.mjs";
import { KEY, until } from "./driver.mjs";

const SHOTS = process.env.SHOTS;
const { platform, window } = await walk("dlq-fills", { speed: 10, seed: 3 });

/** The rows of the actions list: number key, what is offered, its button. */
const rows = () =>
  window.run(`return [...document.querySelectorAll(".act")].map((row) => ({
    key: row.querySelector("kbd")?.innerText ?? "",
    name: row.querySelector(".name")?.innerText ?? "",
    say: row.querySelector(".d")?.innerText ?? "",
    button: row.querySelector(".btn:not(.whole)")?.innerText ?? "" }));`);
const dialog = () => window.text('[role="dialog"]');

test("the live platform is on the screen, and it says where we are", async () => {
  await until("the topology is drawn", async () => /EKS/.test((await window.text(".desk")) ?? ""));
  const frame = await window.text(".desk");
  assert.match(frame, /SIMULATED/);
  assert.match(frame, /PROD/);
  await until("pods are counted", async () => /\d{3,} pods/.test((await window.text(".desk")) ?? ""));
  assert.ok(await window.has('[role="treegrid"]'), "the pods' parallel treegrid");
  await until("the cause is named", async () => /since revision/.test((await window.text(".desk")) ?? ""), 60);
  await until("what can be done is judged on all that is read", async () => (await rows()).some((row) => /Why/.test(row.button)), 60);
  await window.screenshot(join(SHOTS, "incident-1440.png"));
});

test("nothing is clipped out of the window at 1024 × 700", async () => {
  await window.size(1024, 700);
  await until("the page has followed", () => window.run("return innerWidth <= 1024;"));
  const over = await window.run(`return document.documentElement.scrollWidth - innerWidth;`);
  assert.ok(over <= 0, `the page is ${over} px wider than the window`);
  await window.screenshot(join(SHOTS, "incident-1024.png"));
  await window.size(1440, 900);
});

test("while the consumer fails the redrive is blocked and says why", async () => {
  const blocked = await until("the redrive is listed as blocked", async () =>
    (await rows()).find((row) => /^Redrive/.test(row.name) && /Why/.test(row.button) && !/empty|holds no/.test(row.say)), 60);
  await window.keys(blocked.key);
  await until("the dialog says that it is blocked", async () => /Blocked/.test((await dialog()) ?? ""));
  await window.screenshot(join(SHOTS, "redrive-blocked.png"));
  await window.keys(KEY.escape);
  await until("Escape closes it", async () => !(await window.has('[role="dialog"]')));
});

test("once it has recovered: armed, pressed once, run, verified", { timeout: 400_000 }, async () => {
  await platform.advance(16 * 60);
  const offer = await until("the redrive is offered", async () => (await rows()).find((row) => /^Redrive/.test(row.name) && /Review/.test(row.button)), 120);
  await window.keys(offer.key);
  await until("the checks are shown", async () => /Read-only/.test((await dialog()) ?? ""));
  await window.tabTo(/^\s*Arm/);
  await window.keys(KEY.enter);
  await until("the arming dialog has the focus", () => window.run("return document.activeElement?.tagName === 'INPUT';"));
  await window.type("INC-7 consumer rolled back");
  await window.keys(KEY.enter);
  await until("it is armed and back at the plan", async () => /Exact calls/.test((await dialog()) ?? "") && !/Read-only/.test((await dialog()) ?? ""));
  await window.screenshot(join(SHOTS, "redrive-armed.png"));
  await window.chord(KEY.control, KEY.enter);
  await until("it runs", async () => /Redriving|Verified/.test((await dialog()) ?? ""), 60).catch(async (error) => {
    await window.screenshot(join(SHOTS, "redrive-refused.png"));
    throw new Error(`${error.message}: ${await dialog()}`);
  });
  await until("messages are moved", async () => /moved/.test((await dialog()) ?? ""));
  await window.screenshot(join(SHOTS, "redrive-running.png"));
  await until("it is verified", async () => /^\s*Verified/.test((await dialog()) ?? ""), 300);
  await window.screenshot(join(SHOTS, "redrive-receipt.png"));
  await window.keys(KEY.escape);
  await until("Escape closes it", async () => !(await window.has('[role="dialog"]')));
});
