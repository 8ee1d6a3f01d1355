import { execFile } from "node:child_process";
import { createServer } from "node:http2";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { createClient } from "@connectrpc/connect";
import { connectNodeAdapter, createConnectTransport } from "@connectrpc/connect-node";
import { describe, expect, it } from "vitest";
import { drainable } from "../../examples/node-service/drain.ts";
import { OrderService } from "../../examples/node-service/gen/profiles_pb.ts";
import { listen } from "../../examples/node-service/listen.ts";

const folder = fileURLToPath(new URL("../../examples/node-service/", import.meta.url));

describe("the node-service example", () => {
  it("asks two services, shows what it knows, and finishes its calls", { timeout: 30_000 }, async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [`${folder}main.ts`]);
    expect(stdout).toContain("It knows Ada, who has ordered a lamp and a chair.");
    expect(stdout.match(/ {4}127\.0\.0\.1:\d+ users-[12]\.example\.com breaker closed/g)).toHaveLength(2);
    expect(stdout).toMatch(/ {4}127\.0\.0\.1:\d+ orders\.example\.com breaker closed/);
    expect(stdout).toContain("with 5 calls under way: 5 answered.\nIt ended by itself, with exit code 0.");
  });
});

describe("a drained server", () => {
  /** A server on which one call is under way, for `takesMs`. */
  async function busyServer(takesMs: number) {
    let began = () => {};
    const underWay = new Promise<void>((resolve) => {
      began = resolve;
    });
    const server = createServer(
      connectNodeAdapter({
        routes: ({ service }) =>
          service(OrderService, {
            async listOrders() {
              began();
              await new Promise((resolve) => setTimeout(resolve, takesMs).unref());
              return {};
            },
          }),
      }),
    );
    const drain = drainable(server);
    const baseUrl = `http://${await listen(server)}`;
    const orders = createClient(OrderService, createConnectTransport({ baseUrl, httpVersion: "2" }));
    const call = orders.listOrders({}).then(
      () => "answered",
      () => "failed",
    );
    await underWay;
    return { call, drain };
  }

  it("answers the call that is under way", async () => {
    const { call, drain } = await busyServer(50);
    await drain(5_000);
    expect(await call).toBe("answered");
  });

  it("waits for it no longer than told", async () => {
    const { call, drain } = await busyServer(60_000);
    await drain(50);
    expect(await call).toBe("failed");
  });
});
