import { expect, test } from "vitest";
import type { SignInAsked } from "../../ipc/gen/SignInAsked";
import { heard, signIn } from "./heard";

const refusal = { code: "refused", message: "No.", retryable: false };
const page: SignInAsked = { kind: "page", user_code: "ABCD-EFGH", page: "https://p", portal: "p", expires_at: "2026-03-04T15:30:00Z" };

test("an answer is heard by who is there, and by nobody who is gone", async () => {
  expect(await heard(Promise.resolve(7), () => false)).toEqual({ answer: 7 });
  expect(await heard(Promise.reject(refusal), () => false)).toEqual({ refused: refusal });
  expect(await heard(Promise.resolve(7), () => true)).toBeNull();
  expect(await heard(Promise.reject(refusal), () => true)).toBeNull();
});

/** What is told and asked of a sign-in, where one is gone after its beginning or not. */
async function signing(asked: SignInAsked, leaves: boolean): Promise<[boolean, string[]]> {
  const done: string[] = [];
  let gone = false;
  const host = {
    beginSignIn: () => {
      gone = leaves;
      return Promise.resolve(asked);
    },
    awaitSignIn: () => Promise.resolve(void done.push("waits")),
  };
  return [await signIn(host, "prod", (what) => void done.push(what.kind), () => gone), done];
}

test("a sign-in that was given up while it began is not waited for", async () => {
  expect(await signing(page, true)).toEqual([false, []]);
  expect(await signing(page, false)).toEqual([true, ["page", "waits"]]);
  expect(await signing({ kind: "code", device: "arn", role: "role r" }, false)).toEqual([false, ["code"]]);
});
