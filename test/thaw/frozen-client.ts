// The client's process: what the clients of the matrix have in common.

import { writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import { EchoService } from "../support/gen/echo_pb.ts";
import { type Kind, TIMEOUT_MS, type Wire } from "./cells.ts";

/** What a client's process is told as it starts. */
export interface ClientArguments {
  readonly wire: Wire;
  readonly kind: Kind;
  /** Where a client that cannot discover finds the server. */
  readonly baseUrl: string;
  /** "127.0.0.1:PORT" */
  readonly dnsServer: string;
  readonly name: string;
  readonly defaults: boolean;
  /** Of clients that can: PINGs, as often and with as short a limit as the balanced client's. */
  readonly pings: boolean;
}

/** What it says after the call. */
export interface CallResult {
  /** "ok", or the code that its user sees. */
  readonly outcome: string;
  readonly message?: string;
  readonly latencyMs: number;
  /** From the end of the call before. */
  readonly idleMs: number;
}

export const clientArguments = (): ClientArguments => JSON.parse(process.argv[2] as string);

/** Two warm calls; and one more when told so, which happens during the freeze. */
export async function frozenClient(call: () => Promise<unknown>, codeOf: (error: unknown) => string): Promise<void> {
  await call();
  await call();
  const idleSince = Date.now();
  say({ ready: true });
  const lines = createInterface({ input: process.stdin });
  lines.on("line", async (line) => {
    if (line === "end") process.exit(0);
    const idleMs = Date.now() - idleSince;
    const startedAt = performance.now();
    const result = await call().then(
      () => ({ outcome: "ok" }),
      (error) => ({ outcome: codeOf(error), message: error instanceof Error ? error.message : String(error) }),
    );
    say({ ...result, latencyMs: performance.now() - startedAt, idleMs } satisfies CallResult);
  });
}

function say(fact: object): void {
  // Synchronously: a process that crashes next has still said it.
  writeSync(1, `${JSON.stringify(fact)}\n`);
}

/** The matrix's calls over a Connect transport. */
export function frozenConnectClient(transport: Transport, kind: Kind): Promise<void> {
  const client = createClient(EchoService, transport);
  const options = { timeoutMs: TIMEOUT_MS };
  const calls: Record<Kind, () => Promise<unknown>> = {
    idempotent: () => client.get({ text: "hello" }, options),
    unknown: () => client.post({ text: "hello" }, options),
    async stream() {
      for await (const _message of client.serverStream({ text: "hello", count: 2 }, options));
    },
  };
  return frozenClient(calls[kind], (error) => Code[ConnectError.from(error).code]);
}
