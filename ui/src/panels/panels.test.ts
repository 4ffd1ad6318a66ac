import { describe, expect, it } from "vitest";
import { fakeWorld, NOW } from "../ipc/fake/fixture";
import { deadLetters, offerOf, planOf, receiptAt } from "../ipc/fake/actions";
import { platform } from "../ipc/fake/platform";
import { onePress } from "./action/press";
import { sortOffers } from "../store/offers";
import { blockers, findingLevel, onlyToChoose, openChoice, stages, tallyOf, worstFirst } from "./action/stages";
import { score, search } from "./palette/search";
import type { Access } from "../ipc/gen/Access";
import type { Program } from "../ipc/gen/Program";
import { chips, digits, heading, loud, nameOf } from "./status/access";
import { said } from "./status/strip";
import { serviceAges } from "./status/sources";
import { metricPath, pickMetrics, placeMarks, ticks, type Mark } from "./timeline/axis";

const p = platform("dlq-fills", NOW);
const bad = deadLetters(p).find((n) => n.name === "settlement-events-dlq");
if (bad === undefined) throw new Error("the fixture has no dead letters");

describe("guard dialog", () => {
  const plan = planOf(p, bad, {}, NOW, 1);
  it("stands at the checks while something blocks, and shows that first", () => {
    expect(stages(plan, undefined).map((s) => s.mark)).toEqual(["done", "failed", "later", "later", "later", "later"]);
    expect(blockers(plan).length).toBe(2);
    expect(worstFirst(plan.findings)[0]?.outcome).toBe("fail");
    expect(tallyOf(plan.findings)).toBe("2 block, 6 passed");
  });
  it("never counts as passed what could not be checked", () => {
    const one = (severity: "info" | "warn" | "block", outcome: "pass" | "fail" | "unknown", value = ""): (typeof plan.findings)[number] => ({ id: `${severity}-${outcome}`, severity, outcome, sentence: "", value, threshold: "" });
    const findings = [one("block", "pass"), one("info", "pass", "not checked"), one("info", "fail"), one("warn", "unknown"), one("block", "unknown"), one("block", "fail")];
    expect(tallyOf(findings)).toBe("1 blocks, 1 not known, 2 to note, 1 passed, 1 not checked");
    expect(findingLevel(findings[1] as (typeof findings)[number])).toBe("unchecked");
    expect(worstFirst(findings).map((f) => findingLevel(f))).toEqual(["critical", "unknown", "warning", "note", "unchecked", "pass"]);
  });
  it("the backend decides whether an unknown check blocks", () => {
    const unknown = { ...plan, findings: [{ id: "x", severity: "block" as const, outcome: "unknown" as const, sentence: "", value: "", threshold: "" }] };
    expect(blockers({ ...unknown, blocked: true }).length).toBe(1);
    expect(blockers({ ...unknown, blocked: false })).toEqual([]);
  });
  it("follows a run to its receipt", () => {
    const mark = (s: number): string | undefined => stages(plan, receiptAt("r", plan, "why", NOW, s, null)).find((x) => x.mark === "now")?.name;
    expect(mark(2)).toBe("Run");
    expect(mark(30)).toBe(undefined);
    const done = stages(plan, receiptAt("r", plan, "why", NOW, 60, null));
    expect(done.at(-1)).toEqual({ name: "Receipt", mark: "done" });
    expect(stages(plan, receiptAt("r", plan, "why", NOW, 60, 6)).at(-1)?.mark).toBe("failed");
  });
  it("an offer that waits for a choice is not blocked, one that cannot be taken is", () => {
    const ask = { kind: "choice" as const, choices: [] };
    const setting = { name: "target", label: "New writer", default: "", ask };
    const of = (id: string): (typeof plan.findings)[number] => ({ id, severity: "block", outcome: "fail", sentence: "", value: "", threshold: "" });
    expect(onlyToChoose({ findings: [of("failover.target-chosen")], settings: [setting] })).toBe(true);
    expect(onlyToChoose({ findings: [of("failover.target-chosen"), of("failover.cluster-available")], settings: [setting] })).toBe(false);
    expect(onlyToChoose({ findings: [], settings: [setting] })).toBe(false);
    expect(openChoice([setting], { target: "r1" })).toBe(undefined);
    expect(openChoice([setting], {})?.label).toBe("New writer");
  });
  it("one press only when armed, green and level 1", () => {
    const green = platform("dlq-green", NOW);
    const small = deadLetters(green).find((n) => n.name === "settlement-events-dlq");
    if (small === undefined) throw new Error("no small queue");
    const offer = offerOf(green, small);
    expect(onePress(offer, true)).toBe(true);
    expect(onePress(offer, false)).toBe(false);
    expect(onePress({ ...offer, colour: "amber" }, true)).toBe(false);
    expect(onePress({ ...offer, level: "L2" }, true)).toBe(false);
  });
});

describe("offers", () => {
  it("what can be pressed comes first, what is wrong next; well things with nothing to do are only counted", () => {
    const world = fakeWorld("dlq-fills");
    const mine = deadLetters(p).map((n) => offerOf(p, n));
    const empty = { ...(mine[0] as (typeof mine)[number]), node: "queue/447101932210/eu-west-1/notify-outbound-dlq", colour: "red" as const };
    const { shown, idle } = sortOffers([empty, ...mine], world);
    expect(shown.map((o) => o.colour)).toEqual(["amber", "red"]);
    expect(shown[1]?.node).toBe(bad.id);
    expect(idle).toEqual([empty]);
  });
});

describe("palette", () => {
  const world = fakeWorld("az-degraded");
  it("finds by letters, place and state, the wanted first", () => {
    expect(search("settlement-events-dlq", world.nodes.values())[0]?.node.name).toBe("settlement-events-dlq");
    expect(search("orders-4", world.nodes.values())[0]?.node.kind).toBe("dbinstance");
    expect(search("matching deployment", world.nodes.values())[0]?.node.name).toBe("matching-engine");
    expect(search("nothing-like-it-zzz", world.nodes.values())).toEqual([]);
    expect(score("zz", "abc")).toBe(null);
  });
  it("takes under 50 ms over ten thousand nodes, the best of ten on a busy machine", () => {
    const many = [...world.nodes.values()];
    while (many.length < 10_000) many.push(...many.slice(0, 10_000 - many.length));
    const times = Array.from({ length: 10 }, () => {
      const t = performance.now();
      search("settle ev", many);
      return performance.now() - t;
    });
    expect(Math.min(...times)).toBeLessThan(50);
  });
});

describe("timeline", () => {
  it("ticks are round and few", () => {
    const list = ticks(NOW - 30 * 60_000, NOW);
    expect(list.length).toBeGreaterThan(3);
    expect(list.length).toBeLessThanOrEqual(8);
    expect(list.every((t) => t % 60_000 === 0)).toBe(true);
  });
  it("labels never reach into the next mark", () => {
    const marks: Mark[] = [0, 1, 2, 9].map((m) => ({ at: NOW - m * 60_000, text: "a rather long sentence about it", node: null, run: null, shape: "change" }));
    const placed = placeMarks(marks, NOW - 10 * 60_000, NOW, 400);
    placed.forEach((m, i) => {
      const next = placed[i + 1];
      if (next !== undefined) expect(m.x + 16 + m.label.length * 5.9).toBeLessThanOrEqual(next.x + 6);
    });
  });
  it("shows what is wrong first, at most three", () => {
    const picked = pickMetrics(fakeWorld("az-degraded"), "us-east-1");
    expect(picked.length).toBe(3);
    expect(picked.every((m) => m.level !== "ok")).toBe(true);
    const first = picked[0];
    if (first === undefined) throw new Error("none");
    expect(metricPath(first, NOW - 600_000, NOW, 300, 30).line).not.toContain("NaN");
  });
});

const prod: Access = { account: "111122223333", profile: "prod", way: "sso", state: "valid" };
const ending = (minutes: number, state: Access["state"] = "valid"): Access => ({ ...prod, state, expires_at: new Date(NOW + minutes * 60_000).toISOString() });

describe("the way in", () => {
  it("is told when less than an hour is left, and when it shuts us out", () => {
    expect(chips([prod, ending(61)], NOW)).toEqual([]);
    expect(chips([ending(59.5), ending(14, "expiring"), ending(-3, "expired"), { ...prod, state: "denied" }], NOW).map((c) => `${c.level} ${c.text}`)).toEqual(["ok ends in 59 min", "warning ends in 14 min", "critical expired", "critical denied"]);
    // The backend has not said yet that it is over.
    expect(chips([ending(0)], NOW)[0]?.text).toBe("ends in under a minute");
  });
  it("says programs and certificates in the same strip, and an account's program once", () => {
    const program = { hash: "0a1b2c3d", named_by: "context c of /k", command: "login", path: "/bin/login", args: [], env: [], sentence: "It is not run.", next_step: "Look.", approve: "qd approve 0a1b2c3d" };
    const certificate = { named_by: "context c of /k", used_as: "client" as const, ends_at: "2026-03-04T15:30:00.000Z", state: "expiring" as const, sentence: "It ends.", next_step: "Renew it." };
    const access: Access[] = [{ ...prod, profile: "vault", state: "unusable", sentence: "It is not run.", next_step: "Look." }];
    const base = { accounts: [], simulated: false, tunnel: false };
    const all = said({ ...base, access, programs: [{ ...program, profile: "vault" }, { ...program, approved_at: "2026-03-04T15:30:00.000Z" }], certificates: [certificate] });
    expect(all.map((one) => [one.level, one.heading, one.program !== undefined])).toEqual([
      ["critical", "PROGRAM NOT APPROVED", true],
      ["critical", "PROGRAM CHANGED", true],
      ["warning", "CERTIFICATE EXPIRING", false],
    ]);
    expect(said({ ...base, access: [prod], programs: [], certificates: [] })).toEqual([]);
  });
  it("leaves no program out, whichever profile the environment chose for the default chain", () => {
    const waits = (profile?: string): Program => ({ hash: profile ?? "none", named_by: "profile x of /c", command: "login", path: "/bin/login", args: [], env: [], sentence: "It is not run.", next_step: "Look.", approve: "qd approve 0a1b2c3d", ...(profile === undefined ? {} : { profile }) });
    const unusable = { state: "unusable" as const, sentence: "It is not run.", next_step: "Look." };
    const chain: Access = { account: "profile:default-chain", way: "chain", ...unusable };
    const vault: Access = { ...prod, profile: "vault", ...unusable };
    const hashes = (access: Access[], programs: Program[]): (string | undefined)[] => said({ accounts: [], simulated: false, tunnel: false, access, programs, certificates: [] }).map((one) => one.program?.hash);
    // Chosen by AWS_PROFILE: the account waits for it, and it is said once.
    expect(hashes([chain], [waits("chosen")])).toEqual(["chosen"]);
    expect(hashes([vault, chain], [waits("vault"), waits("chosen")])).toEqual(["vault", "chosen"]);
    // Of an account that is read all the same, and of none.
    expect(hashes([prod], [waits("prod"), waits("gone"), waits()])).toEqual(["prod", "gone", "none"]);
    // What shuts an account out otherwise is not taken for a program of another.
    expect(hashes([{ ...chain, state: "expired" }], [waits("vault")])).toEqual([undefined, "vault"]);
  });
  it("is loud, the worst first, when there is something to do", () => {
    const told = { sentence: "It ends.", next_step: "Sign in." };
    expect(loud([prod, ending(59), { ...prod, state: "unknown" }])).toEqual([]);
    expect(loud([{ ...ending(9, "expiring"), ...told }, { ...prod, state: "wrong-account", ...told }]).map(heading)).toEqual(["CREDENTIALS WRONG ACCOUNT", "CREDENTIALS EXPIRING"]);
  });
  it("is called by its profile, else by its account", () => {
    expect(nameOf(prod)).toBe("prod");
    expect(nameOf({ account: "profile:default-chain", way: "chain", state: "unknown" })).toBe("default chain");
  });
});

describe("the code of a device", () => {
  it("is six digits, with blanks between them or without", () => {
    expect(["123456", " 123 456 ", "000000"].map(digits)).toEqual(["123456", "123456", "000000"]);
    expect(["", "12345", "1234567", "12345a", "१२३४५६"].map(digits)).toEqual([null, null, null, null, null]);
  });
});

describe("status bar", () => {
  it("says the oldest reading per service and which source fails", () => {
    const ages = serviceAges(fakeWorld("az-degraded").sources.values(), NOW);
    expect(ages.find((a) => a.service === "cloudfront")).toMatchObject({ level: "unknown" });
    expect(ages.find((a) => a.service === "cloudfront")?.failing[0]?.error).toContain("throttled");
    expect(Math.round(ages.find((a) => a.service === "sqs")?.age ?? 0)).toBe(9);
  });
});
