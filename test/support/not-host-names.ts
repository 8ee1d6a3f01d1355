/** Texts that are not host names, though each is inside `users.test` by its last letters, by what is wrong with them. */
export const NOT_HOST_NAMES: Readonly<Record<string, string>> = {
  "a slash": "evil.test/.users.test",
  "a backslash": "evil.test\\.users.test",
  "a blank": "evil.test .users.test",
  "an @": "users.test@evil.users.test",
  "a colon": "evil.test:443.users.test",
  "a question mark": "evil.test?.users.test",
  "a hash": "evil.test#.users.test",
  "a percent sign": "evil.test%2f.users.test",
  "a star": "*.users.test",
  brackets: "[evil].users.test",
  quotes: '"evil".users.test',
  "a zero byte": "evil.test\0.users.test",
  "a line end": "evil.test\r\nx: y.users.test",
  "an escape of terminals": "\x1b[2J.users.test",
  DEL: "evil\x7f.users.test",
  "a letter that is not ASCII": "\u00e4.users.test",
  "a sign that becomes a letter in lower case": "\u212aelvin.users.test",
  "a full stop that is not ASCII": "evil\u3002users.test",
  "an empty label": "evil..users.test",
  "a dot in front": ".users.test",
  "two dots at the end": "evil.users.test..",
  "a label of 64": `${"a".repeat(64)}.users.test`,
  "254 characters": `${"a.".repeat(122)}users.test`,
};

/** A URL would read these as IPv4 addresses. */
export const NUMBERS: Readonly<Record<string, string>> = {
  "a last label that is a number": "users.test.7",
  "a last label in hexadecimal": "users.test.0x7f",
  "a last label of an empty hexadecimal number": "users.test.0X",
  "an address of three numbers": "127.0.1",
  "one number": "2130706433",
  "an address with too much in it": "127.0.0.256",
  "an address in octal": "0177.0.0.01",
};
