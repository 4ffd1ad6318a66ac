// Answers in a dialog that may be gone when they come: another one may stand in its place, and they are not its.
import type { SignInAsked } from "../../ipc/gen/SignInAsked";
import { hostError, type Host, type HostError } from "../../ipc/host";

/** What came of a question: an answer, or why there is none. */
export type Heard<T> = { answer: T; refused?: undefined } | { refused: HostError };

/** What came of it; null for who is gone. */
export async function heard<T>(asked: Promise<T>, gone: () => boolean): Promise<Heard<T> | null> {
  const came: Heard<T> = await asked.then((answer) => ({ answer }), (thrown: unknown) => ({ refused: hostError(thrown) }));
  return gone() ? null : came;
}

/** Begins to sign in, tells what it takes, and waits where that is done elsewhere; whether somebody is signed in. Who gave up while it began waits for nothing. */
export async function signIn(host: Pick<Host, "beginSignIn" | "awaitSignIn">, profile: string, takes: (asked: SignInAsked) => void, gone: () => boolean): Promise<boolean> {
  const asked = await host.beginSignIn(profile);
  if (gone()) return false;
  takes(asked);
  if (asked.kind === "code") return false;
  await host.awaitSignIn();
  return true;
}
