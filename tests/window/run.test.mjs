// Presses that must be safe, in the real window: level 2 and 3, double and repeated presses, Escape, stop in mid-run,
// a crash of the app in mid-run and its resumption; and the picture that is there at once after a restart.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { walk } from "./desk.mjs";
import { KEY, until } from "./driver.mjs";
import { ended, fresh } from "./road.mjs";

const REGION = "us-east-1";
const { platform, at, window } = await walk("dlq-fills", { speed: 10, seed: 3 });

before(async () => {
  // The consumer is rolled back on the way; then more dead letters than one press may move.
  await platform.advance(16 * 60);
  const queue = Object.entries((await platform.world()).regions.find((r) => r.name === REGION).queues).find(([name, q]) => /failed/.test(name) && q.visible > 100);
  await platform.send(REGION, queue[0], 5100 - queue[1].visible);
});

const opened = () => platform.audit().filter((row) => row.kind === "opened");
const review = async () => {
  const row = await until("the redrive is offered", async () => (await at.rows()).find((r) => /^Redrive/.test(r.name) && /checks pass/.test(r.say) && (/Review/.test(r.button) || r.whole !== "")), 90);
  await window.keys(row.key);
  await at.dialogSays(/What will happen|Read-only/);
};

test("read-only by default: Ctrl Enter does nothing; Escape at each stage leaves no run", { timeout: 150_000 }, async () => {
  await review();
  await at.dialogSays(/Read-only/);
  await window.chord(KEY.control, KEY.enter);
  await window.keys(KEY.escape);
  await at.closed();
  await review();
  await window.enter(/^\s*Arm/);
  await at.dialogSays(/Reason, kept in the audit record/);
  await window.keys(KEY.escape);
  await at.dialogSays(/Read-only/);
  await window.keys(KEY.escape);
  await at.closed();
  assert.equal(opened().length, 0, "nothing was started");
});

test("more than 5,000 messages are level 2: the place in large, the reason, a press", { timeout: 60_000 }, async () => {
  await review();
  await at.arm("INC-7 consumer rolled back");
  const said = await at.dialogSays(/Level 2/);
  assert.match(said, new RegExp(`PROD.*${REGION}`));
  await at.shot("redrive-level2");
  await at.accessible("the guard dialog");
});

test("without a canary it is level 3: the name typed and the button held, or nothing happens", { timeout: 90_000 }, async () => {
  await at.fill(/^Rate/, "5");
  await at.fill(/^Canary/, "off");
  await window.keys(KEY.tab);
  const said = await at.dialogSays(/Level 3/);
  const name = /Type (\S+) to confirm/.exec(said)?.[1];
  assert.ok(name, said);
  await at.fill(/^Reason/, "INC-7 at level 3").catch(() => {});
  await window.tabTo(/to confirm/).catch(() => {});
  await window.run("document.querySelector('input[aria-describedby=match]').focus();");
  await window.type(name.slice(0, -1));
  await window.holdChord(KEY.control, KEY.enter, 2600);
  assert.match(await at.dialog(), /to confirm/, "a wrong name holds nothing");
  await window.type(name.slice(-1));
  await at.dialogSays(/matches/);
  await at.shot("redrive-level3");
  await fresh(at);
  await window.holdChord(KEY.control, KEY.enter, 600);
  await at.dialogSays(/Level 3: hold/);
  assert.equal(opened().length, 0, "nothing was started");
});

test("held for two seconds it starts once; stopped in mid-run it ends in a named outcome", { timeout: 150_000 }, async () => {
  await fresh(at);
  await window.holdChord(KEY.control, KEY.enter, 2700);
  await at.dialogSays(/Redriving/, 60);
  await at.dialogSays(/[1-9]\d* of [\d,]+ messages moved/, 60);
  await at.size(1024, 700);
  assert.ok((await window.run("const d = document.querySelector('[role=dialog]').getBoundingClientRect(); return d.bottom <= innerHeight && d.right <= innerWidth && d.top >= 0 && d.left >= 0;")), "the dialog fits 1024 × 700");
  await at.shot("redrive-running-1024");
  await at.size(1440, 900);
  await window.chord(KEY.control, "x");
  const said = await at.dialogSays(/^\s*(Stopped|Done in part)/, 90);
  assert.match(said, /INC-7/);
  assert.match(said, /of [\d,]+/);
  await at.shot("redrive-stopped");
  assert.equal(opened().length, 1, "one run");
  await window.keys(KEY.escape);
  await at.closed();
});

test("a double press and a key kept down start one run", { timeout: 120_000 }, async () => {
  await review();
  await at.fill(/^Rate/, "5");
  await window.keys(KEY.tab);
  await at.dialogSays(/Level \d/);
  await until("the plan is the asked one", async () => /MaxNumberOfMessagesPerSecond\s+5\b/.test(await at.dialog()));
  const press = async () => {
    await fresh(at);
    await window.chord(KEY.control, KEY.enter);
    await window.chord(KEY.control, KEY.enter);
    await window.repeated(KEY.enter, 6);
    return at.dialogSays(/Redriving|not as it was shown/, 60);
  };
  // The list of tasks may still be that from before the stop: then the press is refused, says so, and is made again.
  for (let i = 0; i < 3 && /not as it was shown/.test(await press()); i++) await until("it may be pressed again", async () => !/Look at what is different/.test(await at.dialog()));
  await at.dialogSays(/Redriving/, 60);
  await window.repeated(KEY.enter, 4);
  await at.dialogSays(/[1-9]\d* of [\d,]+ messages moved/, 60).catch(async () => {
    // A kept key may have hidden the dialog; it must not have pressed anything else.
    assert.match(await at.text(), /Watch/);
  });
  assert.equal(opened().length, 2, "one more run, not two");
});

test("killed in mid-run: the last picture is there at once, marked stale, and the run is resumed by keyboard", { timeout: 200_000 }, async () => {
  at.window.kill();
  for (const service of ["cloudfront", "cloudwatch", "eks", "elb", "kubernetes", "lambda", "rds", "route53", "sqs"]) await platform.fault(`silent:${service}`);
  await at.open();
  const { window } = at;
  await at.drawn();
  const marks = await until("what was recorded is marked", async () => {
    const n = await window.run(`return document.querySelectorAll(".card.stale").length;`);
    return n > 5 && n;
  }, 30);
  assert.ok(marks > 5);
  await at.shot("restart-stale");
  await platform.mend();
  await until("it is listed as interrupted", async () => /Resume/.test(await window.text(".acts") ?? ""), 60);
  await until("the platform is live again", async () => (await window.run(`return document.querySelectorAll(".card.stale").length;`)) < 4, 90);
  await window.enter(/^Resume/, 120);
  const said = await at.dialogSays(/Interrupted/);
  assert.match(said, /nothing is started twice/);
  await at.shot("run-interrupted");
  await window.enter(/^Resume/);
  await at.dialogSays(/Redriving|Stopped|Done|Verified|Failed/, 60);
  await until("it runs or is over", async () => !/Interrupted/.test(await at.dialog()), 60);
  if (/Redriving/.test(await at.dialog())) await window.chord(KEY.control, "x");
  await ended(at, 90);
  await at.shot("run-resumed");
  const rows = platform.audit();
  assert.equal(rows.filter((row) => row.kind === "opened").length, 2, "nothing was started twice");
  assert.equal(rows.filter((row) => row.kind === "closed").length, 2, "every run is closed");
});
