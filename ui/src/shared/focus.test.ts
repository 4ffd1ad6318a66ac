import { expect, test, vi } from "vitest";
import { FRAME, goOn, heir, type Held } from "./focus";

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

test("what changes under the focus leaves it where it was, else with the first that is there", async () => {
  const body = {};
  const element = (isConnected: boolean) => ({ isConnected, focus: vi.fn() }) as unknown as HTMLElement;
  const there = element(true);
  const page = { body, activeElement: body, querySelector: (selector: string) => (selector === ".there" ? there : null) };
  vi.stubGlobal("document", page);
  const moved = element(true);
  await goOn(moved, ".there");
  expect(moved.focus).toHaveBeenCalledOnce();
  await goOn(element(false), ".gone", ".there");
  expect(there.focus).toHaveBeenCalledOnce();
  vi.stubGlobal("document", { ...page, activeElement: moved });
  await goOn(element(false), ".there");
  expect(there.focus).toHaveBeenCalledOnce();
});
