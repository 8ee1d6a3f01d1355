// npm run example:consul: an agent and four instances with health checks, called through consul://. One of them reports
// that it is ill, and later that it is well again.
import { createClient } from "@connectrpc/connect";
import { createBalancedTransport } from "connect-lb";
import { UserService } from "../quickstart/gen/users_pb.ts";
import { startConsulAgent } from "./agent.ts";
import { type Instance, startInstance } from "./instance.ts";

const SECONDS = 14;
const CALLS_PER_SECOND = 200;
const ILL_FROM = 4;
const ILL_TO = 9;

const agent = await startConsulAgent({ config: { dns_config: { service_ttl: { "*": "1s" } } } });
await agent.ready();
const instances: Instance[] = [];
for (const name of ["one", "two", "three", "four"]) instances.push(await startInstance(name, agent));
const [, two] = instances as [Instance, Instance];

// 1 s in place of the 5 s that TTLs are raised to, so that a change shows while somebody looks.
const target = `consul://${agent.dns}/users?dns-min-ttl=1s`;
const users = createClient(UserService, createBalancedTransport({ target, tls: false }));

const counts = new Map<string, number>();
let failed = 0;

console.log(`Calls a second of each instance, found at ${target}; Consul checks them every second.\n`);
console.log(row(["second", ...instances.map(({ name }) => name), "failed", "checks"]));
let lastOfTwo = 0;
for (let second = 1; second <= SECONDS; second++) {
  if (second === ILL_FROM) two.healthy = false;
  if (second === ILL_TO) two.healthy = true;
  counts.clear();
  failed = 0;
  await callForOneSecond();
  const shares = instances.map(({ name }) => counts.get(name) ?? 0);
  lastOfTwo = counts.get("two") ?? 0;
  console.log(row([second, ...shares, failed, `${await checksOf()}${newsOf(second)}`]));
}
console.log(lastOfTwo > 0 ? "\nEvery instance has its traffic again." : "\nFAILED: two has not got its traffic back");
process.exit(lastOfTwo > 0 ? 0 : 1);

async function callForOneSecond(): Promise<void> {
  const calls: Promise<void>[] = [];
  for (let i = 0; i < CALLS_PER_SECOND; i++) {
    calls.push(callOnce());
    await new Promise((resolve) => setTimeout(resolve, 1_000 / CALLS_PER_SECOND));
  }
  await Promise.all(calls);
}

async function callOnce(): Promise<void> {
  try {
    const { servedBy } = await users.getUser({ userId: "1" });
    counts.set(servedBy, (counts.get(servedBy) ?? 0) + 1);
  } catch {
    failed++;
  }
}

/** What Consul says at this moment. */
async function checksOf(): Promise<string> {
  const checks = await agent.get<{ ServiceID: string; Status: string }[]>("/v1/health/checks/users");
  const critical = checks.filter(({ Status }) => Status === "critical").map(({ ServiceID }) => ServiceID);
  return critical.length === 0 ? "all pass" : `${critical.join(", ")} critical`;
}

function newsOf(second: number): string {
  if (second === ILL_FROM) return " (two answers its check with 503)";
  return second === ILL_TO ? " (two answers its check with 200)" : "";
}

function row(cells: readonly (string | number)[]): string {
  return cells.map((cell, i) => (i === cells.length - 1 ? `  ${cell}` : `${cell}`.padStart(7))).join("");
}
