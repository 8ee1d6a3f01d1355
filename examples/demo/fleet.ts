import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** A backend's process. */
export interface Backend {
  readonly name: string;
  readonly port: number;
  setServiceTime(ms: number): void;
  /** As when it crashes: calls under way are lost. */
  kill(): void;
  /** As in a deployment: calls under way finish. */
  stop(): void;
}

const source = fileURLToPath(new URL("backend.ts", import.meta.url));
const processes = new Set<ChildProcess>();

/** @param script backend.ts, or a bundle of it. */
export async function startBackend(name: string, script = source): Promise<Backend> {
  const child = track(fork(script, [name], { stdio: ["ignore", "ignore", "inherit", "ipc"] }));
  const [{ port }] = (await once(child, "message")) as [{ port: number }];
  return {
    name,
    port,
    setServiceTime: (serviceTimeMs) => void child.send({ serviceTimeMs }),
    kill: () => void child.kill("SIGKILL"),
    stop: () => void child.kill("SIGTERM"),
  };
}

/** Ends with this process, whatever becomes of it. */
export function track(child: ChildProcess): ChildProcess {
  processes.add(child);
  child.on("exit", () => processes.delete(child));
  return child;
}

export function endAll(): void {
  for (const child of processes) {
    // A frozen process does not hear anything else.
    child.kill("SIGKILL");
  }
}
