// What of the ways in must be said loudly: of accounts, of programs that wait to be approved, of certificates.
import type { Certificate } from "../../ipc/gen/Certificate";
import type { Identity } from "../../ipc/gen/Identity";
import type { Level } from "../../ipc/gen/Level";
import type { Program } from "../../ipc/gen/Program";
import { heading, levelOf, loud, nameOf } from "./access";

export interface Loud {
  level: Level;
  heading: string;
  sentence: string;
  nextStep: string;
  /** The command that mends it in a terminal. */
  command?: string;
  /** The profile that signs in with IAM Identity Center. */
  profile?: string;
  /** What is looked at and approved. */
  program?: Program;
}

/** Of an account: its program where that is why, so that it is said once. */
function ofAccounts(identity: Identity): Loud[] {
  return loud(identity.access).map((access) => {
    const program = identity.programs.find((p) => p.profile === (access.profile ?? "default") && access.state === "unusable");
    if (program !== undefined) return ofProgram(program);
    const said: Loud = { level: levelOf(access), heading: heading(access), sentence: access.sentence ?? nameOf(access), nextStep: access.next_step ?? "" };
    if (access.command !== undefined) said.command = access.command;
    if (access.profile !== undefined) said.profile = access.profile;
    return said;
  });
}

function ofProgram(program: Program): Loud {
  const changed = program.approved_at !== undefined;
  return { level: "critical", heading: changed ? "PROGRAM CHANGED" : "PROGRAM NOT APPROVED", sentence: program.sentence, nextStep: "Once somebody approved it, reading goes on by itself.", program };
}

function ofCertificate(certificate: Certificate): Loud {
  const ended = certificate.state === "expired";
  return { level: ended ? "critical" : "warning", heading: ended ? "CERTIFICATE EXPIRED" : "CERTIFICATE EXPIRING", sentence: certificate.sentence, nextStep: certificate.next_step };
}

/** All of it, the worst first. */
export function said(identity: Identity): Loud[] {
  const clusters = identity.programs.filter((program) => program.profile === undefined);
  const all = [...ofAccounts(identity), ...clusters.map(ofProgram), ...identity.certificates.map(ofCertificate)];
  const rank = (one: Loud): number => (one.level === "critical" ? 0 : 1);
  return all.sort((a, b) => rank(a) - rank(b));
}
