// The real window, by keyboard alone, through incident 1 in the right order: the redrive is blocked and offers what comes
// first, the consumer is rolled back to the revision before, and then the redrive goes through.
import assert from "node:assert/strict";
import { test } from "node:test";
import { walk } from "./desk.mjs";
import { KEY, until } from "./driver.mjs";
import { armed, checked, pressed, verified } from "./road.mjs";

// As slow as the wall clock, so that no pipeline rolls back before we do; it is hurried after the press.
const { platform, at, window } = await walk("dlq-fills", { speed: 1, seed: 3 });
/** The consumer that is to blame, and its bad revision. */
let name;
let bad;

const redrive = (button) => async () => (await at.rows()).find((r) => /^Redrive/.test(r.name) && button.test(r.button + r.whole) && !/empty|holds no/.test(r.say));

test("the banner names the revision, and the blocked redrive offers its rollback", { timeout: 120_000 }, async () => {
  const said = await until("the cause is named", async () => /(\S+) fails since revision (\d+)/.exec((await window.text(".inc h1")) ?? ""), 60);
  [, name, bad] = said;
  const blocked = await until("the redrive is blocked", redrive(/Why/), 60);
  await window.keys(blocked.key);
  await at.dialogSays(/Blocked:[\s\S]*First:/);
  // Its own checks may come a moment after those of the redrive.
  await until("the rollback is offered there", () => window.run(`return [...document.querySelectorAll("[role=dialog] button")].some((b) => b.textContent.trim().startsWith("Roll back ${name}"));`), 60);
  await window.tabTo(new RegExp(`^Roll back ${name}`));
  await at.shot("rollback-offered");
  await window.keys(KEY.enter);
  const plan = await checked(at);
  assert.match(plan, new RegExp(`Roll back ${name}: revision ${bad} → ${bad - 1}`));
  assert.match(plan, new RegExp(`Revision ${bad} is to blame`));
  assert.match(plan, /Level 2/);
  assert.match(plan, /pods of \S+ are replaced, at most \d+ missing/);
  await at.dialogLooks("rollback-plan");
});

test("armed and pressed with a reason it rolls out the old revision", { timeout: 120_000 }, async () => {
  await armed(at, `INC-7 revision ${bad} cannot read its messages`);
  await pressed(at, /Rolling back/);
  await at.dialogSays(/Watching/, 60);
  platform.hurry(14);
  await at.dialogLooks("rollback-running");
});

test("it is verified: every replica has the old template, no pod restarts, and the way back is said", { timeout: 300_000 }, async () => {
  const said = await verified(at, 240);
  assert.match(said, new RegExp(`has the template of revision ${bad - 1} and every replica is updated and ready`));
  assert.match(said, /press to recovered/);
  assert.match(said, new RegExp(`Undo: Roll back ${name}, to ${bad}`));
  await at.dialogLooks("rollback-receipt");
  for (let i = 0; i < 3 && (await window.has('[role="dialog"]')); i++) await window.keys(KEY.escape);
  await at.closed();
});

test("then the redrive is possible, and it is verified too", { timeout: 300_000 }, async () => {
  const offered = await until("the redrive is offered", redrive(/Review|Redrive/), 120);
  await window.keys(offered.key);
  await checked(at);
  await pressed(at, /Redriving/);
  await at.shot("rollback-redriving");
  await verified(at, 240);
  await at.shot("rollback-redriven");
  const kinds = platform.audit().map((row) => row.kind);
  assert.deepEqual(kinds.filter((kind) => kind === "opened" || kind === "closed"), ["opened", "closed", "opened", "closed"]);
});
