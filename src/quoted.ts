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
