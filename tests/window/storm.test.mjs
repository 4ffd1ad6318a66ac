// The real window, by keyboard alone, through incident 5: spot capacity is taken back at market open, pods wait for room,
// and the nodegroup that is kept for it is offered with its plan.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { desk } from "./desk.mjs";
import { until } from "./driver.mjs";
import { checked } from "./road.mjs";
import { simulated } from "./sim.mjs";

let platform;
let at;
let window;

before(async () => {
  platform = await simulated("spot-storm", "--speed", "10", "--seed", "7");
  at = await desk(["--stack", platform.stack], platform.state);
  window = at.window;
  await at.drawn();
});

after(async () => {
  await window?.close();
  platform?.stop();
});

test("pods wait for room, and the nodegroup that is kept for it is offered without being looked for", { timeout: 150_000 }, async () => {
  await at.says(/[1-9]\d* pending/, 90);
  const row = await until("scaling a nodegroup is offered", async () => (await at.rows()).find((r) => /^Scale/.test(r.name)), 90);
  assert.ok(row.key, "it has a number key");
  await at.shot("storm");
  await window.keys(row.key);
  const said = await checked(at);
  assert.match(said, /nodegroup|nodes/i);
  assert.match(said, /eks:UpdateNodegroupConfig/);
  assert.match(said, /Level 2|Level 3/);
  await at.accessible("the dialog of the nodegroup");
  await at.shot("storm-plan");
});
