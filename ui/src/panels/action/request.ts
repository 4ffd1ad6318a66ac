// A request made elsewhere (the undo of a run, the closing of what it left open, what it found to be done next) as
// something the dialog can open.
import type { ActionRequest } from "../../ipc/gen/ActionRequest";
import type { Offer } from "../../ipc/gen/Offer";
import type { Dialog } from "../../store/desk.svelte";
import { verbWords } from "./words";

/** The dialog of a request: the node's own offer where there is one, asked with the request's settings. */
export function dialogOf(request: ActionRequest, offers: readonly Offer[], back?: Dialog): Dialog {
  const offered = offers.find((o) => o.node === request.node && o.action === request.action);
  const bare: Offer = { action: request.action, node: request.node, label: verbWords(request.action).does, colour: "amber", level: "L1", findings: [], settings: [], command: "" };
  return { kind: "action", offer: offered ?? bare, settings: request.settings, ...(back === undefined ? {} : { back }) };
}

/** What a request does, in words: `Scale order-gateway, replicas 45`, `Fail back orders to orders-1`. */
export function requestWords(request: ActionRequest, name: string | undefined): string {
  const { back, target } = request.settings;
  if (request.action === "failover" && back === "yes") return `Fail back ${name ?? request.node.split("/").at(-1) ?? ""} to ${target ?? "another writer"}`;
  const how = Object.entries(request.settings).map(([k, v]) => `${k.replaceAll("_", " ")} ${v}`);
  return [`${verbWords(request.action).does} ${name ?? request.node.split("/").at(-1) ?? ""}`, ...how].join(", ");
}
