import { createClient } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { readEnvironment } from "../../src/config/environment.ts";
import { mergeLayers } from "../../src/config/layers.ts";
import { balancedTransportFromEnv, ConfigurationError, callReport } from "../../src/node.ts";
import { EchoService } from "../support/gen/echo_pb.ts";
import { badEnvironments } from "./bad-environments.ts";

const target = "srv:///_grpc._tcp.users.test";

/** The options that code would have to give for the same. */
function optionsOf(env: Record<string, string>, name?: string) {
  const { layers, problems, ...read } = readEnvironment(name, env);
  expect(problems).toEqual([]);
  return mergeLayers({ target: read.target as string }, layers);
}

describe("wrong environments", () => {
  it("are at least 80", () => expect(badEnvironments.length).toBeGreaterThanOrEqual(80));

  it.each(badEnvironments.map((row) => [row.message, row] as const))("%s", (message, { name, env }) => {
    let thrown: unknown;
    try {
      balancedTransportFromEnv(name, { env });
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(ConfigurationError);
    expect((thrown as Error).message).toBe(message);
    expect(message).not.toMatch(/hunter2|secret@|undefined$/);
  });
});

describe("the environment of a transport", () => {
  it("sets every option that can be written", () => {
    const env = {
      CONNECT_LB_TARGET: target,
      CONNECT_LB_PROTOCOL: "grpc",
      CONNECT_LB_TIMEOUT: "1.5s",
      CONNECT_LB_ATTEMPT_TIMEOUT: "500ms",
      CONNECT_LB_DNS_MAX_STALE: "2h",
      CONNECT_LB_RETRY_CODES: "unavailable, RESOURCE_EXHAUSTED,DeadlineExceeded",
      CONNECT_LB_MAX_ATTEMPTS: "2",
      CONNECT_LB_IDEMPOTENT_METHODS: "users.v1.UserService/GetUser,orders.v1.Orders/*",
      CONNECT_LB_BREAKER: "0",
      CONNECT_LB_TLS: "FALSE",
      CONNECT_LB_DNS_SERVERS: "10.0.0.2,[fd00::2]:5353",
    };
    expect(optionsOf(env)).toEqual({
      target,
      protocol: "grpc",
      defaultTimeoutMs: 1_500,
      attemptTimeoutMs: 500,
      dns: { maxStaleMs: 7_200_000, servers: ["10.0.0.2", "[fd00::2]:5353"] },
      retry: {
        codes: [14, 8, 4],
        maxAttempts: 2,
        idempotentMethods: ["users.v1.UserService/GetUser", "orders.v1.Orders/*"],
      },
      breaker: false,
      tls: false,
    });
  });

  it("of a named one falls back to the unnamed one's options, but not to its client certificate nor its fallback target", () => {
    const env = {
      CONNECT_LB_ORDERS_TARGET: target,
      CONNECT_LB_TIMEOUT: "1s",
      CONNECT_LB_PICKER: "round-robin",
      CONNECT_LB_ORDERS_PICKER: "p2c",
      CONNECT_LB_FALLBACK_TARGET: "dns:///backup.test:80",
      CONNECT_LB_TLS_CA: "file:/ca.pem",
      CONNECT_LB_TLS_CERT: "file:/cert.pem",
      CONNECT_LB_TLS_KEY: "file:/key.pem",
    };
    expect(optionsOf(env, "orders")).toEqual({
      target,
      defaultTimeoutMs: 1_000,
      picker: "p2c",
      tls: { ca: "file:/ca.pem" },
    });
  });

  it("has a fallback target of its own", () => {
    const env = { CONNECT_LB_ORDERS_TARGET: target, CONNECT_LB_ORDERS_FALLBACK_TARGET: "dns:///backup.test:80" };
    expect(optionsOf(env, "orders").fallbackTarget).toBe("dns:///backup.test:80");
    const transport = balancedTransportFromEnv("orders", { env });
    expect(transport.snapshot()).toMatchObject({ target, fallback: { target: "dns:///backup.test:80" } });
  });

  it("has names with hyphens as underscores", () => {
    expect(optionsOf({ CONNECT_LB_ORDERS_EU_TARGET: target }, "orders-eu").target).toBe(target);
  });

  it("leaves alone what other transports and Kubernetes set, and takes an empty variable for unset", () => {
    const env = {
      CONNECT_LB_TARGET: target,
      CONNECT_LB_ORDERS_TARGET: target,
      CONNECT_LB_ORDERS_MAX_ATTEMPTS: "no number",
      CONNECT_LB_DEMO_SERVICE_HOST: "10.0.0.8",
      CONNECT_LB_DEMO_SERVICE_PORT: "80",
      CONNECT_LB_DEMO_SERVICE_PORT_GRPC: "80",
      CONNECT_LB_DEMO_PORT: "tcp://10.0.0.8:80",
      CONNECT_LB_DEMO_PORT_80_TCP: "tcp://10.0.0.8:80",
      CONNECT_LB_DEMO_PORT_80_TCP_PROTO: "tcp",
      CONNECT_LB_DEMO_PORT_53_UDP_ADDR: "10.0.0.8",
      CONNECT_LB_SERVICE_HOST: "10.0.0.9",
      CONNECT_LB_SERVICE_PORT_HTTP: "80",
      CONNECT_LB_PORT: "tcp://10.0.0.9:80",
      CONNECT_LB_PORT_80_TCP_ADDR: "10.0.0.9",
      CONNECT_LB_TIMEOUT: "",
      CONNECT_LBS: "x",
    };
    expect(optionsOf(env)).toEqual({ target });
  });

  it("switches a group on again where a stronger source sets one of its members", () => {
    const env = { CONNECT_LB_ORDERS_TARGET: target, CONNECT_LB_RETRY: "false", CONNECT_LB_ORDERS_MAX_ATTEMPTS: "2" };
    expect(optionsOf(env, "orders").retry).toEqual({ maxAttempts: 2 });
  });

  it("is weaker than the target's query, which is weaker than code", () => {
    const environment = new Map<string, unknown>([
      ["picker", "p2c"],
      ["protocol", "grpc"],
      ["retry", false],
    ]);
    const query = new Map<string, unknown>([
      ["picker", "round-robin"],
      ["retry.maxAttempts", 4],
    ]);
    expect(mergeLayers({ target, retry: { maxAttempts: 5 } }, [environment, query])).toEqual({
      target,
      picker: "round-robin",
      protocol: "grpc",
      retry: { maxAttempts: 5 },
    });
  });

  it("gives a transport that calls", async () => {
    const transport = balancedTransportFromEnv("orders", {
      env: {
        CONNECT_LB_ORDERS_TARGET: "static:///127.0.0.1:1?tls=false&retry=false",
      },
    });
    const error = await createClient(EchoService, transport)
      .get({})
      .catch((reason: unknown) => reason);
    expect(callReport(error)?.attempts.map(({ outcome }) => outcome)).toEqual(["not-sent"]);
  });

  it("is weaker than the options beside it, which may give the target", () => {
    const env = { CONNECT_LB_ORDERS_TARGET: "static:///127.0.0.1:1", CONNECT_LB_ORDERS_TIMEOUT: "1s" };
    expect(balancedTransportFromEnv("orders", { env }).snapshot().target).toBe("static:///127.0.0.1:1");
    expect(balancedTransportFromEnv("orders", { env, target: "static:///127.0.0.1:2" }).snapshot().target).toBe(
      "static:///127.0.0.1:2",
    );
    const { CONNECT_LB_ORDERS_TARGET: _, ...rest } = env;
    expect(balancedTransportFromEnv("orders", { env: rest, target }).snapshot().target).toBe(target);
    expect(balancedTransportFromEnv({ env: { CONNECT_LB_TLS: "false" }, target }).snapshot().target).toBe(target);
  });

  it("of a transport whose target code has given belongs to somebody, too", () => {
    const env = { CONNECT_LB_TARGET: target, CONNECT_LB_BILLING_TIMEOUT: "1s" };
    expect(() => balancedTransportFromEnv({ env })).toThrow(/CONNECT_LB_BILLING_TARGET must be set too/);
    balancedTransportFromEnv("billing", { env, target });
    expect(balancedTransportFromEnv({ env }).snapshot().target).toBe(target);
  });

  it("comes with interceptors of code's", async () => {
    const seen: string[] = [];
    const transport = balancedTransportFromEnv({
      env: { CONNECT_LB_TARGET: "static:///127.0.0.1:1?tls=false&retry=false" },
      interceptors: [
        (next) => (request) => {
          seen.push(request.method.name);
          return next(request);
        },
      ],
    });
    await createClient(EchoService, transport)
      .get({})
      .catch(() => {});
    expect(seen).toEqual(["Get"]);
  });

  it.each<[string, readonly unknown[], RegExp]>([
    [
      "variables in place of options",
      [undefined, { CONNECT_LB_TARGET: target }],
      /CONNECT_LB_TARGET is a variable: pass variables as \{ env \}/,
    ],
    ["options before the name", [{ target }, "orders"], /pass the name before the options/],
    ["a name that is no text", [7], /the transport's name must be text/],
    ["variables that are none", [{ env: "x" }], /env must be an object of variables/],
    [
      "an option that is wrong, and a target",
      [{ env: { CONNECT_LB_TARGET: "users.test:80" }, retries: 3 }],
      /2 problems:\n- unknown option "retries".*\n- target "users.test:80": it must have the form/,
    ],
    [
      "an option that is wrong, and a variable",
      [{ env: { CONNECT_LB_TIMEOUT: "1" }, target, retries: 3 }],
      /2 problems:/,
    ],
  ])("is an error with %s", (_, given, message) => {
    expect(() => (balancedTransportFromEnv as (...args: readonly unknown[]) => unknown)(...given)).toThrow(message);
  });

  it("is read when the function is called, not at import", () => {
    process.env.CONNECT_LB_LATE_TARGET = "static:///127.0.0.1:1";
    try {
      expect(balancedTransportFromEnv("late").snapshot().target).toBe("static:///127.0.0.1:1");
    } finally {
      delete process.env.CONNECT_LB_LATE_TARGET;
    }
  });
});
