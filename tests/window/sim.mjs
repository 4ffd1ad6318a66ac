// The simulated platform beside a window under test.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** Starts `qd sim` and resolves once it is ready. */
export async function simulated(scenario, ...options) {
  const dir = mkdtempSync(join(tmpdir(), "quarterdeck-window-"));
  const child = spawn(process.env.QD_BIN, ["sim", "--scenario", scenario, "--dir", dir, ...options], { stdio: ["ignore", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout });
  const ready = await new Promise((resolve, reject) => {
    lines.once("line", (line) => resolve(JSON.parse(line)));
    child.once("exit", (code) => reject(new Error(`qd sim ended with ${code}`)));
  });
  const control = readFileSync(join(dir, "control"), "utf8").split("\n")[0].trim();
  return {
    dir,
    stack: ready.stack,
    state: join(dir, "state"),
    advance: (seconds) => fetch(`${control}/advance`, { method: "POST", body: JSON.stringify({ seconds }), headers: { "content-type": "application/json" } }),
    stop: () => child.kill("SIGTERM"),
  };
}
