import { closeSync, openSync } from "node:fs";
import { createHostsFile } from "../../src/node/dns/hosts-file.ts";
import { createSystemServers } from "../../src/node/dns/resolv-conf.ts";
import { systemRuntime } from "../../src/runtime.ts";

// Reads a resolv.conf and a hosts file in a process of its own: as it was started, and, with "exhausted", first without
// a file descriptor left. Prints what comes of it, a line of JSON each time.

const [resolvConf = "", hostsFile = "", how] = process.argv.slice(2);
const { clock } = systemRuntime;
const servers = createSystemServers(clock, { path: resolvConf });
const hosts = createHostsFile(clock, hostsFile);

async function show(): Promise<void> {
  const failed = ({ name, message }: Error) => `${name}: ${message}`;
  console.log(
    JSON.stringify([
      await servers().then(({ servers: [server] }) => server?.address, failed),
      await hosts("one.test").then(([record]) => record?.address, failed),
    ]),
  );
}

const descriptors: number[] = [];
if (how === "exhausted") {
  // What opens at the first use opens now.
  console.log("");
  try {
    for (;;) descriptors.push(openSync("/dev/null", "r"));
  } catch (error) {
    if ((error as { code?: string }).code !== "EMFILE") throw error;
  }
  await show();
  for (const descriptor of descriptors) closeSync(descriptor);
}
await show();
