// Signing in from the window: nobody is signed in, a code is confirmed elsewhere, and reading begins by itself.
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { desk } from "./desk.mjs";
import { until } from "./driver.mjs";
import { simulated } from "./sim.mjs";

const platform = await simulated("calm", "--pods", "120", "--regions", "1", "--seed", "5", "--sign-in", "sso");
const home = join(platform.dir, "home");
mkdirSync(home);
let at;
before(async () => (at = await desk(["--stack", platform.stack], platform.state, { HOME: home })));
after(async () => {
  await at.window.close();
  platform.stop();
});

/** The code in the dialog, once there is one. */
async function code() {
  await at.dialogSays(/if it shows this code/, 30);
  return at.window.text(".code");
}

test("who is not signed in is told, and a code that is refused is a sentence with a way on", { timeout: 90_000 }, async () => {
  await at.says(/CREDENTIALS EXPIRED/, 40);
  await at.window.enter(/^Sign in…$/, 120);
  const given = await code();
  assert.match(given, /^[A-Z0-9-]{6,}$/);
  assert.match(await at.dialog(), /user_code=/);
  await at.dialogLooks("sign-in");
  await platform.signIn({ deny: given });
  await at.dialogSays(/refused/i, 30);
  await at.shot("sign-in-refused");
  await at.accessible("a refused sign-in");
});

test("a code that is confirmed signs in, and everything is read without another press", { timeout: 120_000 }, async () => {
  await at.window.enter(/^Begin again$/);
  await platform.signIn({ approve: await code() });
  await at.closed();
  await until("the strip is gone", async () => !(await at.window.has(".strip")), 60);
  await at.drawn();
  const cache = join(home, ".aws/sso/cache");
  const tokens = readdirSync(cache).map((name) => JSON.parse(readFileSync(join(cache, name), "utf8"))).filter((file) => file.accessToken);
  assert.equal(tokens.length, 1, "the token is where the AWS CLI keeps it");
  const page = await at.window.run("return document.documentElement.outerHTML + JSON.stringify(Object.assign({}, localStorage));");
  assert.equal(page.includes(tokens[0].accessToken), false, "and not in the page");
  await at.shot("sign-in-done");
});
