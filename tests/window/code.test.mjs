// A role that takes a code of a device: nothing is asked until it is given, and after it everything is read. By keyboard alone.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { desk } from "./desk.mjs";
import { KEY, until } from "./driver.mjs";
import { simulated } from "./sim.mjs";

const platform = await simulated("calm", "--pods", "120", "--regions", "1", "--seed", "5", "--sign-in", "mfa");
const home = join(platform.dir, "home");
mkdirSync(home);
const { device } = await (await platform.signIn({ role_seconds: 600 })).json();
let at;
before(async () => (at = await desk(["--stack", platform.stack], platform.state, { HOME: home })));
after(async () => {
  await at.window.close();
  platform.stop();
});

/** The code of the device now, or of so many half minutes ahead (RFC 6238). */
function code(ahead = 0) {
  const bits = [...device.seed].map((letter) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(letter).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => Number.parseInt(byte, 2)));
  const step = Buffer.alloc(8);
  step.writeBigInt64BE(BigInt(Math.floor(Date.now() / 30_000) + ahead));
  const digest = createHmac("sha1", key).update(step).digest();
  return String((digest.readUInt32BE(digest[19] & 15) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

/** Types into the field, which has the focus, in place of what is left in it, and presses Enter. */
async function give(text, left = "") {
  await until(`the field has the focus and says ${left}`, () => at.window.run("const e = document.activeElement; return e?.tagName === 'INPUT' && e.value === arguments[0] && !e.readOnly;", left));
  await at.window.chord(KEY.control, "a");
  await at.window.type(text);
  await at.window.keys(KEY.enter);
}

test("nothing is asked before a code, and the dialog names the device and takes six digits only", { timeout: 90_000 }, async () => {
  await at.says(/CREDENTIALS NOT USABLE/, 40);
  assert.match(await at.text(), /with a code of arn:aws:iam::100200300400:mfa\/on-call, and none was given yet/);
  await at.shot("code-strip");
  await at.window.enter(/^Sign in…$/, 120);
  await at.dialogSays(/six digits/);
  assert.match(await at.dialog(), /role operations of account 100200300400/);
  assert.match(await at.dialog(), /arn:aws:iam::100200300400:mfa\/on-call/);
  await at.dialogLooks("code");
  await give("12345");
  await at.dialogSays(/A code is six digits/);
  assert.equal(await at.window.run("return document.activeElement.getAttribute('aria-invalid');"), "true");
  await at.shot("code-unfit");
});

test("a wrong code is a sentence that says a code is good once, and leaves room for the next", { timeout: 60_000 }, async () => {
  const near = new Set([-2, -1, 0, 1, 2, 3].map(code));
  await give(["000000", "000001", "000002", "000003", "000004", "000005", "000006"].find((other) => !near.has(other)), "12345");
  await at.dialogSays(/AWS did not give role operations/, 30);
  assert.match(await at.dialog(), /A code is good once/);
  await at.dialogLooks("code-wrong");
});

test("a right code signs in and everything is read; a session that ends soon says so, and the next code renews it", { timeout: 150_000 }, async () => {
  const right = code();
  await give(`${right.slice(0, 3)} ${right.slice(3)}`);
  await at.closed();
  await at.drawn();
  await at.says(/CREDENTIALS EXPIRING/, 60);
  await at.shot("code-expiring");
  const cache = join(home, ".aws/cli/cache");
  const kept = readdirSync(cache).map((name) => JSON.parse(readFileSync(join(cache, name), "utf8")));
  assert.equal(kept.length, 1, "the session is where the AWS CLI keeps it");
  const page = await at.window.run("return document.documentElement.outerHTML + JSON.stringify(Object.assign({}, localStorage)) + [...document.querySelectorAll('input')].map((e) => e.value).join();");
  for (const secret of [kept[0].Credentials.SecretAccessKey, kept[0].Credentials.SessionToken, right]) assert.equal(page.includes(secret), false, "and not in the page");
  await platform.signIn({ role_seconds: 3600 });
  await at.window.enter(/^Sign in…$/, 120);
  await at.dialogSays(/six digits/);
  await give(code(1));
  await at.closed();
  await until("the strip is gone", async () => !(await at.window.has(".strip")), 60);
  await until("the focus is not lost with the strip", async () => (await at.focused()) !== "");
  await at.shot("code-done");
});
