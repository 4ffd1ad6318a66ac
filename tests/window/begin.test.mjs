// The first minute: somebody who has ~/.aws/config and nothing else looks at the platform, keeps it, finds it
// again the next time without a word, and turns to another.
import assert from "node:assert/strict";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { desk } from "./desk.mjs";
import { KEY, until } from "./driver.mjs";
import { simulated } from "./sim.mjs";

const platform = await simulated("dlq-fills", "--pods", "120", "--regions", "1", "--seed", "5");
const home = join(platform.dir, "home");
const kept = join(home, ".config/quarterdeck");
mkdirSync(home);
cpSync(join(platform.dir, "aws"), join(home, ".aws"), { recursive: true });
const profile = /\[profile ([^\]]+)\]/.exec(readFileSync(join(home, ".aws/config"), "utf8"))[1];
const env = { HOME: home, XDG_CONFIG_HOME: join(home, ".config"), AWS_CONFIG_FILE: undefined };
const start = () => desk([], platform.state, env);
let at;
before(async () => (at = await start()));
after(async () => {
  await at.window.close();
  platform.stop();
});

/** Chooses in the palette, by keyboard. */
async function palette(words) {
  await at.window.chord(KEY.control, "k");
  await until("the palette takes words", () => at.window.run("return document.activeElement?.getAttribute('role') === 'combobox';"));
  await at.window.type(words);
  await until(`the palette offers ${words}`, async () => (await at.dialog()).toLowerCase().includes(words.toLowerCase()));
  await at.window.keys(KEY.enter);
}

test("the profiles of ~/.aws/config are offered, and one is looked through by keyboard", { timeout: 90_000 }, async () => {
  await at.says(/Which platform/);
  await at.says(new RegExp(`${profile}[\\s\\S]*keys in a file`));
  await at.looks("begin", "the question for a platform");
  await at.window.enter(new RegExp(`^${profile}`));
  await at.says(/Look through profile/);
  await at.fill(/Regions/, "us-east-1");
  await at.shot("begin-regions");
  await at.window.keys(KEY.enter);
  const said = await at.says(/leads to[\s\S]*Account 100200300400/, 60);
  assert.match(said, /Cluster \S+ in us-east-1, signed in to through EKS as this account/);
  assert.match(said, /\d+ edges between them/);
  assert.match(said, /Pod\s+1\d\d/i);
  // The focus is where one types, so that the window's own key for the theme is a letter there.
  for (const theme of ["light", "dark"]) {
    await at.window.run("document.documentElement.dataset.theme = arguments[0];", theme);
    await at.shot(`begin-found-${theme}`);
    await at.accessible(`what a profile leads to, in ${theme}`);
  }
  await at.size(1024, 700);
  await at.shot("begin-found-1024");
  assert.ok((await at.window.run("return document.documentElement.scrollWidth - innerWidth;")) <= 0, "nothing is wider than the window");
  await at.size(1440, 900);
});

test("what is kept is a stack file for its owner alone, pinned to the account, and drawn at once", { timeout: 120_000 }, async () => {
  await at.fill(/platform's name/, "Meridian / Trading");
  await at.window.keys(KEY.enter);
  await at.drawn();
  const file = join(kept, "meridian-trading.toml");
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.match(readFileSync(file, "utf8"), /id = "100200300400"/);
  await at.says(/Meridian \/ Trading/);
  await at.shot("begin-kept");
});

test("started again without a word it shows the one platform there is", { timeout: 120_000 }, async () => {
  await at.window.close();
  at = await start();
  await at.says(/Meridian \/ Trading/);
  await at.drawn();
});

test("another platform is chosen by the palette; one whose file is wrong says where", { timeout: 120_000 }, async () => {
  writeFileSync(join(kept, "wrong.toml"), 'name = "Wrong"\nenviroment = "prod"\n');
  writeFileSync(join(kept, "second.toml"), readFileSync(join(kept, "meridian-trading.toml"), "utf8").replace(/^name = .*$/m, 'name = "Second"'));
  await palette("Choose another platform");
  await at.says(/Which platform[\s\S]*wrong\.toml, line 2/);
  await at.shot("begin-several");
  await at.accessible("the platforms that are kept");
  await at.window.enter(/^Second/);
  await at.drawn();
  await at.says(/Second/);
  await palette("Open Meridian");
  await until("the first platform is back", async () => /Meridian \/ Trading/.test((await at.window.text(".env")) ?? ""), 60);
  await at.drawn();
});

test("the only file that is kept may be wrong: mended, it is tried again without starting anew", { timeout: 120_000 }, async () => {
  await at.window.close();
  const right = readFileSync(join(kept, "second.toml"), "utf8");
  for (const name of readdirSync(kept)) rmSync(join(kept, name));
  writeFileSync(join(kept, "second.toml"), right.replace("environment", "enviroment"));
  at = await start();
  await at.says(/cannot be opened[\s\S]*line 2/);
  await at.accessible("a stack file that cannot be opened");
  await at.shot("begin-wrong");
  writeFileSync(join(kept, "second.toml"), right);
  await at.window.enter(/^Try again$/);
  await at.drawn();
});
