import { expect, test } from "vitest";
import { regionsOf, turned } from "./words";

test("regions are words, however they are separated, each once", () => {
  expect(regionsOf(" us-east-1, EU-WEST-1;us-east-1\n")).toEqual(["us-east-1", "eu-west-1"]);
  expect(regionsOf(" , ")).toEqual([]);
});

test("the page begins anew only when the window has turned", async () => {
  let begun = 0;
  expect(await turned(() => Promise.resolve(), () => (begun += 1))).toBeNull();
  expect(begun).toBe(1);
  const refused = { code: "refused", message: "A run is under way here.", retryable: false };
  expect(await turned(() => Promise.reject(refused as unknown as Error), () => (begun += 1))).toMatchObject({ message: "A run is under way here." });
  expect(begun).toBe(1);
});
