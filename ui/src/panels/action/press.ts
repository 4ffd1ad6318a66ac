// The one press of a small, green action: make the plan, see that it is still what the button said, press it.
import type { Offer } from "../../ipc/gen/Offer";
import { hostError } from "../../ipc/host";
import type { App } from "../../store/app";

/** Whether one press on the offer's button runs it: level 1, green, armed. */
export function onePress(offer: Offer, armed: boolean): boolean {
  return armed && offer.level === "L1" && offer.colour === "green";
}

/** Runs an L1 offer; whenever the answer is another than the button's, the dialog is opened instead. */
export async function press(app: App, offer: Offer): Promise<void> {
  const { host, acts, desk } = app;
  desk.say(`Checking: ${offer.label}`);
  try {
    const plan = await host.plan(offer.action, offer.node, {});
    const clear = plan.findings.every((f) => f.outcome === "pass" || f.severity === "info");
    if (plan.level !== "L1" || !clear) {
      desk.dialog = { kind: "action", offer };
      return;
    }
    const run = await acts.press(plan, plan.confirm, acts.arming.reason ?? "");
    desk.dialog = { kind: "run", run };
  } catch (thrown) {
    desk.say(hostError(thrown).message);
    desk.dialog = { kind: "action", offer };
  }
}
