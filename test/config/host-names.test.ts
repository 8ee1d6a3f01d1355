import { describe, expect, it, onTestFinished, vi } from "vitest";
import { type BalancedTransportOptions, ConfigurationError, createBalancedTransport } from "../../src/node.ts";
import { NOT_HOST_NAMES, NUMBERS } from "../support/not-host-names.ts";

// Names that users write are looked at when the transport is created. What becomes of those that others write:
// test/e2e/host-names.test.ts.

/** Where users write names, and what the error about a wrong one begins with. */
const WRITTEN: Readonly<Record<string, (name: string) => { options: object; begins: string }>> = {
  "tls.serverName": (serverName) => ({
    options: { target: "srv:///users.test", tls: { serverName } },
    begins: "tls.serverName must be a host name",
  }),
  "tls.targetSuffixes": (name) => ({
    // A dot in front is allowed here.
    options: { target: "srv:///users.test", tls: { serverName: "target", targetSuffixes: ["x.test", `*${name}`] } },
    begins: "tls.targetSuffixes must be a list of domains",
  }),
  "srv:": (name) => ({ options: { target: `srv:///${encodeURIComponent(name)}` }, begins: 'target "srv:///' }),
  "srv: with service labels": (name) => ({
    options: { target: `srv:///_grpc._tcp.${encodeURIComponent(name)}` },
    begins: 'target "srv:///',
  }),
  "dns:": (name) => ({ options: { target: `dns:///${encodeURIComponent(name)}:80` }, begins: 'target "dns:///' }),
  "static:": (name) => ({
    options: { target: `static:///10.0.0.1:80,${encodeURIComponent(name)}:80` },
    begins: 'target "static:///',
  }),
  "consul:": (name) => ({ options: { target: `consul:///${encodeURIComponent(name)}` }, begins: 'target "consul:///' }),
  "an agent of consul+http:": (name) => ({
    options: { target: `consul+http://${name}:8500/users` },
    begins: 'target "',
  }),
  "a resolver's authority": (name) => ({
    options: { target: { target: "mine", authority: name, resolve() {} } },
    begins: "target.authority must be a host name or an IP address",
  }),
  "a fallback target": (name) => ({
    options: { target: "srv:///users.test", fallbackTarget: `srv:///${encodeURIComponent(name)}` },
    begins: 'fallbackTarget "srv:///',
  }),
};

/** What IDNA makes a host name of is right where a user wrote it. */
const WRITES_WRONG = Object.entries({ ...NOT_HOST_NAMES, ...NUMBERS }).filter(
  ([kind]) => !/not ASCII|sign that becomes/.test(kind),
);

function problemsOf(options: object): readonly string[] {
  try {
    createBalancedTransport(options as BalancedTransportOptions);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigurationError);
    return (error as ConfigurationError).problems;
  }
  return [];
}

describe.each(Object.entries(WRITTEN))("a user's name in %s that is not a host name", (where, written) => {
  it.each(WRITES_WRONG)("has %s: one error at once, on one line", (kind, name) => {
    const { options, begins } = written(name);
    // A service is one label of a name, and may be a number; a question mark begins the query.
    const isRight = where === "consul:" && kind === "one number";
    const splits = where === "an agent of consul+http:" && kind === "a question mark";
    const problems = problemsOf(options);
    expect(problems).toHaveLength(isRight ? 0 : splits ? 2 : 1);
    for (const problem of problems) {
      expect(problem.startsWith(begins), problem).toBe(true);
      expect(problem).not.toMatch(/[\p{Cc}\p{Cf}\u2028\u2029]/u);
    }
  });
});

it("Consul's own variable for a server's name is checked as well", () => {
  vi.stubEnv("CONSUL_TLS_SERVER_NAME", "https://consul.test");
  onTestFinished(() => void vi.unstubAllEnvs());
  expect(problemsOf({ target: "consul+https://10.0.0.1/users" })).toEqual([
    'target "consul+https://10.0.0.1/users": CONSUL_TLS_SERVER_NAME must be a host name, not "https://consul.test"; did you mean "consul.test"?',
  ]);
  // Over cleartext it means nothing.
  expect(problemsOf({ target: "consul+http://10.0.0.1/users" })).toEqual([]);
});
