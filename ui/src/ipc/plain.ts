// Text from a cloud is plain text, of bounded length. Svelte escapes markup; what is left is text that lies about
// its own order or hides in itself: control characters, bidirectional overrides, zero-width characters. They are
// made visible here, where everything from the shell comes in. Ids and phrases that are sent back stay as they are.

/** Longer texts keep their two ends. */
export const MOST = 2000;

const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/;
const ALL_HIDDEN = new RegExp(HIDDEN.source, "g");

/** What is asked for by, or sent back as it came. */
const KEYS: ReadonlySet<string> = new Set(["id", "from", "to", "node", "leaf", "source", "targets", "consequences", "gone", "sources_gone", "run", "confirm", "digest", "settings", "where"]);

/** One text: hidden characters as `�`, at most `MOST` characters. */
export function plainText(text: string): string {
  const shown = HIDDEN.test(text) ? text.replace(ALL_HIDDEN, "\ufffd") : text;
  return shown.length <= MOST ? shown : `${shown.slice(0, MOST - 200)} … ${shown.slice(-190)}`;
}

/** An answer of the shell with every text made plain, in place. */
export function plain<T>(value: T): T {
  if (typeof value === "string") return plainText(value) as T;
  if (typeof value === "object" && value !== null) walk(value as Record<string, unknown> | unknown[]);
  return value;
}

function walk(value: Record<string, unknown> | unknown[]): void {
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      const item = value[i];
      if (typeof item === "string") value[i] = plainText(item);
      else if (typeof item === "object" && item !== null) walk(item as Record<string, unknown>);
    }
    return;
  }
  for (const key in value) {
    if (KEYS.has(key)) continue;
    const item = value[key];
    if (typeof item === "string") {
      const shown = plainText(item);
      if (shown !== item) value[key] = shown;
    } else if (typeof item === "object" && item !== null) walk(item as Record<string, unknown>);
  }
}
