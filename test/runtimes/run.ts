import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import type { BalancedTransportOptions } from "../../src/public.ts";
import { type OtherRuntime, runtimeProgram } from "../support/runtime-program.ts";

/** The command that runs a program: the rights are those that the documentation says Deno needs. */
export function commandOf(runtime: OtherRuntime): [string, ...string[]] {
  const program = runtimeProgram(runtime);
  if (runtime === "bun") return [program, "run"];
  return [
    program,
    "run",
    "--no-prompt",
    "--allow-net",
    "--allow-env",
    "--allow-read",
    "--allow-sys=networkInterfaces,ca",
  ];
}

/** program.ts while it runs. */
export interface Running extends Disposable {
  /** Has it make a call; what came of that. */
  call(method: "post" | "serverStream"): Promise<string>;
  /** SIGSTOP, as a frozen Lambda is stopped. */
  freeze(): void;
  thaw(): void;
  /** No further call follows. Settles when the process has ended by itself, with its exit code and what it complained of. */
  end(): Promise<{ code: number | null; stderr: string }>;
}

export function start(runtime: OtherRuntime, program: string, options: BalancedTransportOptions): Running {
  const [command, ...args] = commandOf(runtime);
  // Nothing of the repository's own settings, which are Node's.
  const { NODE_OPTIONS: _, ...env } = process.env;
  const child: ChildProcess = spawn(command, [...args, program, JSON.stringify(options)], { env });
  const { stdin, stdout, stderr } = child;
  if (!stdin || !stdout || !stderr) throw new Error("no pipes");
  const exit = once(child, "exit");
  const complaints = text(stderr);
  const lines = createInterface({ input: stdout })[Symbol.asyncIterator]();
  return {
    async call(method) {
      stdin.write(`${method}\n`);
      const { value, done } = await lines.next();
      if (done) throw new Error(`it ended with ${(await exit)[0]}: ${await complaints}`);
      return value;
    },
    freeze: () => void child.kill("SIGSTOP"),
    thaw: () => void child.kill("SIGCONT"),
    async end() {
      stdin.end();
      const [code] = await exit;
      return { code, stderr: await complaints };
    },
    [Symbol.dispose]: () => void child.kill("SIGKILL"),
  };
}
