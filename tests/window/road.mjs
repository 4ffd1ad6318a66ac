// The road of an action as a person walks it by keyboard: find a thing, see what can be done to it, take one, press it.
import assert from "node:assert/strict";
import { KEY, until } from "./driver.mjs";

/** Finds a thing by words and opens it in the inspector. */
export async function find(at, words, name = words.split(" ")[0]) {
  await at.window.chord(KEY.control, "k");
  await until("the palette is open", () => at.window.run("return document.activeElement?.getAttribute('role') === 'combobox';"));
  await at.window.type(words);
  await until(`the palette has found ${name}`, () => at.window.run("return (document.querySelector('[role=option][aria-selected=true]')?.innerText ?? '').includes(arguments[0]);", name));
  await at.window.keys(KEY.enter);
  await until("it is in the inspector", async () => ((await at.window.text(".insp")) ?? "").includes(name));
}

/** Opens the chooser of what is in the inspector or has the focus. */
export async function chooser(at) {
  await at.window.keys("a");
  await at.dialogSays(/What can be done/);
  await until("it is asked what can be done", () => at.window.run("return document.querySelectorAll('[role=dialog] .opt').length > 0;"), 60);
}

/** Takes the action of the chooser whose row reads so; its dialog is open and its checks have been run. */
export async function take(at, pattern) {
  await until(`the chooser offers ${pattern}`, () => at.window.run("return [...document.querySelectorAll('[role=dialog] .opt')].some((b) => new RegExp(arguments[0]).test(b.innerText));", pattern.source), 60);
  await at.window.run("[...document.querySelectorAll('[role=dialog] .opt')].find((b) => new RegExp(arguments[0]).test(b.innerText)).focus();", pattern.source);
  await at.window.keys(KEY.enter);
  await checked(at);
}

/** Waits until the plan is there with its checks. */
export function checked(at) {
  return at.dialogSays(/(passed|block|to note)[\s\S]*(What will happen|What it would do)/, 60);
}

/** Runs the checks again: a plan can be pressed for a minute, and a slow machine may have used it up. */
export async function fresh(at) {
  await at.window.run("document.activeElement?.blur();");
  await at.window.keys("r");
  await until("the checks are fresh", async () => /valid for (0:5|1:0)/.test(await at.dialog()));
}

/** Runs the checks again and presses by keyboard; what is on the screen then is the run. */
export async function pressed(at, running) {
  for (let i = 0; ; i++) {
    await fresh(at);
    await at.window.chord(KEY.control, KEY.enter);
    const said = await at.dialogSays(new RegExp(`${running.source}|not as it was shown|${REFUSED.source}`), 90);
    if (running.test(said)) return said;
    // A changed answer stops the press and shows the difference: it is looked at and pressed again.
    if (i === 3) throw new Error(`it is refused again and again: ${said.slice(0, 1500)}`);
    await until("it may be pressed again", async () => !/Look at what is different/.test(await at.dialog()));
  }
}

const REFUSED = /The answer changed/;

/** Waits until the run has ended, whatever its outcome. */
export function ended(at, seconds) {
  return at.dialogSays(/^\s*(Verified|Done, not verified|Failed|Done in part|Stopped)/, seconds);
}

/** Waits until the run has ended, which must be verified. */
export async function verified(at, seconds) {
  const said = await ended(at, seconds);
  assert.match(said, /^\s*Verified/, said.slice(0, 2500));
  return said;
}

/** Arms where it is read-only; goes on where it is armed already. */
export async function armed(at, reason) {
  if (/Read-only/.test(await at.dialog())) await at.arm(reason);
}
