import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { EchoServerOptions } from "./servers.ts";

/** A real server in a process of its own. */
export interface ServerProcess extends AsyncDisposable {
  readonly port: number;
  /** Stops the process: its kernel accepts connections and bytes, and nothing answers (SIGSTOP). */
  pause(): void;
  resume(): void;
  /** Holds its event loop, as a handler that computes does. */
  block(ms: number): void;
  /** Handler executions by the method's local name. */
  executions(): Promise<Readonly<Record<string, number>>>;
  kill(): void;
}

const script = fileURLToPath(new URL("server-child.ts", import.meta.url));

export async function startServerProcess(options: EchoServerOptions): Promise<ServerProcess> {
  const child = fork(script, [JSON.stringify(options)], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  const [{ port }] = (await once(child, "message")) as [{ port: number }];
  return {
    port,
    pause: () => void child.kill("SIGSTOP"),
    resume: () => void child.kill("SIGCONT"),
    block: (ms) => void child.send({ blockMs: ms }),
    async executions() {
      child.send({});
      const [answer] = (await once(child, "message")) as [{ executions: Record<string, number> }];
      return answer.executions;
    },
    kill: () => void child.kill("SIGKILL"),
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill("SIGKILL");
      await once(child, "exit");
    },
  };
}
