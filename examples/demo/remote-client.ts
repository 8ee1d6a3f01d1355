import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { track } from "./fleet.ts";
import type { ClientCommand, PhaseReport } from "./report.ts";

/** A client's process, as the story sees it. */
export interface RemoteClient {
  /** Undefined once the process has died: bare connect-node may, after a thaw (connect-es #1768). */
  ask(command: "start" | "begin-phase" | "pause" | "report" | { use: string }): Promise<PhaseReport | undefined>;
  /** Really: SIGSTOP. */
  freeze(): void;
  thaw(): void;
}

const script = fileURLToPath(new URL("client.ts", import.meta.url));

export function startClient(kind: "balanced" | "bare", where: string): RemoteClient {
  // What a dying bare client prints is no news; what a balanced one has to say of a failed call is.
  const stderr = kind === "bare" ? "ignore" : "inherit";
  const child = track(fork(script, [kind, where], { stdio: ["ignore", "ignore", stderr, "ipc"] }));
  const waiting = new Map<number, (report: PhaseReport | undefined) => void>();
  let id = 0;
  let dead = false;
  child.on("message", (answer: { id: number; report: PhaseReport }) => {
    waiting.get(answer.id)?.(answer.report);
    waiting.delete(answer.id);
  });
  child.on("error", () => {});
  child.on("exit", () => {
    dead = true;
    for (const resolve of waiting.values()) resolve(undefined);
  });
  return {
    ask: (command) =>
      new Promise((resolve) => {
        if (dead) return resolve(undefined);
        waiting.set(++id, resolve);
        const message: ClientCommand =
          typeof command === "string" ? { id, do: command } : { id, do: "use", baseUrl: command.use };
        child.send(message);
      }),
    freeze: () => void child.kill("SIGSTOP"),
    thaw: () => void child.kill("SIGCONT"),
  };
}
