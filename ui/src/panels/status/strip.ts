// What of the ways in must be said loudly: of accounts, of programs that wait to be approved, of certificates.
import type { Access } from "../../ipc/gen/Access";
import type { Certificate } from "../../ipc/gen/Certificate";
import type { Identity } from "../../ipc/gen/Identity";
import type { Level } from "../../ipc/gen/Level";
import type { Program } from "../../ipc/gen/Program";
import { heading, levelOf, loud, nameOf } from "./access";

export interface Loud {
  /** Tells it from the others, as long as it is said: a profile is of one account, and who names a program or certificate names one. */
  key: string;
  level: Level;
  heading: string;
  sentence: string;
  nextStep: string;
  /** The command that mends it in a terminal. */
  command?: string;
  /** The profile that signs in with IAM Identity Center or with a code of a device. */
  profile?: string;
  /** What is looked at and approved. */
  program?: Program;
}

const keyOf = (access: Access): string => `account ${access.profile ?? ""}`;

function ofAccount(access: Access): Loud {
  const said: Loud = { key: keyOf(access), level: levelOf(access), heading: heading(access), sentence: access.sentence ?? nameOf(access), nextStep: access.next_step ?? "" };
  if (access.command !== undefined) said.command = access.command;
  if (access.profile !== undefined) said.profile = access.profile;
  return said;
}

function ofProgram(program: Program, key = `program ${program.named_by}`): Loud {
  const changed = program.approved_at !== undefined;
  return { key, level: "critical", heading: changed ? "PROGRAM CHANGED" : "PROGRAM NOT APPROVED", sentence: program.sentence, nextStep: "Once somebody approved it, reading goes on by itself.", program };
}

function ofCertificate(certificate: Certificate): Loud {
  const ended = certificate.state === "expired";
  return { key: `certificate ${certificate.used_as} ${certificate.named_by}`, level: ended ? "critical" : "warning", heading: ended ? "CERTIFICATE EXPIRED" : "CERTIFICATE EXPIRING", sentence: certificate.sentence, nextStep: certificate.next_step };
}

/** The program that an account waits for. The default chain does not say which profile the environment chose: it waits for that of a profile that no account names. */
function awaited(identity: Identity, access: Access): Program | undefined {
  if (access.state !== "unusable") return undefined;
  const named = new Set(identity.access.map((one) => one.profile));
  return identity.programs.find((program) => program.profile !== undefined && (access.profile === undefined ? !named.has(program.profile) : program.profile === access.profile));
}

/** All of it, the worst first. What an account waits for is said once, in its place; a program that no account waits for is one of its own. */
export function said(identity: Identity): Loud[] {
  const programs = new Set(identity.programs);
  const accounts = loud(identity.access).map((access) => {
    const program = awaited(identity, access);
    if (program === undefined) return ofAccount(access);
    programs.delete(program);
    return ofProgram(program, keyOf(access));
  });
  const all = [...accounts, ...[...programs].map((program) => ofProgram(program)), ...identity.certificates.map(ofCertificate)];
  const rank = (one: Loud): number => (one.level === "critical" ? 0 : 1);
  return all.sort((a, b) => rank(a) - rank(b));
}
