import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Backend, endAll, startBackend } from "../../examples/demo/fleet.ts";
import { type Bundles, bundle } from "../../examples/lambda/bundle.ts";
import { startFunction } from "../../examples/lambda/function.ts";
import { a, message, srv } from "../dns/records.ts";
import { type PeerQuery, type PeerStep, startDnsPeer } from "../support/dns-peer.ts";

// The warm-up of the init phase while DNS is dead.

const folder = mkdtempSync(join(tmpdir(), "connect-lb-lambda-init-"));
let bundles: Bundles;
let backend: Backend;

beforeAll(async () => {
  bundles = await bundle(folder, false);
  backend = await startBackend("one", bundles.server);
});

afterAll(() => {
  endAll();
  rmSync(folder, { recursive: true });
});

const silence = (): PeerStep[] => [];
const servfail = (query: PeerQuery) => [message(query, { flags: "8182" })];
const records = (query: PeerQuery) => [
  message(query, {
    answers: [srv("one.users.test", { port: backend.port })],
    additionals: [a("one.users.test", "127.0.0.1")],
  }),
];

describe("init ends in time, and the first invocation works once DNS is back", { concurrent: true }, () => {
  test.each([
    ["silent", silence, "esm", 0],
    ["silent, then a freeze that outlasts the look-up", silence, "esm", 6_000],
    ["answers SERVFAIL, then a freeze that outlasts the pause after a failure", servfail, "esm", 2_000],
    ["silent, and the bundle is CommonJS", silence, "cjs", 0],
  ] as const)("DNS %s", { timeout: 30_000 }, async (_, dead, kind, frozenMs) => {
    let answering: (query: PeerQuery) => PeerStep[] = dead;
    await using dns = await startDnsPeer((query) => answering(query));
    const begun = performance.now();
    await using lambda = await startFunction({
      name: "users",
      taskRoot: bundles[kind],
      handler: "index.handler",
      runtime: bundles.runtime,
      timeoutMs: 3_000, // Lambda's default
      variables: { CONNECT_LB_TARGET: `srv://${dns.address}/_grpc._tcp.users.test`, CONNECT_LB_TLS: "false" },
    });
    // Lambda's own limit is 10 s.
    expect(performance.now() - begun).toBeLessThan(5_000);
    if (frozenMs > 0) {
      await lambda.freeze();
      await new Promise((resolve) => setTimeout(resolve, frozenMs));
    }
    answering = records;
    const answer = await lambda.invoke({ userId: "42" });
    expect(answer).toMatchObject({ failed: false, body: '{"name":"Ada","servedBy":"one"}' });
    // In CommonJS the first event may come before the warm-up has failed.
    if (kind === "esm") expect(lambda.log).toMatch(/WARN\t.*(TimeoutError|could not be looked up)/);
  });
});
