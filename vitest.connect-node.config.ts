import { defineConfig } from "vitest/config";

// What `npm test` expects of unary calls over HTTP/2, by connect-node instead of the own path: no test is about the path.
export default defineConfig({
  test: {
    include: ["test/{call,e2e}/**/*.test.ts", "test/node/{endpoint-transports,http2/*,net/tls-*}.test.ts"],
    // Over these, connect-node is the only path.
    testNamePattern: /^(?!.*(grpc-web|HTTP\/1\.1))/,
    env: { EXCHANGES: "20" },
    setupFiles: ["test/support/over-connect-node.ts"],
    testTimeout: 10_000,
    maxWorkers: 2,
  },
});
