import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { shellHost } from "./client";
import type { HostError } from "./host";

beforeEach(() => {
  vi.useFakeTimers();
  // A shell whose commands never answer.
  vi.stubGlobal("window", { __TAURI_INTERNALS__: { invoke: () => new Promise(() => undefined) } });
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

async function late(ask: () => Promise<unknown>): Promise<HostError> {
  const refused = ask().then(() => Promise.reject(new Error("it answered")), (thrown: unknown) => thrown as HostError);
  await vi.advanceTimersByTimeAsync(1_300_000);
  return refused;
}

test("a command that does not answer says how to find out what it did", async () => {
  const host = shellHost();
  expect(await late(() => host.act("p", "d", "c", "r"))).toMatchObject({ code: "no-answer", hint: expect.stringContaining("look at the runs") as string });
  const others = [() => host.giveSignInCode("123456"), () => host.awaitSignIn(), () => host.approveProgram("0a1b"), () => host.beginSignIn("prod"), () => host.offers("n"), () => host.tryAgain()];
  for (const ask of others) expect((await late(ask)).hint).not.toContain("runs");
  expect((await late(() => host.giveSignInCode("123456"))).hint).toContain("a code is good once");
  expect((await late(() => host.approveProgram("0a1b"))).hint).toContain("still says that it waits");
  expect((await late(() => host.offers("n"))).hint).toBe("It changes nothing to try again.");
  expect((await late(() => host.peek("n", 30))).hint).toContain("Another look counts one more receive of each message");
});
