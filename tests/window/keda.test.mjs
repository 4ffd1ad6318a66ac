// The real window, by keyboard alone: scaling in of a KEDA ScaledObject is paused for ten minutes. What stays open is said
// on the receipt and listed with its end, from there it is resumed, and nothing is open any more.
import assert from "node:assert/strict";
import { test } from "node:test";
import { walk } from "./desk.mjs";
import { KEY, until } from "./driver.mjs";
import { armed, checked, chooser, find, pressed, take, verified } from "./road.mjs";

const NAME = "tax-processor";
const { platform, at, window } = await walk("calm", { speed: 10, seed: 3 });

test("the pause says what it leaves running, how long it lasts, and asks for both", { timeout: 90_000 }, async () => {
  await find(at, `${NAME} scaledobject us-east-1`, NAME);
  await chooser(at);
  await take(at, /^\d*\s*Pause/);
  await at.fill(/^For/, "10m");
  await window.keys(KEY.tab);
  const said = await at.dialogSays(/Pause scaling in of KEDA ScaledObject tax-processor for 10 min/, 60);
  assert.match(said, /Level 2/);
  assert.match(said, /keeps at least \d+ replicas, and still gets more as load asks/);
  assert.match(said, /to be resumed within 10 min/);
  assert.match(said, /paused-scale-in/);
  await at.dialogLooks("keda-plan");
});

test("what is paused is chosen by the arrow keys: more than scaling in is warned of, and is a level higher", { timeout: 120_000 }, async () => {
  const choose = async (key, expected) => {
    await window.run("document.querySelector('[role=dialog] input[type=radio]:checked').focus();");
    await window.keys(key);
    return at.dialogSays(expected, 30);
  };
  const out = await choose(KEY.down, /Pause scaling out of/);
  assert.match(out, /Level 3/);
  assert.match(out, /Nothing scales tax-processor out while scaling out is paused/);
  const all = await choose(KEY.down, /Pause all scaling of/);
  assert.match(all, /Level 3/);
  assert.match(all, /Nothing scales tax-processor out while all scaling is paused/);
  await at.shot("keda-all");
  await choose(KEY.up, /Pause scaling out of/);
  assert.match(await choose(KEY.up, /Pause scaling in of/), /for 10 min/, "the time that was typed stays");
});

test("pressed with a reason it is verified, and what stays open has its end", { timeout: 180_000 }, async () => {
  await armed(at, "INC-44 no scale-in while draining");
  await at.dialogSays(/for 10 min/, 60);
  await pressed(at, /Pausing/);
  const said = await verified(at, 120);
  assert.match(said, /Scaling in of tax-processor stays paused. To be closed by \d\d:\d\d UTC/);
  await at.dialogLooks("keda-receipt");
  await window.keys(KEY.escape);
  await at.closed();
});

test("O lists it with reason and end; from there it is resumed, and its autoscaler is back", { timeout: 240_000 }, async () => {
  await at.says(/1 open/, 60);
  await window.keys("o");
  const listed = await at.dialogSays(/until \d\d:\d\d UTC, .* left/);
  assert.match(listed, /INC-44 no scale-in while draining/);
  await at.dialogLooks("keda-loops");
  await window.enter(/^Resume/);
  assert.match(await checked(at), /scales tax-processor by its trigger again/);
  await at.shot("keda-resume-plan");
  await armed(at, "INC-44 drained");
  await pressed(at, /Resuming/);
  const said = await verified(at, 120);
  assert.match(said, /is back and scales as its spec asks/);
  await at.accessible("the receipt of a resumption");
  await at.shot("keda-resumed");
  for (let i = 0; i < 3 && (await window.has('[role="dialog"]')); i++) await window.keys(KEY.escape);
  await at.closed();
  await until("nothing is open", async () => !/1 open/.test(await at.text()), 60);
  const rows = platform.audit().filter((row) => row.kind === "opened" || row.kind === "closed");
  assert.deepEqual(rows.map((row) => row.kind), ["opened", "closed", "opened", "closed"]);
});
