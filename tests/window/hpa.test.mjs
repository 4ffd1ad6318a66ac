// The real window, by keyboard alone: a deployment that an autoscaler owns is given a higher floor. The dialog says whose
// number it is and where it is written, the copied line says the same, and the receipt says that it stayed.
import assert from "node:assert/strict";
import { test } from "node:test";
import { walk } from "./desk.mjs";
import { KEY, until } from "./driver.mjs";
import { armed, chooser, find, pressed, take, verified } from "./road.mjs";

const { platform, at, window } = await walk("calm", { speed: 10, seed: 3 });
/** The autoscaler's bounds before, as the dialog says them. */
let floor;
let ceiling;

/** What the clipboard holds: pasted by keys into a field that is put into the dialog for it and taken away again. */
async function pasted() {
  await window.run("const t = document.createElement('textarea'); t.id = 'paste'; document.querySelector('[role=dialog]').append(t); t.focus();");
  await window.chord(KEY.control, "v");
  const text = await until("something is pasted", () => window.run("return document.querySelector('#paste').value;"));
  await window.run("document.querySelector('#paste').remove();");
  return text;
}

test("from the autoscaler its deployment is reached, and the dialog says that the autoscaler owns the number", { timeout: 120_000 }, async () => {
  await find(at, "quotes hpa us-east-1", "quotes");
  await chooser(at);
  await at.shot("hpa-chooser");
  await take(at, /^\d*\s*Scale\b/);
  await at.fill(/^Replicas/, "30");
  await window.keys(KEY.tab);
  const said = await at.dialogSays(/Scale quotes \d+ → 30 · HPA quotes: min \d+ → 30, max \d+/, 60);
  [, floor, ceiling] = /HPA quotes: min (\d+) → 30, max (\d+)/.exec(said);
  assert.match(said, /replicas of quotes belong to HPA quotes/);
  assert.match(said, /Written to HPA quotes, because it overwrites replicas at its next sync/);
  assert.match(said, /Under an autoscaler this is its floor/);
  assert.match(said, /The bounds of HPA quotes stay as written/);
  assert.match(said, new RegExp(`HPA quotes gets its bounds back, ${floor} to ${ceiling}`), "the way back is the autoscaler's too");
  await at.dialogLooks("hpa-plan");
});

test("the copied line patches the autoscaler and nothing else, and tests what it replaces", { timeout: 60_000 }, async () => {
  await window.enter(/^copy/);
  await at.says(/Copied/);
  const line = await pasted();
  const [, command, patch] = /^(.+) --patch='(.+)'$/.exec(line) ?? [];
  assert.equal(command, "kubectl --context yarrowdale-use1 --namespace dealing patch horizontalpodautoscalers.autoscaling/quotes --type=json", line);
  const path = (name) => `/spec/${name}Replicas`;
  assert.deepEqual(JSON.parse(patch), [
    { op: "test", path: path("min"), value: Number(floor) },
    { op: "test", path: path("max"), value: Number(ceiling) },
    { op: "add", path: path("min"), value: 30 },
  ]);
});

test("pressed once it is verified: 30 are ready, the floor stayed, and the bounds can be given back", { timeout: 240_000 }, async () => {
  await armed(at, "INC-31 earnings at noon");
  await at.dialogSays(/min \d+ → 30/, 60);
  await pressed(at, /Scaling/);
  const said = await verified(at, 180);
  assert.match(said, /at least 30 replicas, all of them ready/);
  assert.match(said, /3[0-9] of 3[0-9]|30/, "as many as were asked for");
  assert.match(said, /HPA quotes/, "whose number it was");
  assert.match(said, new RegExp(`Undo: Change bounds of quotes, max ${ceiling}, min ${floor}`));
  await at.dialogLooks("hpa-receipt");
  await window.keys(KEY.escape);
  await at.closed();
});

test("the deployment says so too, and the audit has one run", { timeout: 60_000 }, async () => {
  await find(at, "quotes deployment us-east-1", "quotes");
  await until("it has 30 replicas", async () => /Replicas\s+30\b/.test((await window.text(".insp")) ?? ""));
  await at.shot("hpa-after");
  const rows = platform.audit().filter((row) => row.kind === "opened" || row.kind === "closed");
  assert.deepEqual(rows.map((row) => row.kind), ["opened", "closed"]);
});
