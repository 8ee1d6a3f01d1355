import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { createClient } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createBalancedTransport } from "../../src/node.ts";
import { type FaultyRelay, startFaultyRelay } from "../support/faulty-relay.ts";
import { EchoService } from "../support/gen/echo_pb.ts";

// grpc-go at its defaults ends a connection at the third PING without data in between ("too_many_pings").

let server: ReturnType<typeof spawn>;
let port: number;

beforeAll(async () => {
  const program = execFileSync(fileURLToPath(new URL("../../.ci/go-tool", import.meta.url)), ["grpc-server"], {
    encoding: "utf8",
  }).trim();
  server = spawn(program, { stdio: ["pipe", "pipe", "inherit"] });
  const [output] = (await once(server.stdout as NodeJS.ReadableStream, "data")) as [Buffer];
  port = Number(output);
});

afterAll(() => {
  server.kill("SIGKILL");
});

function clientOf(relay: FaultyRelay) {
  const target = `static:///127.0.0.1:${relay.port}`;
  return createClient(EchoService, createBalancedTransport({ target, tls: false, protocol: "grpc", retry: false }));
}

const after = (ms: number) => ({ headers: { "x-delay-ms": `${ms}` } });

describe.concurrent("grpc-go at its defaults keeps the connection", () => {
  test("of a unary call that takes a minute", async () => {
    await using relay = await startFaultyRelay({ address: "127.0.0.1", port });
    await clientOf(relay).post({}, after(60_000));
    expect(relay.connections).toBe(1);
  });

  test("of a stream that is quiet for a minute, and of calls beside it", async () => {
    await using relay = await startFaultyRelay({ address: "127.0.0.1", port });
    const client = clientOf(relay);
    let messages = 0;
    const reading = (async () => {
      for await (const _ of client.serverStream({}, after(60_000))) messages += 1;
    })();
    for (let second = 0; second < 6; second++) {
      await new Promise((resolve) => setTimeout(resolve, 8_000));
      await client.get({});
    }
    await reading;
    expect(messages).toBe(1);
  });

  test("of calls with gaps", async () => {
    await using relay = await startFaultyRelay({ address: "127.0.0.1", port });
    const client = clientOf(relay);
    for (let call = 0; call < 12; call++) {
      await client.post({});
      await new Promise((resolve) => setTimeout(resolve, 1_500));
    }
    expect(relay.connections).toBe(1);
  });
});
