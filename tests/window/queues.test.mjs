// The real window, by keyboard alone, through incident 1 in the wrong order: the queues say which one needs somebody, the
// redrive is blocked because its consumer still fails and names what is to be done first, and goes through once it is.
import assert from "node:assert/strict";
import { test } from "node:test";
import { walk } from "./desk.mjs";
import { KEY, until } from "./driver.mjs";

const { at, window } = await walk("dlq-fills", { speed: 10, seed: 3 });

/** The rows of the table in sight: what a screen reader says of each. */
const rows = () => window.run(`return [...document.querySelectorAll('[role="grid"] [data-row]')].map((r) => ({ top: parseFloat(r.style.top), name: r.getAttribute("aria-label") })).sort((a, b) => a.top - b.top).map((r) => r.name);`);

test("Q lists the queues: the one that loses messages first, with the reason in words", { timeout: 150_000 }, async () => {
  await window.keys("q");
  await until("the queues are listed", async () => (await rows()).length > 3);
  const first = await until("the worst is critical", async () => {
    const [row] = await rows();
    return /critical/.test(row) && row;
  }, 90);
  assert.match(first, /dead letters [\d,]+/);
  assert.match(first, /grows|holds|loses/, "the reason is a sentence");
  assert.match(first, /waiting [\d,]+/);
  assert.match(first, /first lost ≤/, "a standard dead-letter queue gives a bound");
  const all = await window.run(`return Number(document.querySelector('[role="grid"]').getAttribute("aria-rowcount")) - 1;`);
  assert.match(await window.text("main .ph"), new RegExp(`of ${all}`), "as many as are told");
  assert.equal((await rows()).some((r) => /^\S+-dlq,/.test(r)), false, "a dead-letter queue is in the row of its source");
});

test("rows are walked by keys, Enter opens the inspector, Escape closes it, the focus stays", async () => {
  const [worst] = await rows();
  await window.tabTo(new RegExp(`^\\s*${worst.split(",")[0]}\\s`));
  // Figures move meanwhile: name and region tell a row.
  const here = async () => (await at.focused()).split(",").slice(0, 2).join();
  const start = await here();
  await window.keys(KEY.down);
  await until("the next row has the focus", async () => (await here()) !== start);
  await window.keys(KEY.up);
  await until("and back", async () => (await here()) === start);
  await window.keys(KEY.enter);
  await until("the inspector says why", async () => /Why/.test((await window.text(".insp")) ?? ""));
  assert.equal(await here(), start);
  await at.shot("queues-inspector");
  await window.keys(KEY.escape);
  await until("the inspector is closed", async () => !(await window.has(".insp")));
  assert.equal(await here(), start);
});

test("nothing is cut off at 1024 × 700; dark and light without a finding of axe-core", { timeout: 90_000 }, async () => {
  await at.looks("queues", "the queues");
  await at.size(1024, 700);
  // The columns follow the width a frame later.
  const over = () => window.run(`return [...document.querySelectorAll('[role="grid"] [role="row"]')].filter((r) => r.scrollWidth > r.clientWidth + 1).length + Math.max(0, document.documentElement.scrollWidth - innerWidth);`);
  await until("no row is wider than the window", async () => (await over()) === 0);
  await at.shot("queues-1024");
  await at.size(1440, 900);
});

test("the redrive is blocked while the consumer fails, and says what comes first", { timeout: 120_000 }, async () => {
  await window.run(`document.querySelector('[role="grid"] [data-row][tabindex="0"]').focus();`);
  const row = await at.focused();
  await window.keys("a");
  await at.dialogSays(/What can be done/);
  await at.dialogSays(/Redrive[\s\S]*blocked/, 60);
  await at.accessible("the chooser");
  await at.shot("queues-chooser");
  await window.enter(/^\d?\s*Redrive\s/);
  const said = await at.dialogSays(/Blocked:/);
  assert.match(said, /First:/);
  assert.equal(await window.run(`return [...document.querySelectorAll('[role="dialog"] .df .btn')].at(-1).disabled;`), true, "it cannot be pressed");
  await at.shot("queues-redrive-blocked");
  await window.keys(KEY.escape);
  await at.dialogSays(/What can be done/);
  await window.keys(KEY.escape);
  await at.closed();
  await until("the focus is back in the row", async () => (await at.focused()).split(",")[0] === row.split(",")[0]);
});
