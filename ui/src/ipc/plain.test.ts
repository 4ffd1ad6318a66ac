import { describe, expect, it } from "vitest";
import { MOST, plain, plainText } from "./plain";

describe("text from a cloud", () => {
  it("shows what hides and what turns the order of letters", () => {
    expect(plainText("pay\u202egpj.exe\u0007\u200b")).toBe("pay\ufffdgpj.exe\ufffd\ufffd");
  });
  it("keeps lines, tabs, accents and other scripts", () => {
    const text = "Zürich\tمتجر\n市場 🙂";
    expect(plainText(text)).toBe(text);
  });
  it("keeps the two ends of what is longer than anybody reads", () => {
    const shown = plainText(`A${"x".repeat(9_000)}Z`);
    expect(shown.length).toBeLessThanOrEqual(MOST);
    expect(shown.startsWith("Ax") && shown.endsWith("xZ")).toBe(true);
  });
  it("reaches every text of an answer but those that are sent back", () => {
    const answer = { id: "a\u202e", confirm: "b\u202e", where: "w\u202e", name: "c\u202e", facts: { status: "d\u202e", depth: 3 }, health: { reasons: [{ sentence: "e\u202e" }] }, tags: ["f\u202e"] };
    expect(plain(answer)).toEqual({ id: "a\u202e", confirm: "b\u202e", where: "w\u202e", name: "c\ufffd", facts: { status: "d\ufffd", depth: 3 }, health: { reasons: [{ sentence: "e\ufffd" }] }, tags: ["f\ufffd"] });
  });
});
