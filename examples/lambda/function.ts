import { spawn } from "node:child_process";
import { once } from "node:events";
import { track } from "../demo/fleet.ts";
import { type FunctionDescription, lambdaVariables } from "./environment.ts";
import { type Answer, startRuntimeApi } from "./runtime-api.ts";

export interface FunctionOptions extends FunctionDescription {
  /** The official client's entry. */
  readonly runtime: string;
  /** Flags of the runtime's Node. */
  readonly nodeFlags?: readonly string[];
  /** The function's time limit for one invocation; its process ends when it is over. */
  readonly timeoutMs: number;
}

/** An execution environment of a Lambda function: the official client in a process of its own, which can be frozen. */
export interface LambdaFunction extends AsyncDisposable {
  /** Thaws it and hands it the event; several at once go to a managed instance only. */
  invoke(event: unknown): Promise<Answer>;
  /** Stops the whole process (SIGSTOP) as soon as it waits for its next event. */
  freeze(): Promise<void>;
  readonly pid: number;
  /** Runtimes in the process: one, or one for each thread of a managed instance. */
  readonly runtimes: number;
  /** What the process has printed. */
  readonly log: string;
}

/** Settles when the init phase is over. */
export async function startFunction(options: FunctionOptions): Promise<LambdaFunction> {
  const api = await startRuntimeApi();
  const child = track(
    spawn(process.execPath, [...(options.nodeFlags ?? []), options.runtime], {
      cwd: options.taskRoot,
      env: lambdaVariables(options, api.address),
      stdio: ["ignore", "pipe", "pipe"],
    }),
  );
  let log = "";
  for (const output of [child.stdout, child.stderr]) {
    output?.setEncoding("utf8").on("data", (text: string) => {
      log += text;
    });
  }
  const ended = once(child, "exit").then(([code, signal]) => {
    throw new Error(`the function's process ended (${signal ?? `code ${code}`})\n${log}`);
  });
  ended.catch(() => {});
  const dispose = async () => {
    child.kill("SIGKILL"); // a frozen process does not hear anything else
    await ended.catch(() => {});
    await api[Symbol.asyncDispose]();
  };
  try {
    await Promise.race([api.idle(), ended]);
  } catch (error) {
    await dispose();
    throw error;
  }
  return {
    async invoke(event) {
      child.kill("SIGCONT");
      const answer = api.invoke(event, options.timeoutMs);
      let answered = false;
      const limit = setTimeout(async () => {
        // An answer may have arrived in time, and not be read yet because this process was busy.
        for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
        if (!answered) child.kill("SIGKILL");
      }, options.timeoutMs);
      return Promise.race([answer, ended]).finally(() => {
        answered = true;
        clearTimeout(limit);
      });
    },
    async freeze() {
      await Promise.race([api.idle(), ended]);
      child.kill("SIGSTOP");
    },
    pid: child.pid as number,
    get runtimes() {
      return api.runtimes;
    },
    get log() {
      return log;
    },
    [Symbol.asyncDispose]: dispose,
  };
}
