// Turning the window to another platform, and what is typed on the way there.
import { hostError, type HostError } from "../../ipc/host";

/** The regions of a line: words of letters, digits and hyphens, each once. */
export function regionsOf(line: string): string[] {
  const words = line.toLowerCase().split(/[^a-z0-9-]+/).filter((word) => word !== "");
  return [...new Set(words)];
}

/** Turns to another platform and begins the page anew, so that nothing of the last one stays; or why that is not done. */
export async function turned(turn: () => Promise<void>, again: () => void = () => location.reload()): Promise<HostError | null> {
  try {
    await turn();
  } catch (thrown) {
    return hostError(thrown);
  }
  again();
  return null;
}
