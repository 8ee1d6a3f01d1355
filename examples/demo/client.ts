// A client in a process of its own: balanced, or bare connect-node on the same story.
import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { callReport, createBalancedTransport } from "connect-lb";
import { UserService } from "../quickstart/gen/users_pb.ts";
import type { ClientCommand } from "./report.ts";
import { Traffic } from "./traffic.ts";

const [kind, where] = process.argv.slice(2) as ["balanced" | "bare", string];

const bare = (baseUrl: string) => createClient(UserService, createConnectTransport({ baseUrl, httpVersion: "2" }));
let users =
  kind === "bare"
    ? bare(where)
    : createClient(
        UserService,
        // The demo's TTL is one second, so that a minute is enough; by default shorter ones are raised to five.
        createBalancedTransport({ target: where, tls: false, dns: { minTtlMs: 1_000 } }),
      );

/** What an error says, without addresses and times: those would make every error another one. */
function describe(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const attempts = callReport(error)?.attempts.map(({ outcome }) => outcome);
  return attempts === undefined ? message : `${message} (attempts: ${attempts.join(", ") || "none"})`;
}

const traffic = new Traffic(async (options) => {
  try {
    return (await users.getUser({ userId: "42" }, options)).servedBy;
  } catch (error) {
    throw new Error(describe(error), { cause: error });
  }
});

process.on("message", async (command: ClientCommand) => {
  if (command.do === "start") traffic.start();
  if (command.do === "begin-phase") traffic.beginPhase();
  if (command.do === "pause") await traffic.pause();
  if (command.do === "use") users = bare(command.baseUrl);
  process.send?.({ id: command.id, report: traffic.report() });
});
process.on("disconnect", () => process.exit(0));
