import { constants } from "node:http2";
import { setTimeout as sleep } from "node:timers/promises";
import { type Client, ConnectError, createClient } from "@connectrpc/connect";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createBalancedTransport } from "../../src/node.ts";
import { EchoService } from "../support/gen/echo_pb.ts";
import { inParallel } from "../support/in-parallel.ts";
import { type EchoServer, startEchoServer } from "../support/servers.ts";

const TRIALS = 1_000;
const WORKERS = 8;
const codes = [constants.NGHTTP2_NO_ERROR, constants.NGHTTP2_ENHANCE_YOUR_CALM, constants.NGHTTP2_INTERNAL_ERROR];
const MESSAGES = 4;

/** What is under way when GOAWAY comes, and what becomes of it. Each resolves once calls may go on. */
type Moment = (client: Client<typeof EchoService>, goaway: () => void, trial: number, code: number) => Promise<void>;

const moments: Record<string, Moment> = {
  async idle(_client, goaway, trial) {
    goaway();
    await sleep(trial % 2 === 0 ? 30 : 150);
  },
  async "0 to 10 ms before a call"(_client, goaway, trial) {
    goaway();
    const ms = trial % 11;
    // The same turn, too.
    if (ms > 0) await sleep(ms);
  },
  async "in the middle of calls"(client, goaway) {
    const calls = [1, 2, 3].map(() => client.get({ delayMs: 12 }));
    await sleep(6);
    goaway();
    await Promise.all(calls);
  },
  async "in the middle of a stream"(client, goaway, _trial, code) {
    let messages = 0;
    try {
      for await (const _message of client.serverStream({ count: MESSAGES, intervalMs: 4 })) {
        if (messages++ === 0) goaway();
      }
    } catch (error) {
      // It had begun, and an error code means that the connection is broken.
      if (code === constants.NGHTTP2_NO_ERROR) throw error;
      return;
    }
    expect(messages).toBe(MESSAGES);
  },
};

const uncaught: unknown[] = [];
const note = (error: unknown) => void uncaught.push(error);
const servers: EchoServer[] = [];
beforeAll(async () => {
  process.on("uncaughtException", note).on("unhandledRejection", note);
  while (servers.length < WORKERS) servers.push(await startEchoServer({ httpVersion: "2" }));
});
afterAll(() => {
  process.off("uncaughtException", note).off("unhandledRejection", note);
  for (const server of servers) server.kill();
});

test.each(Object.entries(moments))(`GOAWAY ${"%s"}: no call fails, nothing is uncaught`, async (_name, moment) => {
  const failures: string[] = [];
  const idle = [...servers];
  const trials = Array.from({ length: TRIALS / Object.keys(moments).length }, (_, trial) => trial);
  await inParallel(trials, WORKERS, async (trial) => {
    // One client at a time on each server: its GOAWAY is for that one alone.
    const server = idle.pop() as EchoServer;
    const code = codes[trial % codes.length] as number;
    const closes = Math.floor(trial / codes.length) % 2 === 0;
    const protocol = Math.floor(trial / (2 * codes.length)) % 2 === 0 ? "connect" : "grpc";
    const transport = createBalancedTransport({ target: `static:///127.0.0.1:${server.port}`, tls: false, protocol });
    const client = createClient(EchoService, transport);
    const goaway = () => {
      server.goaway(code);
      if (closes) server.drain();
    };
    try {
      await client.get({});
      await moment(client, goaway, trial, code);
      await Promise.all([client.get({}), client.get({})]);
      await client.get({});
    } catch (error) {
      failures.push(`trial ${trial}, ${protocol}, code ${code}, closes ${closes}: ${ConnectError.from(error).message}`);
    }
    transport.close();
    idle.push(server);
  });
  await sleep(50);
  expect(failures).toEqual([]);
  expect(uncaught).toEqual([]);
});
