import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Instance, Registry } from "./registry.ts";

const ZONE = "svc.test";
/** CoreDNS looks for a changed zone file so often; a second is the shortest it is used with. */
const RELOAD = "1s";

/** SRV records in a zone file of a real CoreDNS, with a TTL of 5 s. */
export async function startCoreDns(): Promise<Registry & AsyncDisposable> {
  const { stdout: program } = await promisify(execFile)(".ci/go-tool", ["coredns"]);
  const folder = await mkdtemp(join(tmpdir(), "connect-lb-coredns-"));
  const port = await freePort();
  const services = new Map<string, readonly Instance[]>();
  let serial = 0;
  const writeZone = () => writeFile(join(folder, "zone"), zoneFile(services, ++serial));
  await writeZone();
  await writeFile(
    join(folder, "Corefile"),
    `${ZONE}:${port} {\n bind 127.0.0.1\n errors\n file ${folder}/zone {\n  reload ${RELOAD}\n }\n}\n`,
  );
  const child = spawn(program.trim(), ["-conf", join(folder, "Corefile")], { stdio: ["ignore", "ignore", "inherit"] });
  const end = () => void child.kill("SIGKILL");
  process.on("exit", end);
  return {
    name: "DNS SRV (CoreDNS)",
    target: (service) => `srv://127.0.0.1:${port}/_grpc._tcp.${service}.${ZONE}`,
    async set(service, instances) {
      services.set(service, instances);
      await writeZone();
    },
    async [Symbol.asyncDispose]() {
      process.off("exit", end);
      const exited = once(child, "exit");
      end();
      await exited;
      await rm(folder, { recursive: true });
    },
  };
}

function zoneFile(services: ReadonlyMap<string, readonly Instance[]>, serial: number): string {
  const lines = [`$ORIGIN ${ZONE}.`, "$TTL 5", `@ SOA ns admin ${serial} 60 30 3600 5`, "@ NS ns", "ns A 127.0.0.1"];
  for (const [service, instances] of services) {
    for (const { name, address, port } of instances) {
      lines.push(`_grpc._tcp.${service} SRV 0 1 ${port} ${service}-${name}`, `${service}-${name} A ${address}`);
    }
  }
  return `${lines.join("\n")}\n`;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  await once(server.close(), "close");
  return port;
}
