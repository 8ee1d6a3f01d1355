// One call in a process of its own: what it leaves behind, and how long the process lives on after its result.
import { writeSync } from "node:fs";
import { type CallOptions, ConnectError, createClient } from "@connectrpc/connect";
import { createBalancedTransport } from "../../src/node.ts";
import { EchoService } from "../support/gen/echo_pb.ts";

export interface ChildOptions {
  readonly target: string;
  readonly fallbackTarget?: string;
  readonly httpVersion: "2" | "1.1";
  readonly request: { delayMs?: number; failCode?: number };
  readonly timeoutMs?: number;
  readonly abortAfterMs?: number;
}

const { request, timeoutMs, abortAfterMs, ...found } = JSON.parse(process.argv[2] as string) as ChildOptions;
const client = createClient(EchoService, createBalancedTransport({ ...found, tls: false }));

const options: CallOptions = timeoutMs === undefined ? {} : { timeoutMs };
if (abortAfterMs !== undefined) {
  const controller = new AbortController();
  setTimeout(() => controller.abort(), abortAfterMs);
  options.signal = controller.signal;
}
let result = "ok";
try {
  await client.get(request, options);
} catch (error) {
  result = ConnectError.from(error).message;
}
const done = performance.now();
// To the end of this turn of the event loop, and one whole turn on: what was closed in this one is gone by then.
await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
// The pipes are the process's own output.
const resources = process.getActiveResourcesInfo().filter((name) => name !== "PipeWrap");
process.on("exit", () => {
  // Written synchronously, because an output stream would be one of the resources.
  writeSync(1, JSON.stringify({ result, resources, lingeredMs: performance.now() - done }));
});
