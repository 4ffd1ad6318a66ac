// What is known of a program that waits, and what of it decides without being shown.
import type { Program } from "../../ipc/gen/Program";

/** Variables by which a loader, a shell or an interpreter takes code from elsewhere, or another program by the same name. */
const LOADS = /^(LD_|DYLD_|PYTHON|RUBY|PERL|JAVA_|JDK_|_JAVA_|GCONV_)|^(PATH|BASH_ENV|ENV|SHELLOPTS|PS4|NODE_OPTIONS|NODE_PATH|GIT_EXEC_PATH|CLASSPATH|IFS)$/i;

/** The variables that decide which code it runs. */
export function loading(program: Program): string[] {
  return program.env.filter((name) => LOADS.test(name));
}

/** An argument that is not one word by itself stands in quotes. */
function word(arg: string): string {
  return arg === "" || /\s/.test(arg) ? JSON.stringify(arg) : arg;
}

/** All of it, each under its name. */
export function facts(program: Program): [string, string][] {
  return [
    ["Named by", program.named_by],
    ["Program", program.command],
    ["File", program.path],
    ["Arguments", program.args.length === 0 ? "none" : program.args.map(word).join(" ")],
    ["Variables", program.env.length === 0 ? "none" : `${program.env.join(" ")} (values are not shown)`],
    ["Sent to", program.receiver ?? "AWS"],
    ["SHA-256", program.hash],
  ];
}

/** What must be looked at elsewhere before it is approved; nothing where nothing hides. */
export function hidden(program: Program): string | undefined {
  const names = loading(program);
  if (names.length === 0) return undefined;
  const one = names.length === 1;
  return `${names.join(", ")} can make it run other code than this file's, and what ${one ? "it is" : "they are"} set to is not shown here: look it up in ${program.named_by}.`;
}
