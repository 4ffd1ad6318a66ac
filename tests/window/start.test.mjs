// How the window begins when there is nothing to look at: it says so and what to do.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { desk } from "./desk.mjs";
import { simulated } from "./sim.mjs";

const dir = mkdtempSync(join(tmpdir(), "quarterdeck-start-"));

test("a stack file that cannot be read is an error with line and column, never the simulator", { timeout: 60_000 }, async (t) => {
  const file = join(dir, "broken.toml");
  writeFileSync(file, 'name = "Meridian"\nenvironment = "prod"\n\n[[account]]\nprofile = meridian\n');
  const at = await desk(["--stack", file], join(dir, "state"));
  t.after(() => at.window.close());
  const said = await at.says(/cannot be opened/);
  assert.match(said, /line 5/i);
  assert.match(said, /column \d+/i);
  assert.match(said, /broken\.toml/);
  assert.doesNotMatch(said, /SIMULATED|pods/);
  await at.shot("start-broken");
  await at.accessible("the error screen");
});

test("without a stack it asks, and offers the drill by keyboard", { timeout: 90_000 }, async (t) => {
  const at = await desk([], join(dir, "state"));
  t.after(() => at.window.close());
  await at.says(/Which platform/);
  await at.shot("start-nothing");
  await at.accessible("the question for a platform");
  await at.window.enter(/dead-letter/i);
  await at.says(/SIMULATED/, 60);
  await at.drawn();
});

test("a name is plain text, whatever is in it and however long it is", { timeout: 90_000 }, async (t) => {
  const platform = await simulated("calm", "--pods", "120");
  t.after(() => platform.stop());
  const file = join(platform.dir, "odd.toml");
  const name = `<img src=x onerror=document.title='owned'><b>bold</b>\\u202Egpj.exe ${"long ".repeat(100)}`;
  writeFileSync(file, readFileSync(platform.stack, "utf8").replace(/^name = .*$/m, `name = "${name}"`));
  const at = await desk(["--stack", file], platform.state);
  t.after(() => at.window.close());
  await at.drawn();
  const shown = await at.window.text(".env");
  assert.match(shown, /<img src=x onerror=document\.title='owned'><b>bold<\/b>\ufffdgpj\.exe/);
  assert.equal(await at.window.has(".env img, .env b"), false, "no element is made of it");
  for (const [width, height] of [[1440, 900], [1024, 700]]) {
    await at.size(width, height);
    assert.ok((await at.window.run("return document.documentElement.scrollWidth - innerWidth;")) <= 0, "it pushes nothing out of the window");
    assert.match(await at.window.text(".arm"), /read-only/);
    assert.ok(await at.window.run("const r = document.querySelector('.arm').getBoundingClientRect(); return r.right <= innerWidth && r.width > 40;"), "what says read-only stays in sight");
  }
  await at.shot("start-odd-name");
});

test("without a display make run says so, and offers the terminal", () => {
  const said = spawnSync("make", ["-n", "run"], { cwd: new URL("../..", import.meta.url), encoding: "utf8" });
  assert.equal(said.status, 0, said.stderr);
  const script = /if \[ -z "\$DISPLAY\$WAYLAND_DISPLAY" \][\s\S]*?fi;/.exec(said.stdout)?.[0];
  assert.ok(script, said.stdout);
  const run = spawnSync("bash", ["-c", script], { env: { PATH: process.env.PATH }, encoding: "utf8" });
  assert.equal(run.status, 1);
  assert.match(run.stdout, /no display/);
  assert.match(run.stdout, /qd status --stack/);
});
