import { vi } from "vitest";

// Every transport that a test makes sends its unary calls by connect-node, which is the standard of the own path.
vi.mock("../../src/node/unary/unary-client.ts", async () => {
  const { ConnectNodeUnary } = await import("./connect-node-unary.ts");
  return { UnaryClient: ConnectNodeUnary };
});
