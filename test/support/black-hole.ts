import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** A port on loopback whose connects are never answered. */
export interface BlackHole extends Disposable {
  readonly port: number;
  /** Accepts from now on: a connect that is under way is answered when the kernel sends its SYN again, a second after the first. */
  open(): void;
}

/** A listener that accepts nothing, because its process is stopped: once its backlog is full, Linux drops each SYN. */
export async function startBlackHole(): Promise<BlackHole> {
  const listen = `require("node:net").createServer().listen({ port: 0, host: "127.0.0.1", backlog: 1 }, function () {
    process.stdout.write(String(this.address().port));
  })`;
  const listener: ChildProcess = spawn(process.execPath, ["-e", listen], { stdio: ["ignore", "pipe", "inherit"] });
  const fillers: Socket[] = [];
  const end = (): void => {
    listener.kill("SIGKILL");
    for (const filler of fillers) filler.destroy();
  };
  const [output] = (await once(listener.stdout as NodeJS.ReadableStream, "data")) as [Buffer];
  const port = Number(output);
  listener.kill("SIGSTOP");
  for (let i = 0; i < 4; i++) fillers.push(connect({ host: "127.0.0.1", port }).on("error", () => {}));
  await sleep(20);
  if (fillers.every((filler) => !filler.connecting)) {
    end();
    throw new Error("the backlog took every connection");
  }
  return { port, open: () => void listener.kill("SIGCONT"), [Symbol.dispose]: end };
}
