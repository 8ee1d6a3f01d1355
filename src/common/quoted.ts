/** Text from outside as a message shows it: in quotes, short, and on one line. */
export function quoted(text: string, mostCharacters = 80): string {
  const short = text.length > mostCharacters ? `${text.slice(0, mostCharacters - 3)}...` : text;
  return escaped(JSON.stringify(short));
}

/** What a terminal or a reader of logs would obey instead of showing it; JSON escapes only a part of these. */
export function escaped(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (char) => {
    const code = char.codePointAt(0) as number;
    return code > 0xffff ? `\\u{${code.toString(16)}}` : `\\u${code.toString(16).padStart(4, "0")}`;
  });
}

/** What was thrown, as text. Never throws: getters of a user's error may, and so may its `toString()`. */
export function messageOf(error: unknown): string {
  try {
    return error instanceof Error ? String(error.message) : String(error);
  } catch {
    return "an error whose message cannot be read";
  }
}
