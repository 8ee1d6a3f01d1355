// What a user writes, run by Deno and Bun from a folder where the package is installed (runtimes.test.ts). Its argument
// is the options of the transport as JSON. Each line of its input is a method to call, and each line of its output what
// came of it. It ends by itself at the end of its input: nothing here closes the transport.
import { createInterface } from "node:readline";
import { createClient } from "@connectrpc/connect";
import { callReport, createBalancedTransport } from "connect-lb";
import { EchoService } from "../support/gen/echo_pb.ts";

const client = createClient(EchoService, createBalancedTransport(JSON.parse(process.argv[2] as string)));

async function call(method: string): Promise<string> {
  if (method === "post") return (await client.post({ text: "hello" })).text;
  const texts: string[] = [];
  for await (const { text } of client.serverStream({ text: "hello", count: 3 })) texts.push(text);
  return texts.join(" ");
}

for await (const method of createInterface({ input: process.stdin })) {
  try {
    console.log(await call(method));
  } catch (error) {
    console.log(`${error}, outcomes: ${callReport(error)?.attempts.map(({ outcome }) => outcome)}`);
  }
}
