// A process of its own, for tests of what holds a process, and of what a frozen one does. Arguments: what to do, JSON options.
import { createInterface } from "node:readline";
import { type EndpointClientOptions, endpointClient, rejection } from "./endpoint-client.ts";

const [action, json] = process.argv.slice(2) as [string, string];
const options = JSON.parse(json) as EndpointClientOptions & { waitMs?: number; timeoutMs?: number };
const { client, transport, connect } = endpointClient(options);
const say = (fact: object) => process.stdout.write(`${JSON.stringify(fact)}\n`);

/** What holds the process when all is done. */
async function sayWhatHolds(): Promise<void> {
  // Node closes handles over a few turns. The pipes are this process's own output.
  for (let turn = 0; turn < 4; turn++) await new Promise((resolve) => setImmediate(resolve));
  const held = process.getActiveResourcesInfo().filter((name) => name !== "PipeWrap" && name !== "Immediate");
  say({ held });
}

if (action === "wait") {
  // What the call layer does: a limit of its own, by a timer that holds the process, and a signal.
  const controller = new AbortController();
  const waiting = transport.connect?.(Date.now(), { signal: controller.signal, canRetry: false });
  await new Promise((resolve) => setTimeout(resolve, options.waitMs));
  controller.abort();
  waiting?.catch(() => {});
  await sayWhatHolds();
} else if (action === "call") {
  await connect();
  await client.get({}, options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs });
  if (options.httpVersion === "1.1") await rejection(client.get({ failCode: 5 }));
  await sayWhatHolds();
} else {
  await connect();
  await client.get({});
  say({ ready: true });
  const lines = createInterface({ input: process.stdin });
  lines.once("line", async () => {
    lines.close();
    process.stdin.destroy();
    try {
      await connect();
      say({ server: (await client.post({})).server });
    } catch (error) {
      say({ error: String(error) });
    }
  });
}
