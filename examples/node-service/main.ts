// npm run example:node-service: service.ts with the servers that it calls, from its start to its graceful end.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http2";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { ConnectError, createClient } from "@connectrpc/connect";
import { connectNodeAdapter, createConnectTransport } from "@connectrpc/connect-node";
import type { Snapshot } from "connect-lb";
import { startDnsServer } from "../demo/dns-server.ts";
import { endAll, startBackend, track } from "../demo/fleet.ts";
import { OrderService, ProfileService } from "./gen/profiles_pb.ts";
import { listen } from "./listen.ts";

process.on("exit", endAll);

const dns = await startDnsServer();
const users = await Promise.all(["users-1", "users-2"].map((name) => startBackend(name)));
const orders = createServer(
  connectNodeAdapter({
    routes: ({ service }) => service(OrderService, { listOrders: () => ({ orders: ["a lamp", "a chair"] }) }),
  }),
);
const ordersPort = Number((await listen(orders)).split(":")[1]);
dns.srv(
  "_grpc._tcp.users.example.com",
  users.map(({ name, port }) => ({ target: `${name}.example.com`, port, address: "127.0.0.1" })),
  30,
);
dns.addresses("orders.example.com", ["127.0.0.1"], 30);

const service = track(
  spawn(process.execPath, [fileURLToPath(new URL("service.ts", import.meta.url))], {
    env: {
      CONNECT_LB_TLS: "false", // both
      CONNECT_LB_DNS_SERVERS: dns.address,
      CONNECT_LB_USERS_TARGET: "srv:///_grpc._tcp.users.example.com",
      CONNECT_LB_USERS_PICKER: "round-robin",
      CONNECT_LB_ORDERS_TARGET: `dns:///orders.example.com:${ordersPort}`,
      CONNECT_LB_ORDERS_PROTOCOL: "grpc",
      CONNECT_LB_ORDERS_TIMEOUT: "2s",
      CONNECT_LB_ORDERS_IDEMPOTENT_METHODS: "profiles.v1.OrderService/ListOrders",
    },
    stdio: ["ignore", "pipe", "inherit"],
  }),
);
const ended = once(service, "exit");
const lines = createInterface({ input: service.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
const nextUrl = async () => /http:\S+/.exec((await lines.next()).value ?? "")?.[0] as string;
const [url, statusUrl] = [await nextUrl(), await nextUrl()];
const profiles = createClient(ProfileService, createConnectTransport({ baseUrl: url, httpVersion: "2" }));

console.log(`The service serves at ${url}, and its snapshot at ${statusUrl}.`);
const profile = await profiles.getProfile({ userId: "42" });
console.log(`\nIt knows ${profile.name}, who has ordered ${profile.orders.join(" and ")}.`);
for (let i = 0; i < 9; i++) await profiles.getProfile({ userId: "42" });

console.log("\nIts snapshot after ten calls:");
const snapshots = (await (await fetch(statusUrl)).json()) as Record<string, Snapshot>;
for (const [name, { target, answer, endpoints, retryBudget }] of Object.entries(snapshots)) {
  console.log(`  ${name}: ${target}, answered ${answer?.ageMs} ms ago, a debt of ${retryBudget.debt} for retries`);
  for (const { address, name = "", breaker, inFlight } of endpoints) {
    console.log(`    ${address} ${name} breaker ${breaker}, ${inFlight} calls under way`);
  }
}

for (const backend of users) backend.setServiceTime(1_000);
const underWay = Array.from({ length: 5 }, () => profiles.getProfile({ userId: "42" }));
let most = 0;
for (let i = 0; i < 90 && most < underWay.length; i++) {
  await new Promise((resolve) => setTimeout(resolve, 10));
  most = Math.max(most, await callsUnderWay());
}
service.kill("SIGTERM");
const results = await Promise.allSettled(underWay);
const answered = results.filter(({ status }) => status === "fulfilled").length;
const [code] = await ended;
const refused = await profiles.getProfile({ userId: "42" }).then(
  () => "answered",
  (error: unknown) => ConnectError.from(error).message,
);
console.log(`\nStopped (SIGTERM) with ${most} calls under way: ${answered} answered.`);
console.log(`It ended by itself, with exit code ${code}. A call afterwards: ${refused}`);
process.exit(most === underWay.length && answered === most && code === 0 && refused !== "answered" ? 0 : 1);

async function callsUnderWay(): Promise<number> {
  const { users } = (await (await fetch(statusUrl)).json()) as { users: Snapshot };
  return users.endpoints.reduce((sum, { inFlight }) => sum + inFlight, 0);
}
