import { mount } from "svelte";
import App from "./App.svelte";
import "./app.css";
import { inShell, shellHost } from "./ipc/client";
import type { Host } from "./ipc/host";

async function host(): Promise<Host | null> {
  if (inShell()) return shellHost();
  if (__FAKE__) {
    const { fakeHost } = await import("./ipc/fake");
    return fakeHost(new URLSearchParams(location.search));
  }
  return null;
}

const target = document.getElementById("app");
if (target !== null) {
  void host().then((found) => mount(App, { target, props: { host: found } }));
}
