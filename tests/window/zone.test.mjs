// The real window, by keyboard alone, through incident 3: a zone is faulty. What is broken, where, why; and what the
// window says while parts of the platform do not answer.
import assert from "node:assert/strict";
import { test } from "node:test";
import { walk } from "./desk.mjs";
import { KEY, until } from "./driver.mjs";

const { platform, at, window } = await walk("az-degraded", { speed: 1, seed: 1 });

const banner = () => window.text(".inc h1");
const inspector = () => window.text(".insp").then((text) => text ?? "");

test("the banner names the cause and the zone", { timeout: 120_000 }, async () => {
  const said = await until("a cause is named", async () => (await banner()) ?? "", 90);
  const zone = /Availability zone (\S+) is faulty/.exec(said)?.[1];
  assert.ok(zone, said);
  const world = await platform.world();
  assert.ok(world.regions.some((region) => region.grey.includes(zone)), `${zone} is the grey one`);
  const cut = await window.run("const h = document.querySelector('.inc h1'); return h.scrollHeight > h.clientHeight + 1;");
  assert.equal(cut, false, "the sentence is not cut off");
});

test("arrow keys lead to the red zone, Enter opens the inspector, the reasons are read, Escape goes back", async () => {
  const zone = /zone (\S+) is/.exec(await banner())[1];
  const region = zone.slice(0, -1);
  assert.match(await window.text(".board") ?? "", new RegExp(zone), "the board shows the region of the cause");
  await window.tabTo(/, normal|, critical|, warning|, in transition/);
  const inZone = new RegExp(`, ${zone}, .*critical`);
  // Right along the path until the lanes, then down or up to the zone's.
  for (let i = 0; i < 6 && !/, [a-z]+-[a-z]+-\d[a-z],/.test(await at.focused()); i++) await window.keys(KEY.right);
  for (const key of [KEY.down, KEY.up]) for (let i = 0; i < 12 && !inZone.test(await at.focused()); i++) await window.keys(key);
  const name = await at.focused();
  assert.match(name, inZone, "a critical card of the red zone has the focus");
  await window.keys(KEY.enter);
  const read = await until("the inspector says why", async () => /Why/.test(await inspector()) && inspector());
  assert.match(read, new RegExp(region));
  assert.match(read, /ago/, "the evidence has its age");
  await at.shot("zone-inspector");
  await window.keys(KEY.escape);
  await until("the inspector is closed", async () => !(await window.has(".insp")));
  assert.equal(await at.focused(), name, "the focus is back where it was");
});

test("the treegrid beside the canvas tells what is true", async () => {
  const rows = await window.run(`return [...document.querySelectorAll('[role="treegrid"] [role="gridcell"] button')].map((b) => b.getAttribute("aria-label"));`);
  assert.ok(rows.length > 30, `${rows.length} workloads by zone`);
  let pods = 0;
  for (const row of rows) {
    const counted = /(\d+) of (\d+) ready/.exec(row);
    assert.ok(counted, `counts pods: ${row}`);
    pods += Number(counted[2]);
  }
  const head = /([\d,]+) pods/.exec(await window.text(".board"))[1].replace(",", "");
  const unplaced = Number(/(\d+) pods? not placed/.exec(await window.text(".board"))?.[1] ?? 0);
  assert.ok(Math.abs(Number(head) - unplaced - pods) <= 6, `${pods} in the treegrid, ${head} in the head`);
});

test("dark and light by one key, both without a finding of axe-core; reduced motion is obeyed", { timeout: 120_000 }, async () => {
  await at.looks("zone", "the topology");
  const moving = await window.run("return document.getAnimations().filter((a) => a.effect?.getTiming().iterations === Infinity).length;");
  assert.equal(moving, 0, "nothing moves for ever");
});

test("a source that is refused says so in words, the rest stays live, and it recovers", { timeout: 120_000 }, async () => {
  await platform.fault("denied:sqs");
  const said = await at.says(/source(s)? failing/, 90);
  assert.match(said, /SQS/);
  const card = await until("a queue's card says that it is old or not read", async () => {
    const cards = await window.run(`return [...document.querySelectorAll(".card.stale")].map((c) => c.innerText);`);
    return cards.find((c) => /old|not read|failed/.test(c));
  }, 90);
  assert.ok(card);
  await window.keys(KEY.escape);
  await at.shot("zone-sqs-denied");
  assert.match(await window.text(".live"), /Live/, "the rest is live");
  await platform.mend();
  await until("nothing is failing any more", async () => !/source(s)? failing/.test(await at.text()), 90);
  await until("the cards are believed again", async () => (await window.run(`return [...document.querySelectorAll(".card.stale")].filter((c) => / old$/m.test(c.innerText)).length;`)) === 0, 60);
});

test("a region that is dead is told as unknown, and the other one goes on", { timeout: 120_000 }, async () => {
  await platform.fault("reset:*:eu-west-1");
  const dead = () => window.run(`return [...document.querySelectorAll(".reg")].find((b) => b.innerText.includes("eu-west-1"))?.title ?? "";`);
  await until("the dead region is unknown", async () => /unknown/.test(await dead()), 100);
  assert.match(await window.text(".live"), /Live/);
  assert.match(await banner(), /us-east-1/, "the incident of the other region is still told");
  await at.shot("zone-region-dead");
  await platform.mend();
  await until("it is read again", async () => !/unknown/.test(await dead()), 100);
});
