// Secrets stay in the backend: nothing of them is in the page, nor anywhere in the memory of the process that draws it.
import assert from "node:assert/strict";
import { closeSync, openSync, readFileSync, readSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { desk } from "./desk.mjs";
import { simulated } from "./sim.mjs";

const SECRET = "CanarySecretKeyQ7vT2mXz9pLk4RwB8nYdE1sHf6GjUc0Ao";
const TOKEN = "CanarySessionTokenIQoJb3JpZ2luX2VjEJrF5wK8tYx2Zq7";

/** Parent of every process, and its name. */
function processes() {
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name)).flatMap((pid) => {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      const end = stat.lastIndexOf(")");
      return [{ pid: Number(pid), name: stat.slice(stat.indexOf("(") + 1, end), parent: Number(stat.slice(end + 2).split(" ")[1]) }];
    } catch {
      return [];
    }
  });
}

function below(pid, all) {
  const own = all.filter((one) => one.parent === pid);
  return own.flatMap((one) => [one, ...below(one.pid, all)]);
}

/** How many of the words are somewhere in what a process can write to, and how much that is. */
function held(pid, words) {
  const memory = openSync(`/proc/${pid}/mem`, "r");
  const found = new Set();
  let bytes = 0;
  for (const line of readFileSync(`/proc/${pid}/maps`, "utf8").split("\n")) {
    const range = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line);
    if (range === null) continue;
    const [from, to] = [BigInt(`0x${range[1]}`), BigInt(`0x${range[2]}`)];
    for (let at = from; at < to; at += 1n << 24n) {
      const size = Number(to - at < 1n << 24n ? to - at : 1n << 24n);
      const part = Buffer.alloc(size);
      try {
        bytes += readSync(memory, part, 0, size, at);
      } catch {
        continue;
      }
      for (const word of words) if (part.includes(word) || part.includes(Buffer.from(word, "utf16le"))) found.add(word);
    }
  }
  closeSync(memory);
  return { found: [...found], bytes };
}

test("no secret is in the page or in the memory of the process that draws it", { timeout: 120_000 }, async () => {
  const platform = await simulated("dlq-fills", "--pods", "120", "--regions", "1", "--seed", "5");
  const file = join(platform.dir, "aws/credentials");
  const keys = readFileSync(file, "utf8").replace(/aws_secret_access_key = .*/, `aws_secret_access_key = ${SECRET}`);
  writeFileSync(file, `${keys.trimEnd()}\naws_session_token = ${TOKEN}\n`);
  const bearer = /token: (\S+)/.exec(readFileSync(join(platform.dir, "kubeconfig"), "utf8"))[1];
  const canaries = [SECRET, TOKEN, bearer];
  const at = await desk(["--stack", platform.stack], platform.state);
  try {
    await at.drawn();
    const page = await at.window.run("return document.documentElement.outerHTML + JSON.stringify({ ...localStorage, ...sessionStorage });");
    for (const canary of canaries) assert.ok(!page.includes(canary), "in the page");
    const all = below(at.window.driver.pid, processes());
    const web = all.filter((one) => one.name.startsWith("WebKitWebProces"));
    assert.equal(web.length, 1, JSON.stringify(all));
    // The search works: the platform's name, which the page does show, is found.
    const shown = /^name = "(.*)"/m.exec(readFileSync(platform.stack, "utf8"))[1];
    const { found, bytes } = held(web[0].pid, [...canaries, shown]);
    assert.ok(bytes > 10_000_000, `${bytes} bytes were read`);
    assert.deepEqual(found, [shown]);
    for (const one of all) {
      const environ = readFileSync(`/proc/${one.pid}/environ`, "utf8");
      for (const canary of canaries) assert.ok(!environ.includes(canary), `in the environment of ${one.name}`);
    }
  } finally {
    await at.window.close();
    platform.stop();
  }
});
