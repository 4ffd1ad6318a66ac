// What shuts us out, to look at: two programs that wait, credentials that expired, a certificate that is about to end.
import type { Identity } from "../gen/Identity";
import { rfc } from "./make";

const KUBECONFIG = "/home/r.okafor/.kube/config";

/** The same identity with all of it. */
export function shutOut(identity: Identity, now: number): Identity {
  const program = (context: string, env: string[]): Identity["programs"][number] => ({
    hash: `${context === "prod-use1" ? "4e1f" : "9b07"}${"5c83d2a6".repeat(7)}0d2e`, named_by: `context ${context} of ${KUBECONFIG}`, command: "corp-login", path: "/usr/local/bin/corp-login", args: ["get-token", "--cluster", context], env,
    sentence: `Context ${context} of ${KUBECONFIG} signs in by the program /usr/local/bin/corp-login get-token --cluster ${context}, which is not approved and is not run.`, next_step: "Look at what it is.", approve: "qd approve 4e1f5c83d2a6",
  });
  return {
    ...identity,
    access: [...identity.access, { account: "555566667777", profile: "meridian-data", way: "sso", state: "expired", sentence: "The credentials of profile meridian-data (account 555566667777) have expired.", next_step: "Sign in again; reading goes on by itself.", command: "qd login meridian-data --stack /etc/quarterdeck/prod.toml" }],
    programs: [program("prod-use1", ["CORP_LOGIN_KEY", "LD_PRELOAD", "PATH"]), program("prod-euw1", [])],
    certificates: [{ named_by: `context lab of ${KUBECONFIG}`, used_as: "client", ends_at: rfc(now + 5 * 3_600_000), state: "expiring", sentence: `The client certificate of context lab of ${KUBECONFIG} ends in 5 h.`, next_step: "Get a new one; reading goes on by itself." }],
  };
}
