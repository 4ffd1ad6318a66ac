// The real window, by keyboard alone: what consumes a queue is paused for a time, stays listed as an open loop with owner
// and end, is loud once it is past that, and is resumed from there.
import assert from "node:assert/strict";
import { test } from "node:test";
import { walk } from "./desk.mjs";
import { KEY, until } from "./driver.mjs";
import { armed, checked, chooser, pressed, take } from "./road.mjs";

const { platform, at, window } = await walk("calm", { speed: 10, seed: 3 });
let name;

test("the pause of a mapping is found by its queue, and says what waits meanwhile", { timeout: 120_000 }, async () => {
  await window.keys("q");
  await until("the queues are listed", () => window.run("return document.querySelectorAll('[role=\"grid\"] [data-row]').length > 3;"));
  const paused = (text) => /Pause/.test(text);
  // The first queue that a function consumes: its chooser offers the pause.
  await window.run("document.querySelector('[role=\"grid\"] [data-row][tabindex=\"0\"]').focus();");
  for (let i = 0; i < 12; i++) {
    await chooser(at);
    if (paused(await at.dialog())) break;
    await window.keys(KEY.escape);
    await at.closed();
    await until("the row has the focus again", () => window.run("return document.activeElement?.dataset.row !== undefined;"));
    await window.keys(KEY.down);
  }
  await take(at, /^\d*\s*Pause/);
  const said = await checked(at);
  name = /^\s*Pause (.+)/.exec(said)[1].trim();
  assert.match(said, /Level 2/);
  assert.match(said, /PROD/i, "the place in large");
  await at.shot("pause-plan");
});

test("pressed with a reason it is verified, and what is left open is said", { timeout: 300_000 }, async () => {
  await armed(at, "INC-12 poison messages");
  await pressed(at, /Pausing/);
  const said = await at.dialogSays(/^\s*Verified/, 240);
  assert.match(said, /To be closed by \d\d:\d\d UTC/);
  assert.match(said, /Resume/);
  await at.accessible("the receipt of a pause");
  await at.shot("pause-receipt");
  await window.keys(KEY.escape);
  await at.closed();
});

test("O lists it with owner, reason and end; past its end it is loud in every view", { timeout: 180_000 }, async () => {
  await at.says(/1 open/, 60);
  await window.keys("o");
  const said = await at.dialogSays(/until \d\d:\d\d UTC, .* left/);
  assert.match(said, /INC-12 poison messages/);
  assert.match(said, /left open by/);
  await at.accessible("the open loops");
  await at.shot("loops-open");
  await window.keys(KEY.escape);
  await at.closed();
  await platform.advance(40 * 60);
  await at.says(/OPEN PAST ITS TIME/, 90);
  await at.shot("loops-expired");
  await at.accessible("the line of what is past its time");
});

test("it is resumed from there, and nothing is open any more", { timeout: 300_000 }, async () => {
  await window.keys("o");
  await at.dialogSays(/was to be closed at/);
  await window.enter(/^Resume/);
  await checked(at);
  await armed(at, "INC-12 mended");
  await pressed(at, /Resuming/);
  await at.dialogSays(/^\s*Verified/, 240);
  await at.shot("resume-receipt");
  for (let i = 0; i < 3 && (await window.has('[role="dialog"]')); i++) await window.keys(KEY.escape);
  await at.closed();
  await until("nothing is open past its time", async () => !/OPEN PAST/.test(await at.text()), 90);
  const rows = platform.audit();
  assert.equal(rows.filter((row) => row.kind === "opened").length, 2);
  assert.equal(rows.filter((row) => row.kind === "closed").length, 2);
});
