// A link selects a node and a time, in the window that is open or in a new one; it does nothing else.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { desk } from "./desk.mjs";
import { until } from "./driver.mjs";
import { simulated } from "./sim.mjs";

const platform = await simulated("dlq-fills", "--pods", "120", "--regions", "1", "--seed", "5");
const run = join(platform.dir, "run");
mkdirSync(run, { mode: 0o700 });
const env = { XDG_RUNTIME_DIR: run };
const topology = spawnSync(process.env.QD_BIN, ["topology", "--stack", platform.stack, "--json"], { env: { ...process.env, XDG_STATE_HOME: join(platform.dir, "other") }, encoding: "utf8", maxBuffer: 1 << 28 });
const picture = JSON.parse(topology.stdout);
const queue = picture.nodes.find((node) => node.kind === "queue");
const writer = picture.nodes.find((node) => node.kind === "dbinstance");
const link = (node, at) => `quarterdeck://node?id=${encodeURIComponent(node.id)}${at === undefined ? "" : `&at=${at}`}`;
const minutesAgo = new Date(Date.parse(picture.taken_at) - 8 * 60_000).toISOString();
const inspected = async () => (await at.window.text("aside.insp")) ?? "";
let at;
before(async () => (at = await desk(["--stack", platform.stack, link(queue, minutesAgo)], platform.state, env)));
after(async () => {
  await at.window.close();
  platform.stop();
});

test("a window that is started by a link shows its node, and its time on the axis", { timeout: 60_000 }, async () => {
  await at.drawn();
  await until("the inspector shows the queue", async () => (await inspected()).includes(queue.name));
  await at.says(new RegExp(`link ${minutesAgo.slice(11, 16)}`));
  await at.looks("link", "a node that a link selected");
});

test("a link that is followed later comes to the open window, and the second process ends", { timeout: 60_000 }, async () => {
  const followed = spawnSync(process.env.QD_APP, [link(writer)], { env: { ...process.env, ...env }, encoding: "utf8", timeout: 20_000 });
  assert.equal(followed.status, 0, followed.stderr);
  await until("the inspector shows the database", async () => (await inspected()).includes(writer.name));
  assert.equal(await at.window.has('[role="dialog"]'), false, "a link opens no dialog");
  assert.equal(platform.audit().filter((row) => row.run !== undefined).length, 0, "and begins no run");
});

test("a link that asks for more than a node and a time is refused in a sentence", { timeout: 60_000 }, async (t) => {
  const wrong = await desk([`${link(queue)}&action=purge`], join(platform.dir, "wrong"), env);
  t.after(() => wrong.window.close());
  await wrong.says(/The link is not understood: it asks for more than a node and a time/);
});
