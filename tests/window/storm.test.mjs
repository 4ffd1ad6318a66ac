// The real window, by keyboard alone, through the whole of incident 5: spot capacity is taken back at market open, pods
// wait for room, the nodegroup that is kept for it is scaled by the number that is suggested, until none waits any more.
import assert from "node:assert/strict";
import { test } from "node:test";
import { walk } from "./desk.mjs";
import { KEY, until } from "./driver.mjs";
import { armed, checked, chooser, pressed, verified } from "./road.mjs";

// The market has opened: demand does not rise any more, so that what is suggested stays enough.
// In the morning: before the markets open, demand grows while it is verified, and six nodes are no longer enough.
const { platform, at, window } = await walk("spot-storm", { speed: 10, seed: 7, ahead: 8 * 60, start: "2026-11-29T09:05:00Z" });
let nodes;

const banner = () => window.text(".inc h1").then((text) => text ?? "");
const waits = /pods? of (\S+) Pending: no node has room/;

test("the board opens where the incident is; I lists its signals, C shows its cause", { timeout: 90_000 }, async () => {
  const said = await until("the banner says what is short", async () => waits.test(await banner()) && banner(), 60);
  const cluster = waits.exec(said)[1];
  assert.match(said, /Nodegroup \S+ could give \d+ nodes? more on demand/);
  await until("the board is where the cause is", async () => /us-east-1/.test((await window.text(".reg.on")) ?? ""));
  await at.says(/[1-9]\d* pending/);
  await window.keys("i");
  const signals = await until("the signals are listed", () => window.text(".inc .pop"));
  assert.match(signals, /spot instances? taken back/);
  assert.match(signals, /Suffers from it/);
  await at.accessible("the signals of a storm");
  await at.shot("storm-signals");
  await window.keys("i", "c");
  const cause = await until("the cause is in the inspector", async () => /Named as a cause/.test(await window.text(".insp")) && window.text(".insp"));
  assert.match(cause, waits, "why this one is shown");
  assert.ok(cause.includes(cluster));
  await at.shot("storm-cause");
  await chooser(at);
  await at.dialogSays(/Nodegroup · us-east-1[\s\S]*Scale/);
  await window.keys(KEY.escape);
  await at.closed();
  await window.keys(KEY.escape);
});

test("the nodegroup that is kept for it is offered by number, with as many nodes as the pods need", { timeout: 120_000 }, async () => {
  const row = await until("scaling a nodegroup is offered", async () => (await at.rows()).find((r) => /^Scale/.test(r.name) && /Review/.test(r.button)), 90);
  await window.keys(row.key);
  const said = await checked(at);
  assert.match(said, /eks:UpdateNodegroupConfig/);
  assert.match(said, /Level 2/);
  nodes = /pods? waits? for room, they ask for [\d,]+ vCPU: about (\d+) nodes? of this group/.exec(said)?.[1];
  assert.ok(nodes, said.slice(0, 2000));
  await at.dialogLooks("storm-plan");
});

test("asked for that number and armed, it is pressed once and its nodes are counted as they come", { timeout: 150_000 }, async () => {
  await armed(at, "INC-5 spot taken back");
  await at.fill(/^Desired/, nodes);
  await window.keys(KEY.tab);
  await until("the plan is of that number", async () => new RegExp(`scalingConfig\\.desiredSize\\s+${nodes}\\b`).test(await at.dialog()), 60);
  await pressed(at, /Scaling/);
  await at.dialogSays(/of \d+ nodes/, 60);
  await at.dialogLooks("storm-running");
});

test("it is verified: the nodes are Ready, no pod waits, and it says how long it took", { timeout: 300_000 }, async () => {
  const said = await verified(at, 240);
  assert.match(said, /press to recovered/);
  assert.match(said, new RegExp(`${nodes} nodes of \\S+ are Ready`));
  assert.match(said, /INC-5 spot taken back/);
  assert.match(said, /Undo: Scale \S+, desired 0/, "the nodes can be given back");
  await at.dialogLooks("storm-receipt");
  await window.keys(KEY.escape);
  await at.closed();
});

test("the incident is over in the window, and the audit has one run", { timeout: 90_000 }, async () => {
  await until("nothing is short any more", async () => !waits.test(await banner()), 60);
  await at.shot("storm-over");
  const kinds = platform.audit().map((row) => row.kind);
  assert.deepEqual(kinds.filter((kind) => kind === "opened" || kind === "closed"), ["opened", "closed"]);
});
