/** A piece of a secret that is this long is shown no more than the whole. */
const LEAST_PIECE = 8;

/** More of a text than a message ever shows. */
const MOST_READ = 8_192;

/**
 * A text without secrets that it may repeat: whole, cut by who wrote it, in other letters, percent-encoded or in base64.
 * Before it is cut for a message: a part of a secret is one, too.
 */
export function masked(text: string, secrets: readonly string[]): string {
  const read = text.slice(0, MOST_READ);
  const lower = read.toLowerCase();
  const isHidden = new Uint8Array(read.length);
  for (const form of new Set(secrets.flatMap(formsOf))) hide(lower, form.toLowerCase(), isHidden);
  // What a letter becomes in lower case may be longer ("İ"): then nothing is where it was.
  if (lower.length !== read.length && isHidden.includes(1)) return "***";
  let shown = "";
  for (let at = 0; at < read.length; at++) {
    if (isHidden[at] === 0) shown += read[at];
    else if (at === 0 || isHidden[at - 1] === 0) shown += "***";
  }
  return shown;
}

function formsOf(secret: string): string[] {
  const encoded = btoa(String.fromCharCode(...new TextEncoder().encode(secret)));
  return [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1), encoded.replace(/=+$/, "")];
}

function hide(text: string, form: string, isHidden: Uint8Array): void {
  const length = Math.min(LEAST_PIECE, form.length);
  if (length === 0) return;
  const pieces = new Set<string>();
  for (let at = 0; at + length <= form.length; at++) pieces.add(form.slice(at, at + length));
  for (let at = 0; at + length <= text.length; at++) {
    if (pieces.has(text.slice(at, at + length))) isHidden.fill(1, at, at + length);
  }
}
