import { expect, test, vi } from "vitest";
import { FRAME, heir, type Held } from "./focus";

vi.stubGlobal("CSS", { escape: (text: string) => text });
const held = (there: boolean, dataset: Record<string, string> = {}): Held => ({ isConnected: there, dataset });
const frame = held(true);
const twin = held(true);
const page = (selector: string): Held | null => (selector === FRAME ? frame : selector === '[data-place="program"]' ? twin : null);

test("the focus goes back to what had it, else to its twin", () => {
  const was = held(true, { place: "program" });
  expect(heir(was, page)).toBe(was);
  expect(heir(held(false, { place: "program" }), page)).toBe(twin);
});

test("the focus is never lost: where nothing took the place, the frame's first control has it", () => {
  expect(heir(held(false, { place: "sign-in" }), page)).toBe(frame);
  expect(heir(held(false), page)).toBe(frame);
  expect(heir(null, page)).toBe(frame);
});
