import { quoted } from "./quoted.ts";

// A value that stands where it does not belong may be a secret that somebody put into the wrong place: a key where a
// boolean is expected, a password in an address. Messages end in logs, so none of them shows what may be one.

/** Tokens and keys: letters and digits in one long word, also as UUID or base64. */
const WORD = /(?=[\w+/=-]*\d)(?=[\w+/=-]*[a-z])[\w+/=-]{24,}/i;

const SIGNS: readonly RegExp[] = [
  WORD,
  /-----BEGIN /,
  /\b(bearer|basic|digest|negotiate)\s+\S/i,
  /(pass(word|wd|phrase)?|secret|token|api[-_]?key|credential|authorization|private[-_]?key)["']?\s*[:=]/i,
  /[^\s/:]:(?!\/\/)[^\s@]*@/,
];

/** Whether a text may be a secret, or hold one; also in percent-encoding. */
export function mayBeSecret(text: string): boolean {
  return (
    SIGNS.some((sign) => sign.test(text)) || (text.includes("%") && SIGNS.some((sign) => sign.test(decoded(text))))
  );
}

/** Whether a text is nothing but a word that may be a secret. */
export function isSecretWord(text: string): boolean {
  return WORD.exec(text)?.[0] === text;
}

/** In place of a value that may be one. */
export const NOT_SHOWN = "a value that may be a secret, and is not shown";

/** Text of a user's as a message shows it: in quotes, unless it may be a secret. */
export function quotedUnlessSecret(text: string): string {
  return mayBeSecret(text) ? NOT_SHOWN : quoted(text);
}

/** A path that begins as one does; what is in it may look like a token, and is the name of a folder. */
const PATH = /^(\.{0,2}\/|[a-z]:[\\/])[^\n]*$/i;

/** Whether a text that is meant as the path of a file may be what should be in that file. */
export function isNoPath(text: string): boolean {
  return text.includes("-----BEGIN ") || (!PATH.test(text) && mayBeSecret(text));
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
