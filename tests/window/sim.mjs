// The simulated platform beside a window under test.
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** Starts `qd sim` and resolves once it is ready. */
export async function simulated(scenario, ...options) {
  const dir = mkdtempSync(join(tmpdir(), "quarterdeck-window-"));
  const child = spawn(process.env.QD_BIN, ["sim", "--scenario", scenario, "--dir", dir, ...options], { stdio: ["ignore", "pipe", "inherit"] });
  // What fails before its tests leaves none behind.
  process.once("exit", () => child.kill());
  const lines = createInterface({ input: child.stdout });
  const ready = await new Promise((resolve, reject) => {
    lines.once("line", (line) => resolve(JSON.parse(line)));
    child.once("exit", (code) => reject(new Error(`qd sim ended with ${code}`)));
  });
  const control = readFileSync(join(dir, "control"), "utf8").split("\n")[0].trim();
  const post = (path, body) => fetch(`${control}/${path}`, { method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json" } });
  const state = join(dir, "state");
  return {
    dir,
    stack: ready.stack,
    state,
    advance: (seconds) => post("advance", { seconds }),
    /** Lets the world's time run faster from now on, to the end: so many seconds more each second. */
    hurry: (seconds) => void setInterval(() => void post("advance", { seconds }).catch(() => {}), 1000).unref(),
    fault: (spec) => post("faults", { spec }),
    /** Says yes or no to a code in the browser of its IAM Identity Center. */
    signIn: (body) => post("sign-in", body),
    mend: () => fetch(`${control}/faults`, { method: "DELETE" }),
    world: async () => (await fetch(`${control}/state`)).json(),
    /** Puts `count` more messages into a queue, by SQS's own API, and waits until they are there. */
    send: (region, queue, count) => send(ready, region, queue, count),
    /** The rows of the audit, as `qd` prints them. */
    audit: () => {
      const out = spawnSync(process.env.QD_BIN, ["audit", "export"], { env: { ...process.env, XDG_STATE_HOME: state }, encoding: "utf8" });
      return out.stdout.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
    },
    stop: () => child.kill("SIGTERM"),
  };
}

/** `SendMessageBatch` in the JSON protocol (SQS API model 2012-11-05); the simulated platform routes by the scope of the signature and does not check it. */
async function send(ready, region, queue, count) {
  const account = "100200300400";
  for (let at = 0; at < count; at += 10) {
    const entries = Array.from({ length: Math.min(10, count - at) }, (_, i) => ({ Id: `m${i}`, MessageBody: JSON.stringify({ schemaVersion: 1, n: at + i }) }));
    const answer = await fetch(ready.aws, {
      method: "POST",
      headers: {
        "content-type": "application/x-amz-json-1.0",
        "x-amz-target": "AmazonSQS.SendMessageBatch",
        authorization: `AWS4-HMAC-SHA256 Credential=AKIASIMULATED/20260101/${region}/sqs/aws4_request, SignedHeaders=host, Signature=00`,
      },
      body: JSON.stringify({ QueueUrl: `https://sqs.${region}.amazonaws.com/${account}/${queue}`, Entries: entries }),
    });
    if (!answer.ok) throw new Error(`SendMessageBatch: ${answer.status} ${await answer.text()}`);
  }
}
