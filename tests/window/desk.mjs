// What the window tests share: the window on a simulated platform, read and driven as a person with a keyboard would.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before } from "node:test";
import { KEY, open, until } from "./driver.mjs";
import { simulated } from "./sim.mjs";

const AXE = new URL("../../ui/node_modules/axe-core/axe.min.js", import.meta.url);

/** The window, with its state in `state` and nobody's own stack files; `env` says what differs. */
export async function desk(args, state, env = {}) {
  const at = new Desk(args, { XDG_STATE_HOME: state, XDG_CONFIG_HOME: `${state}-config`, ...env });
  await at.open();
  return at;
}

/** The simulated platform, `ahead` seconds into its scenario, and the window on it: for all tests of a file, and closed after them. */
export async function walk(scenario, { speed, seed, ahead = 0, start }) {
  const day = start === undefined ? [] : ["--start", start];
  const platform = await simulated(scenario, "--speed", `${speed}`, "--seed", `${seed}`, ...day);
  if (ahead > 0) await platform.advance(ahead);
  const at = await desk(["--stack", platform.stack], platform.state);
  before(() => at.drawn());
  after(async () => {
    await at.window.close();
    platform.stop();
  });
  return { platform, at, window: at.window };
}

/** What of the open dialog is out of the window, or out of the dialog without a way to scroll to it. */
const CUT_OFF = `
  const dialog = document.querySelector("[role=dialog]");
  const box = dialog.getBoundingClientRect();
  const name = (e) => e.tagName.toLowerCase() + "." + e.className + " " + (e.innerText ?? "").trim().slice(0, 60);
  const out = (e, r) => r.left < box.left - 1 || r.right > box.right + 1 || (e.closest(".scroll") === null && (r.top < box.top - 1 || r.bottom > box.bottom + 1));
  const outside = box.left < 0 || box.top < 0 || box.right > innerWidth || box.bottom > innerHeight ? ["the dialog itself"] : [];
  const parts = [...dialog.querySelectorAll("*:not(.sr)")].filter((e) => e.offsetParent !== null && e.closest(".cut") === null);
  const wide = parts.filter((e) => e.clientWidth > 0 && e.scrollWidth > e.clientWidth + 1 && !e.matches("input"));
  return [...outside, ...new Set([...parts.filter((e) => out(e, e.getBoundingClientRect())), ...wide].map(name))].slice(0, 8);`;

class Desk {
  constructor(args, env) {
    Object.assign(this, { args, env });
  }

  /** Opens the window, 1440 × 900; again, after it was killed. */
  async open() {
    this.window = await open(process.env.QD_APP, this.args, this.env);
    await this.size(1440, 900);
  }

  /** Gives the window this size and waits until the page has followed. */
  async size(width, height) {
    await this.window.size(width, height);
    await until(`the page is ${width} px wide`, () => this.window.run("return innerWidth === arguments[0];", width));
  }

  /** All that is written in the window. */
  async text() {
    return (await this.window.text("body")) ?? "";
  }

  dialog() {
    return this.window.text('[role="dialog"]').then((text) => text ?? "");
  }

  /** What has the focus: its name. */
  focused() {
    return this.window.run("const e = document.activeElement; return e === document.body ? '' : (e.getAttribute('aria-label') ?? e.innerText ?? '').trim();");
  }

  /** The rows of the actions list. */
  rows() {
    return this.window.run(`return [...document.querySelectorAll(".act")].map((row) => ({
      key: row.querySelector("kbd")?.innerText ?? "",
      name: row.querySelector(".name")?.innerText ?? "",
      say: row.querySelector(".d")?.innerText ?? "",
      button: row.querySelector(".btn:not(.whole)")?.innerText ?? "",
      whole: row.querySelector(".btn.whole")?.innerText ?? "" }));`);
  }

  /** Waits until every source was heard and the pods are counted. */
  async drawn() {
    await this.says(/\d{3,} pods/, 60);
  }

  async says(pattern, seconds = 30) {
    let last = "";
    await until(`the window says ${pattern}`, async () => pattern.test((last = await this.text())), seconds).catch((error) => {
      throw new Error(`${error.message}; it says: ${last.replace(/\s+/g, " ").slice(0, 4500)}`);
    });
    return last;
  }

  async dialogSays(pattern, seconds = 30) {
    let last = "";
    await until(`the dialog says ${pattern}`, async () => pattern.test((last = await this.dialog())), seconds).catch((error) => {
      throw new Error(`${error.message}; it says: ${last.replace(/\s+/g, " ").slice(0, 2500)}`);
    });
    return last;
  }

  async closed() {
    await until("no dialog is open", async () => !(await this.window.has('[role="dialog"]')));
  }

  /** Arms from the guard dialog, by keyboard, and is back at the plan. */
  async arm(reason) {
    await this.dialogSays(/Read-only/);
    await this.window.enter(/^\s*Arm/);
    await until("the arming dialog has the focus", () => this.window.run("return document.activeElement?.tagName === 'INPUT';"));
    await this.window.type(reason);
    await this.window.keys(KEY.enter);
    await until("it is armed and back at the plan", async () => /Exact calls/.test(await this.dialog()) && !/Read-only/.test(await this.dialog()));
  }

  /** Puts text into the field of that name, in place of what is there. */
  async fill(label, text) {
    await this.window.tabTo(label);
    await this.window.chord(KEY.control, "a");
    await this.window.type(text);
  }

  /** No finding of axe-core in what is shown. */
  async accessible(what) {
    await this.window.run(`if (!window.axe) { ${readFileSync(AXE, "utf8")} }`);
    const found = await this.window.runAsync(`const done = arguments[arguments.length - 1];
      axe.run(document, { resultTypes: ["violations"], rules: { region: { enabled: false } } })
        .then((r) => done(r.violations.map((v) => v.id + ": " + v.nodes.slice(0, 4).map((n) => n.target.join(" ") + " " + (n.failureSummary ?? "").replace(/\\s+/g, " ").slice(0, 220)).join(" | "))), (e) => done([String(e)]));`);
    assert.deepEqual(found, [], `axe-core on ${what}`);
  }

  async shot(name) {
    // What the document says is on the glass two frames later.
    await this.window.runAsync("const done = arguments[arguments.length - 1]; requestAnimationFrame(() => requestAnimationFrame(() => done(true)));");
    await this.window.screenshot(join(process.env.SHOTS, `${name}.png`));
  }

  /** The open dialog in dark, in light and at 1024 × 700: a shot of each, no finding of axe-core, nothing cut off. */
  async dialogLooks(name) {
    const paint = (theme) => this.window.run("document.documentElement.dataset.theme = arguments[0];", theme);
    // The L key is the window's own, not a dialog's: the theme is put there as the page does it.
    const before = await this.window.run("return document.documentElement.dataset.theme;");
    for (const theme of ["light", "dark"]) {
      await paint(theme);
      await this.shot(`${name}-${theme}`);
      await this.accessible(`${name} in ${theme}`);
    }
    await paint(before);
    await this.size(1024, 700);
    await this.shot(`${name}-1024`);
    assert.deepEqual(await this.window.run(CUT_OFF), [], `${name}: cut off at 1024 × 700`);
    await this.size(1440, 900);
  }

  /** All that is shown, in light, then in dark, by the window's own key: a shot of each, no finding of axe-core. */
  async looks(name, what) {
    for (const theme of ["light", "dark"]) {
      await this.theme(theme);
      await this.shot(`${name}-${theme}`);
      await this.accessible(`${what} in ${theme}`);
    }
  }

  async theme(wanted) {
    const now = () => this.window.run("return document.documentElement.dataset.theme;");
    if ((await now()) !== wanted) await this.window.keys("l");
    await until(`the theme is ${wanted}`, async () => (await now()) === wanted);
  }
}
