// A program that a kubeconfig signs in by: looked at and approved by keyboard, and reading begins by itself.
import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { desk } from "./desk.mjs";
import { KEY, until } from "./driver.mjs";
import { simulated } from "./sim.mjs";

const platform = await simulated("calm", "--pods", "120", "--regions", "1", "--seed", "5");
const folder = join(platform.dir, "bin");
const program = join(folder, "corp-login");
const ran = join(folder, "ran");
mkdirSync(folder);
const kubeconfig = join(platform.dir, "kubeconfig");
const written = readFileSync(kubeconfig, "utf8");
const [TOKEN] = /(?<=token: )\S+/.exec(written);
const answer = JSON.stringify({ kind: "ExecCredential", apiVersion: "client.authentication.k8s.io/v1", status: { token: TOKEN } });
writeFileSync(program, `#!/bin/sh\necho ran >> '${ran}'\necho '${answer}'\n`);
chmodSync(program, 0o755);
const exec = { apiVersion: "client.authentication.k8s.io/v1", command: program, args: ["get-token", "--audience", "trading"], env: [{ name: "CORP_LOGIN_KEY", value: "hush-hush" }], interactiveMode: "Never" };
const [context] = /(?<=current-context: )\S+/.exec(written);
const [server] = /(?<=server: )\S+/.exec(written);
writeFileSync(kubeconfig, JSON.stringify({ apiVersion: "v1", kind: "Config", "current-context": context, clusters: [{ name: "c", cluster: { server: server.replace(/^"|"$/g, "") } }], contexts: [{ name: context, context: { cluster: "c", user: "me" } }], users: [{ name: "me", user: { exec } }] }));

let at;
before(async () => (at = await desk(["--stack", platform.stack], platform.state)));
after(async () => {
  await at.window.close();
  platform.stop();
});

test("a program that nobody approved is not run; the strip leads to what is known of it", { timeout: 90_000 }, async () => {
  await at.says(/PROGRAM NOT APPROVED/, 40);
  await at.shot("program-strip");
  await at.window.enter(/^Look at the program…$/, 120);
  const dialog = await at.dialogSays(/SHA-256/);
  for (const words of [program, "get-token --audience trading", "CORP_LOGIN_KEY", context]) assert.ok(dialog.includes(words), `${words} in ${dialog}`);
  assert.equal((await at.text()).includes("hush-hush"), false, "what a variable is set to is not shown");
  // What approves does not have the focus: Enter closes.
  assert.match(await at.focused(), /^Close/);
  await at.dialogLooks("program");
  await at.window.keys(KEY.enter);
  await at.closed();
  await at.window.enter(/^Look at the program…$/, 120);
  await at.dialogSays(/SHA-256/);
  await at.window.keys(KEY.escape);
  await at.closed();
  assert.equal(existsSync(ran), false, "it was not run");
});

test("approved, it is run, and the cluster is read without another press", { timeout: 120_000 }, async () => {
  await at.window.enter(/^Look at the program…$/, 120);
  await at.dialogSays(/SHA-256/);
  await at.window.enter(/^Approve$/);
  await at.closed();
  await until("the strip is gone", async () => !(await at.window.has(".strip")), 60);
  await until("the focus is not lost with the strip", async () => (await at.focused()) !== "");
  await at.drawn();
  assert.equal(readFileSync(ran, "utf8"), "ran\n", "it was run once");
  const page = await at.window.run("return document.documentElement.outerHTML + JSON.stringify(Object.assign({}, localStorage));");
  assert.equal(page.includes(TOKEN), false, "its token is not in the page");
  await at.shot("program-approved");
});

test("changed since, it waits again when it is next needed", { timeout: 120_000 }, async () => {
  await at.window.close();
  writeFileSync(program, `${readFileSync(program, "utf8")}# and more\n`);
  await at.open();
  await at.says(/PROGRAM CHANGED/, 40);
  await at.window.enter(/^Look at the program…$/, 120);
  await at.dialogSays(/changed since it was approved/);
  await at.shot("program-changed");
  assert.equal(readFileSync(ran, "utf8"), "ran\n", "it was not run");
});
