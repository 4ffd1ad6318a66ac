// The installed package as somebody meets it who has ~/.aws/config and nothing else: it starts with no environment of
// a shell, finds the profile, draws the platform, and a link brings the open window to a node.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { desk } from "../window/desk.mjs";
import { KEY, until } from "../window/driver.mjs";
import { simulated } from "../window/sim.mjs";

const platform = await simulated("calm", "--pods", "120", "--regions", "1", "--seed", "5");
const home = join(platform.dir, "home");
mkdirSync(join(home, "run"), { recursive: true, mode: 0o700 });
cpSync(join(platform.dir, "aws"), join(home, ".aws"), { recursive: true });
const profile = /\[profile ([^\]]+)\]/.exec(readFileSync(join(home, ".aws/config"), "utf8"))[1];
const env = { HOME: home, XDG_CONFIG_HOME: join(home, ".config"), XDG_RUNTIME_DIR: join(home, "run"), PATH: "/usr/bin:/bin" };
let at;
before(async () => (at = await desk([], platform.state, env)));
after(async () => {
  await at.window.close();
  platform.stop();
});

test("it starts, finds the profile and draws its platform", { timeout: 120_000 }, async () => {
  await at.says(/Which platform/);
  await at.window.enter(new RegExp(`^${profile}`));
  await at.says(/Look through profile/);
  // The region of the profile stands there already.
  await at.window.tabTo(/Regions/);
  assert.equal(await at.window.run("return document.activeElement.value;"), "us-east-1");
  await at.window.keys(KEY.enter);
  await at.says(/edges between them/, 60);
  await at.window.tabTo(/platform's name/);
  await at.window.keys(KEY.enter);
  await at.drawn();
  await at.shot("package-drawn");
});

test("a link that is followed selects its node in the open window, and nothing else is opened", { timeout: 60_000 }, async () => {
  const topology = spawnSync("/usr/bin/qd", ["topology", "--stack", platform.stack, "--json"], { env: { ...process.env, XDG_STATE_HOME: join(home, "other") }, encoding: "utf8", maxBuffer: 1 << 28 });
  const queue = JSON.parse(topology.stdout).nodes.find((node) => node.kind === "queue");
  const link = `quarterdeck://node?id=${encodeURIComponent(queue.id)}`;
  const followed = spawnSync("/usr/bin/quarterdeck", [link], { env: { ...process.env, ...env }, encoding: "utf8", timeout: 20_000 });
  assert.equal(followed.status, 0, `the second process ends by itself: ${followed.stderr}`);
  await until("the inspector shows the queue", async () => ((await at.window.text("aside.insp")) ?? "").includes(queue.name));
  await at.shot("package-link");
});
