// How the made-up window begins that was given no platform.
import type { Host } from "../host";

export const beginning: Pick<Host, "beginnings" | "discover" | "keep" | "openStack" | "reopen" | "leave" | "beginSignIn" | "awaitSignIn" | "giveSignInCode" | "openSignInPage" | "cancelSignIn"> = {
  beginnings: () =>
    Promise.resolve({
      stacks: [
        { file: "/home/r.okafor/.config/quarterdeck/meridian-trading.toml", name: "Meridian Trading", environment: "prod" },
        { file: "/home/r.okafor/.config/quarterdeck/old.toml", error: "/home/r.okafor/.config/quarterdeck/old.toml, line 2, column 1: 'enviroment' is not a key of the stack file." },
      ],
      profiles: [
        { name: "meridian-dev", region: "eu-west-1", way: "IAM Identity Center", signs_in: true, account: "444455556666" },
        { name: "meridian-prod", way: "assumes a role", signs_in: false, account: "111122223333" },
      ],
    }),
  discover: ([chosen]) =>
    Promise.resolve({
      accounts: [{ id: "111122223333", caller: `arn:aws:sts::111122223333:assumed-role/ReadOnly/${chosen?.profile ?? ""}` }],
      clusters: [{ name: "prod-use1", region: "us-east-1" }],
      kinds: [{ kind: "record", count: 5 }, { kind: "loadbalancer", count: 2 }, { kind: "pod", count: 700 }],
      edges: [{ from: "loadbalancer", relation: "routes-to", to: "targetgroup", count: 4 }, { from: "deployment", relation: "owns", to: "replicaset", count: 25 }],
      unread: ["lambda:ListFunctions in eu-west-1 was denied to profile meridian-prod."],
    }),
  keep: () => Promise.resolve(),
  openStack: () => Promise.resolve(),
  reopen: () => Promise.resolve(),
  beginSignIn: () => Promise.resolve({ kind: "page", portal: "session corp", page: "https://corp.awsapps.com/start/#/device?user_code=QWER-TYUI", user_code: "QWER-TYUI", expires_at: new Date(Date.now() + 600_000).toISOString() }),
  awaitSignIn: () => new Promise(() => undefined),
  giveSignInCode: () => Promise.resolve(),
  openSignInPage: () => Promise.resolve(),
  cancelSignIn: () => Promise.resolve(),
  leave: () => Promise.resolve(),
};
