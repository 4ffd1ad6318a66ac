// What the strip and the status bar draw, as the server half of Svelte draws it: without a page to press on.
import { render } from "svelte/server";
import { expect, test } from "vitest";
import type { Identity } from "../../ipc/gen/Identity";
import type { Program } from "../../ipc/gen/Program";
import { fakeWorld } from "../../ipc/fake/fixture";
import { Desk } from "../../store/desk.svelte";
import Access from "./Access.svelte";
import Status from "./Status.svelte";

const program = (name: string): Program => ({ hash: name, named_by: `context ${name} of /k`, command: name, path: `/bin/${name}`, args: [], env: [], sentence: `${name} is not run.`, next_step: "Look.", approve: `qd approve ${name}` });
const certificate = { named_by: "context c of /k", used_as: "client" as const, ends_at: "2026-03-04T15:30:00.000Z", state: "expiring" as const, sentence: "The certificate ends on 4 March 2026.", next_step: "Renew it." };

function drawn(component: typeof Status | typeof Access, identity: Partial<Identity>): string {
  const world = fakeWorld("calm");
  world.identity = { ...world.identity, ...identity };
  const desk = new Desk();
  desk.sources = true;
  const app = { host: {}, live: { world, skipped: 0, perSecond: 0 }, desk, clock: { now: world.takenAt } };
  return render(component, { context: new Map([["quarterdeck", app]]) }).body.replace(/<[^>]*>/g, " ").replace(/\s+/g, " ");
}

test("what the strip counts is all in what its button opens, each with what mends it", () => {
  const identity = { programs: [program("one"), program("two")], certificates: [certificate] };
  expect(drawn(Access, identity)).toMatch(/PROGRAM NOT APPROVED · 1 OF 3 one is not run\./);
  const all = drawn(Status, identity);
  for (const words of ["one is not run.", "two is not run.", "CERTIFICATE EXPIRING", "The certificate ends on 4 March 2026. Renew it."]) expect(all).toContain(words);
  expect(all.match(/Look at the program…/g)).toHaveLength(2);
});

test("what is the matter with an account is said once", () => {
  const [access] = fakeWorld("calm").identity.access;
  if (access === undefined) throw new Error("the fixture has no account");
  const all = drawn(Status, { access: [{ ...access, state: "expired", sentence: "It has expired.", next_step: "Sign in again.", command: "qd login prod" }] });
  expect(all.match(/It has expired\./g)).toHaveLength(1);
  expect(all).toMatch(/CREDENTIALS EXPIRED It has expired\. Sign in again\. qd login prod Sign in…/);
  expect(drawn(Status, {})).not.toContain("Sign in…");
});
