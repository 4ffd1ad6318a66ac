// A W3C WebDriver client of the few calls these tests need, over Debian's WebKitWebDriver, which
// drives the real window without any other driver (https://www.w3.org/TR/webdriver2/).
import { spawn } from "node:child_process";
import { createServer } from "node:net";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/** A loopback port nobody listens on now. */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** Awaits `probe` until it returns something truthy; says what was awaited when it never does. */
export async function until(what, probe, seconds = 30) {
  const deadline = Date.now() + seconds * 1000;
  let last;
  for (;;) {
    try {
      const value = await probe();
      if (value) return value;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline) throw new Error(`not within ${seconds} s: ${what}${last ? ` (${last.message})` : ""}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Opens the app's window and returns its session. */
export async function open(binary, args, env) {
  const port = await freePort();
  const driver = spawn("WebKitWebDriver", [`--port=${port}`, "--host=127.0.0.1"], {
    detached: true,
    stdio: "ignore",
    env: { ...process.env, ...env, TAURI_WEBVIEW_AUTOMATION: "true", NO_AT_BRIDGE: "1" },
  });
  // A window that does not open keeps no file from ending and leaves no driver behind.
  driver.unref();
  process.once("exit", () => driver.kill());
  const base = `http://127.0.0.1:${port}`;
  await until("WebKitWebDriver answers", async () => (await fetch(`${base}/status`)).ok);
  const call = async (method, path, body) => {
    const answer = await fetch(base + path, { method, body: body && JSON.stringify(body), headers: { "content-type": "application/json" } });
    const { value } = await answer.json();
    if (!answer.ok) throw new Error(`${method} ${path}: ${value.error}: ${value.message}`);
    return value;
  };
  const capabilities = { alwaysMatch: { browserName: "wry", "webkitgtk:browserOptions": { binary, args } } };
  const { sessionId } = await call("POST", "/session", { capabilities });
  return new Window(`/session/${sessionId}`, call, driver);
}

class Window {
  constructor(session, call, driver) {
    Object.assign(this, { session, call, driver });
  }

  /** Runs `body` in the page with `args`; returns what it returns. */
  run(body, ...args) {
    return this.call("POST", `${this.session}/execute/sync`, { script: body, args });
  }

  /** Runs `body` in the page and waits for what it hands to its last argument. */
  runAsync(body, ...args) {
    return this.call("POST", `${this.session}/execute/async`, { script: body, args });
  }

  /** The text of the first element that matches, or null. */
  text(css) {
    return this.run("const e = document.querySelector(arguments[0]); return e && e.innerText;", css);
  }

  /** Whether an element matches. */
  has(css) {
    return this.run("return !!document.querySelector(arguments[0]);", css);
  }

  /** Real key presses into whatever has the focus. */
  async keys(...keys) {
    const actions = keys.flatMap((value) => [{ type: "keyDown", value }, { type: "keyUp", value }]);
    await this.call("POST", `${this.session}/actions`, { actions: [{ type: "key", id: "keyboard", actions }] });
  }

  /** Keeps a key down, with its auto-repeats, then lets it go. */
  async repeated(value, times) {
    const actions = [...Array.from({ length: times }, () => ({ type: "keyDown", value })), { type: "keyUp", value }];
    await this.call("POST", `${this.session}/actions`, { actions: [{ type: "key", id: "keyboard", actions }] });
  }

  /** Holds one key down while another is held down for `ms`. */
  async holdChord(held, value, ms) {
    const actions = [{ type: "keyDown", value: held }, { type: "keyDown", value }, { type: "pause", duration: ms }, { type: "keyUp", value }, { type: "keyUp", value: held }];
    await this.call("POST", `${this.session}/actions`, { actions: [{ type: "key", id: "keyboard", actions }] });
  }

  /** Presses a key while another is held. */
  async chord(held, value) {
    const actions = [{ type: "keyDown", value: held }, { type: "keyDown", value }, { type: "keyUp", value }, { type: "keyUp", value: held }];
    await this.call("POST", `${this.session}/actions`, { actions: [{ type: "key", id: "keyboard", actions }] });
  }

  /** Presses Tab until the focused element's text matches, as somebody without a mouse would. The page itself, which has
   * the focus when nothing else has, is no element: its text is all that is shown. */
  async tabTo(pattern, most = 60) {
    for (let i = 0; i < most; i++) {
      const text = await this.run("const e = document.activeElement; return e && e !== document.body ? (e.innerText || e.getAttribute('aria-label') || e.labels?.[0]?.innerText || '') : '';");
      if (pattern.test(text)) return text;
      await this.keys(KEY.tab);
    }
    throw new Error(`Tab does not lead to ${pattern}`);
  }

  /** Tabs to what matches and presses Enter there. */
  async enter(pattern, most) {
    await this.tabTo(pattern, most);
    await this.keys(KEY.enter);
  }

  /** Types text into whatever has the focus. */
  type(text) {
    return this.keys(...text);
  }

  /** Sets the window's size. */
  size(width, height) {
    return this.call("POST", `${this.session}/window/rect`, { width, height });
  }

  /** Writes what the window shows to a PNG file. */
  async screenshot(file) {
    const data = await this.call("GET", `${this.session}/screenshot`);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, Buffer.from(data, "base64"));
  }

  /** Closes the window politely, then whatever is left of it. */
  async close() {
    await Promise.race([
      this.call("DELETE", this.session).catch(() => {}),
      new Promise((resolve) => setTimeout(resolve, 5000)),
    ]);
    this.kill();
  }

  /** Kills driver and window at once, as a crash would. */
  kill() {
    try {
      process.kill(-this.driver.pid, "SIGKILL");
    } catch {
      // already gone
    }
  }
}

/** WebDriver's codes of the keys that are no characters. */
export const KEY = { enter: "\uE007", escape: "\uE00C", tab: "\uE004", control: "\uE009", shift: "\uE008", up: "\uE013", down: "\uE015", left: "\uE012", right: "\uE014", space: " " };
