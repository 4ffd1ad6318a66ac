// Which offers are shown, in which order: what can be pressed first, then what is wrong and blocked. An offer on a
// thing that is well and has nothing to do (an empty dead-letter queue) is told by number only.
import type { Offer } from "../ipc/gen/Offer";
import { onlyToChoose } from "../panels/action/stages";
import { LEVEL_RANK } from "../shared/levels";
import type { World } from "./world";

export interface Offers {
  shown: Offer[];
  /** Offers on things that are well, all blocked. */
  idle: Offer[];
}

const COLOUR_RANK = { green: 0, amber: 1, red: 2 } as const;

export function sortOffers(offers: readonly Offer[], world: World | null): Offers {
  const rank = (o: Offer): number => LEVEL_RANK[world?.nodes.get(o.node)?.health.level ?? "unknown"];
  const caused = new Set(world?.causes.flatMap((c) => [...c.targets, ...c.consequences]));
  const colour = (o: Offer): Offer["colour"] => (onlyToChoose(o) ? "amber" : o.colour);
  const worthy = (o: Offer): boolean => colour(o) !== "red" || rank(o) > 0;
  const shown = offers.filter(worthy).sort(
    (a, b) =>
      COLOUR_RANK[colour(a)] - COLOUR_RANK[colour(b)] ||
      Number(caused.has(b.node)) - Number(caused.has(a.node)) ||
      rank(b) - rank(a) ||
      (a.node < b.node ? -1 : 1),
  );
  return { shown, idle: offers.filter((o) => !worthy(o)) };
}
