import { describe, expect, test } from "vitest";
import { balancedTransportFromEnv, ConfigurationError, createBalancedTransport } from "../../src/node.ts";

// Secrets that somebody put into the wrong place: no message shows them, whole, cut, or encoded.

const SECRETS = {
  password: "hunter2",
  "a password with a slash": "hun/ter2",
  token: "b1gs51a7-c0de-4bad-9bad-c0ffee123456",
  "a long token": "eyJhbGciOiJIUzI1NiJ9eyJzdWIiOiIxMjM0NTY3ODkwIn0dozjgNryP4J3jVmNHl0w5N",
  key: "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n-----END PRIVATE KEY-----",
} as const;
type Secret = (typeof SECRETS)[keyof typeof SECRETS];

const target = "srv:///_grpc._tcp.users.test";
const code = (options: object) => () => createBalancedTransport({ target, ...options } as never);
const env = (name: string, text: string) => () =>
  balancedTransportFromEnv({ env: { CONNECT_LB_TARGET: target, [name]: text } });

/** Places, by what they can hold: `userinfo` is where a password stands behind a user. */
const PLACES: Readonly<Record<string, (secret: Secret) => () => unknown>> = {
  "a boolean in the environment": (secret) => env("CONNECT_LB_TLS", secret),
  "a duration in the environment": (secret) => env("CONNECT_LB_TIMEOUT", secret),
  "a choice in the environment": (secret) => env("CONNECT_LB_PROTOCOL", secret),
  "a boolean in code": (secret) => code({ retry: secret }),
  "a choice in code": (secret) => code({ picker: secret }),
  "an object in code": (secret) => code({ retry: { authorization: `Bearer ${secret}` }, picker: { token: secret } }),
  "a list in code": (secret) => code({ interceptors: [secret] }),
  "a certificate in code": (secret) => code({ tls: { ca: secret.replace("BEGIN", "") } }),
  "a certificate in the environment": (secret) => env("CONNECT_LB_TLS_KEY", secret.replace("BEGIN", "")),
};

const USERINFO: Readonly<Record<string, (user: string) => string>> = {
  "before a server": (user) => `consul+http://${user}@10.0.0.1:8500/users`,
  "before a name": (user) => `dns:///${user}@users.test:80`,
  "in a URL": (user) => `https://${user}@users.test/`,
  "without a scheme": (user) => `${user}@users.test:80`,
  "in a list": (user) => `static:///10.0.0.1:80,${user}@10.0.0.2:80`,
};
const QUERY: Readonly<Record<string, (secret: string) => string>> = {
  token: (secret) => `consul+http://10.0.0.1/users?token=${secret}`,
  "a misspelt token": (secret) => `consul+http://10.0.0.1/users?tokne=${secret}`,
  password: (secret) => `consul+http://10.0.0.1/users?password=${secret}`,
  "a key of the encoded name": (secret) => `consul+http://10.0.0.1/users?%70assword=${secret}`,
  "an API key": (secret) => `srv:///users.test?api-key=${secret}`,
  "a TLS key": (secret) => `srv:///users.test?tls-key=${secret}`,
};

function messageOf(make: () => unknown): string {
  try {
    make();
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigurationError);
    return (error as Error).message;
  }
  throw new Error("nothing was wrong");
}

/** Any part of it that is long enough to be of use. */
function expectHidden(message: string, secret: string) {
  for (const text of [secret, encodeURIComponent(secret), secret.split(/[\n/]/)[1] ?? secret]) {
    for (let at = 0; at + 6 <= text.length; at += 3) expect(message).not.toContain(text.slice(at, at + 6));
  }
}

/** What nothing tells from a word: shown where a choice or a duration is meant. */
const PLAIN: readonly string[] = [SECRETS.password, SECRETS["a password with a slash"]];

describe.each(Object.entries(SECRETS))("%s", (_, secret) => {
  test.each(Object.entries(PLACES))("in the place of %s is not shown", (_where, make) => {
    if (PLAIN.includes(secret)) return;
    expectHidden(messageOf(make(secret)), secret);
  });

  test.each(Object.entries(USERINFO))("%s is not shown", (where, written) => {
    const given = secret.startsWith("-----") ? encodeURIComponent(secret) : secret;
    const message = messageOf(code({ target: written(`user:${given}`) }));
    expectHidden(message, secret);
    expect(message, where).toContain("a target must not contain credentials");
  });

  test.each(Object.entries(QUERY))("as %s is not shown", (_where, written) => {
    expectHidden(messageOf(code({ target: written(encodeURIComponent(secret)) })), secret);
  });
});

test.each(["consul+http://user%3Ahunter2%40agent:8500/users", "consul+http://user:hunter2%40agent:8500/users"])(
  "encoded credentials are credentials: %s",
  (written) => {
    const message = messageOf(code({ target: written }));
    expectHidden(message, "hunter2");
    expect(message).toContain("a target must not contain credentials");
  },
);

test.each(["\u001b[31m", "a\u2028b", "\u202eevil", "\u0007"])("control characters are shown escaped: %j", (text) => {
  const messages = [
    messageOf(code({ target: `srv:///${encodeURIComponent(text)}.test` })),
    messageOf(code({ target: `dns:///${text}.test` })),
    messageOf(code({ [text]: 1 })),
    messageOf(code({ picker: text })),
    messageOf(env(`CONNECT_LB_${text}`, "x")),
    messageOf(env("CONNECT_LB_PICKER", text)),
    messageOf(() => balancedTransportFromEnv(text, { env: {} })),
  ];
  for (const message of messages) expect(message.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Cf}\u2028\u2029]/u);
});
