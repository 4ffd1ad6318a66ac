import { expect, test } from "vitest";
import type { Program } from "../../ipc/gen/Program";
import { facts, hidden, loading } from "./program";

const program = (...env: string[]): Program => ({ hash: "0a1b", named_by: "context prod of /k", command: "login", path: "/bin/login", args: ["get token", "--now"], env, sentence: "It is not run.", next_step: "Look.", approve: "qd approve 0a1b" });

test("variables by which other code is run are named before it is approved", () => {
  const all = ["LD_PRELOAD", "LD_LIBRARY_PATH", "PATH", "PYTHONPATH", "PYTHONSTARTUP", "NODE_OPTIONS", "BASH_ENV", "ENV"];
  expect(loading(program(...all, "AWS_PROFILE", "MY_PATH", "CORP_LOGIN_KEY"))).toEqual(all);
  expect(hidden(program("CORP_LOGIN_KEY"))).toBeUndefined();
  expect(hidden(program("LD_PRELOAD", "A"))).toBe("LD_PRELOAD can make it run other code than this file's, and what it is set to is not shown here: look it up in context prod of /k.");
  expect(hidden(program("PATH", "BASH_ENV"))).toContain("PATH, BASH_ENV can make it run other code than this file's, and what they are set to is not shown here");
});

test("what is not shown is said", () => {
  expect(facts(program("A", "B"))).toContainEqual(["Variables", "A B (values are not shown)"]);
  expect(facts(program())).toContainEqual(["Variables", "none"]);
  expect(facts(program())).toContainEqual(["Arguments", '"get token" --now']);
});
