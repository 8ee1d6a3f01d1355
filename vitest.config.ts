import { defineConfig } from "vitest/config";
import type { TestUserConfig } from "vitest/node";

const projects: Readonly<Record<string, TestUserConfig>> = {
  unit: {
    include: ["test/**/*.test.ts"],
    // Each has a project of its own.
    exclude: ["test/{interop,thaw,package,runtimes}/**"],
    testTimeout: 10_000,
    // Most tests wait for sockets; on a machine of two cores vitest would run one file at a time.
    maxWorkers: 2,
  },

  // What `unit` expects of unary calls over HTTP/2, by connect-node instead of the own path: no test is about the path.
  "connect-node": {
    include: ["test/{call,e2e,transport}/**/*.test.ts", "test/node/{endpoint-transports,http2/*,net/tls-*}.test.ts"],
    // Over these, connect-node is the only path.
    testNamePattern: /^(?!.*(grpc-web|HTTP\/1\.1))/,
    env: { EXCHANGES: "20" },
    setupFiles: ["test/support/over-connect-node.ts"],
    testTimeout: 10_000,
    maxWorkers: 2,
  },

  // Every exchange that the generator knows, and everything that a handler may throw: `unit` takes a sample.
  exchanges: { include: ["test/call/{exchanges,thrown}.test.ts"], env: { EXCHANGES: "1000000" } },

  // The long run of what `unit` does with fewer messages.
  fuzz: { include: ["test/dns/{fuzz,check-message}.test.ts"], env: { FUZZ_MESSAGES: "1000000" } },

  // Real servers: those that .ci/run installs, and CoreDNS, which is built. One that is missing fails its tests.
  interop: { include: ["test/interop/**/*.test.ts"], testTimeout: 20_000, hookTimeout: 20_000 },

  // The package as npm packs it, in a project outside the repository. npm fetches what is not in its cache.
  package: { include: ["test/package/**/*.test.ts"], testTimeout: 20_000, hookTimeout: 120_000 },

  // The package as npm packs it, on Deno and Bun. .ci/runtime fetches them once.
  runtimes: { include: ["test/runtimes/**/*.test.ts"], testTimeout: 20_000, hookTimeout: 120_000 },

  // Hundreds of processes that are frozen for up to a minute; most of the time they wait.
  thaw: { include: ["test/thaw/**/*.test.ts"], testTimeout: 280_000, maxConcurrency: 48 },
};

const test: TestUserConfig = {
  // Unless the command line names others: some files are in several projects, and would run in each.
  project: "unit",
  projects: Object.entries(projects).map(([name, options]) => ({ test: { name, ...options } })),
};

export default defineConfig({ test });
