// Credentials as a state: the window says what shuts us out and what to do, and goes on by itself once it is put right.
import assert from "node:assert/strict";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { desk } from "./desk.mjs";
import { until } from "./driver.mjs";
import { simulated } from "./sim.mjs";

const SIGNED_OUT = (profile) => `
[profile ${profile}]
region = us-east-1
sso_session = corp
sso_account_id = 111122223333
sso_role_name = Read
[sso-session corp]
sso_start_url = https://nobody-is-signed-in.awsapps.com/start
sso_region = us-east-1
`;

/** What of the strip or the status bar is out of the window or over its neighbour. */
const CROWDED = `
  const boxes = [...document.querySelectorAll(".strip > *, .strip .btn, .st > .chip")].map((e) => [e.innerText, e.getBoundingClientRect()]);
  return boxes.filter(([, r]) => r.left < 0 || r.right > innerWidth + 1 || r.width < 8).map(([text]) => text);`;

async function looksEverywhere(at, name) {
  await at.looks(name, name);
  await at.size(1024, 700);
  await at.shot(`${name}-1024`);
  assert.deepEqual(await at.window.run(CROWDED), [], `${name}: crowded at 1024 × 700`);
  await at.size(1440, 900);
}

test("signed out: what to do is said, and one press after it reading goes on", { timeout: 150_000 }, async (t) => {
  const platform = await simulated("calm", "--pods", "120", "--regions", "1");
  t.after(() => platform.stop());
  const config = join(platform.dir, "aws/config");
  const credentials = join(platform.dir, "aws/credentials");
  const good = { config: readFileSync(config, "utf8"), credentials: readFileSync(credentials, "utf8") };
  const profile = /\[profile (.*)\]/.exec(good.config)[1];
  writeFileSync(config, SIGNED_OUT(profile));
  writeFileSync(credentials, "");
  const at = await desk(["--stack", platform.stack], platform.state);
  t.after(() => at.window.close());
  await at.says(/CREDENTIALS EXPIRED/, 40);
  const strip = await at.window.text(".strip.critical");
  assert.match(strip, new RegExp(`profile ${profile} \\(account \\d{12}\\) have expired`));
  assert.match(strip, /Sign in again; reading goes on by itself/);
  assert.match(await at.window.run("return document.querySelector('.strip .cmd').title;"), new RegExp(`^qd login ${profile} --stack `));
  assert.match(await at.window.text(".st .chip"), new RegExp(`${profile}\\s+expired`));
  await looksEverywhere(at, "credentials-expired");
  writeFileSync(config, good.config);
  writeFileSync(credentials, good.credentials);
  await at.window.enter(/Try again/, 120);
  await until("the strip is gone", async () => !(await at.window.has(".strip")), 30);
  await at.says(/SIMULATED/, 30);
  assert.equal(await at.window.has(".st .chip"), false);
  await at.shot("credentials-mended");
});

test("what ends soon is counted down, and nothing is greyed for it", { timeout: 120_000 }, async (t) => {
  const platform = await simulated("calm", "--pods", "120", "--regions", "1");
  t.after(() => platform.stop());
  const own = join(platform.dir, "own-config");
  const program = join(platform.dir, "program");
  const keys = { Version: 1, AccessKeyId: "AKIA1", SecretAccessKey: "x", SessionToken: "t", Expiration: new Date(Date.now() + 14 * 60_000).toISOString() };
  writeFileSync(program, `#!/bin/sh\necho '${JSON.stringify(keys)}'\n`);
  chmodSync(program, 0o755);
  const lines = readFileSync(join(platform.dir, "aws/config"), "utf8").trimEnd();
  writeFileSync(own, `${lines}\ncredential_process = ${program}\n`);
  const stack = join(platform.dir, "own.toml");
  writeFileSync(stack, readFileSync(platform.stack, "utf8").replace(/^aws_.*\n/gm, ""));
  process.env.AWS_CONFIG_FILE = own;
  t.after(() => delete process.env.AWS_CONFIG_FILE);
  const at = await desk(["--stack", stack], platform.state);
  t.after(() => at.window.close());
  await at.says(/CREDENTIALS EXPIRING/, 40);
  assert.match(await at.window.text(".st .chip"), /ends in 1[23] min/);
  assert.match(await at.window.text(".strip.warning"), /credential_process of profile/);
  await looksEverywhere(at, "credentials-expiring");
  assert.doesNotMatch(await at.window.text(".top"), /no source answers/);
});
