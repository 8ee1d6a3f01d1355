import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

/** Runs commands in a folder as somebody at a terminal does. */
export class Terminal implements AsyncDisposable {
  readonly #folder: string;
  readonly #env: NodeJS.ProcessEnv;
  #server: ChildProcess | undefined;

  constructor(folder: string, env: NodeJS.ProcessEnv) {
    this.#folder = folder;
    this.#env = env;
  }

  /** What the command prints on both outputs, when it has ended. @throws Error that has the output, if the command fails. */
  async run(command: string): Promise<string> {
    const { child, output } = this.#spawn(command);
    const [code] = await once(child, "close");
    if (code !== 0) throw new Error(`${command} ended with ${code}:\n${output()}`);
    return output();
  }

  /** What the command has printed when it has printed a line; it goes on until the next server is started. */
  async startServer(command: string): Promise<string> {
    await this.stopServer();
    const { child, output } = this.#spawn(command);
    this.#server = child;
    const ended = once(child, "close");
    while (!output().includes("\n")) {
      await Promise.race([once(child.stdout, "data"), ended]);
      if (child.exitCode !== null || child.signalCode !== null)
        throw new Error(`${command} ended with ${child.exitCode}:\n${output()}`);
    }
    return output();
  }

  async stopServer(): Promise<void> {
    const server = this.#server;
    if (server?.pid === undefined || server.exitCode !== null || server.signalCode !== null) return;
    const ended = once(server, "close");
    // The whole group, as Ctrl+C does: npx has the server as its grandchild.
    process.kill(-server.pid, "SIGTERM");
    await ended;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stopServer();
  }

  #spawn(command: string) {
    const child = spawn("sh", ["-e", "-c", command], {
      cwd: this.#folder,
      env: this.#env,
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    let text = "";
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (part) => (text += part));
    return { child, output: () => text };
  }
}
