import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What a function answered to one event. */
export interface Answer {
  readonly failed: boolean;
  /** The response; of a failure its error, `{ errorType, errorMessage, trace }`. */
  readonly body: string;
  /** Milliseconds from the hand-over of the event to each part of the answer; one part unless it was streamed. */
  readonly partsMs: readonly number[];
}

/** What a failed answer says. */
export function errorOf({ body }: Answer): string {
  const { errorMessage } = JSON.parse(body) as { errorMessage?: string };
  return errorMessage ?? body;
}

/** Lambda's side of the Runtime API: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html */
export interface RuntimeApi extends AsyncDisposable {
  /** As AWS_LAMBDA_RUNTIME_API has it. */
  readonly address: string;
  /** Runtimes that have waited for an event at the same time: one for each thread. */
  readonly runtimes: number;
  /** Settles when a runtime waits for an event and none is being processed: an environment is frozen then. */
  idle(): Promise<void>;
  /** Hands an event to the runtime that waits, or to the next one that does. */
  invoke(event: unknown, timeoutMs: number): Promise<Answer>;
}

interface Invocation {
  readonly event: unknown;
  readonly timeoutMs: number;
  startedAt: number;
  settle(answer: Answer): void;
}

const PATH = /^\/2018-06-01\/runtime\/(?:invocation\/)?(next|init\/error|([^/]+)\/(response|error))$/;

export async function startRuntimeApi(): Promise<RuntimeApi> {
  const queue: Invocation[] = [];
  const running = new Map<string, Invocation>();
  const waiting: ServerResponse[] = [];
  let runtimes = 0;
  const idlers = new Set<{ resolve(): void; reject(error: Error): void }>();

  const handOver = () => {
    while (queue.length > 0 && waiting.length > 0) {
      const invocation = queue.shift() as Invocation;
      const id = randomUUID();
      running.set(id, invocation);
      invocation.startedAt = performance.now();
      waiting.shift()?.writeHead(200, headersOf(id, invocation.timeoutMs)).end(JSON.stringify(invocation.event));
    }
    if (waiting.length === 0 || running.size > 0) return;
    for (const idler of idlers) idler.resolve();
    idlers.clear();
  };
  const server = createServer(async (request, response) => {
    const [, what, id = "", kind] = PATH.exec(request.url ?? "") ?? [];
    if (what === "next") {
      runtimes = Math.max(runtimes, waiting.push(response));
    } else if (what === "init/error") {
      const error = new Error(`the function's init phase failed: ${(await read(request)).body}`);
      response.writeHead(202).end();
      for (const { reject } of idlers) reject(error);
      idlers.clear();
    } else {
      const invocation = running.get(id);
      if (invocation === undefined) return void response.writeHead(404).end();
      const { body, partsAt, trailer } = await read(request);
      const partsMs = partsAt.map((at) => at - invocation.startedAt);
      running.delete(id);
      response.writeHead(202).end();
      invocation.settle({ failed: kind === "error" || trailer !== undefined, body: trailer ?? body, partsMs });
    }
    handOver();
  });
  // As in a real environment, where a frozen runtime finds its connection as it was.
  server.keepAliveTimeout = 0;
  server.requestTimeout = 0;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    get runtimes() {
      return runtimes;
    },
    idle: () =>
      new Promise((resolve, reject) => {
        idlers.add({ resolve, reject });
        handOver();
      }),
    invoke: (event, timeoutMs) =>
      new Promise((settle) => {
        queue.push({ event, timeoutMs, startedAt: 0, settle });
        handOver();
      }),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function headersOf(id: string, timeoutMs: number) {
  return {
    "content-type": "application/json",
    "lambda-runtime-aws-request-id": id,
    "lambda-runtime-deadline-ms": `${Date.now() + timeoutMs}`,
    "lambda-runtime-invoked-function-arn": "arn:aws:lambda:eu-central-1:123456789012:function:example",
    "lambda-runtime-trace-id": "Root=1-00000000-000000000000000000000000;Sampled=0",
  };
}

/** A streamed answer that fails says so in a trailer, because its status has been sent by then. */
async function read(request: IncomingMessage) {
  const chunks: Buffer[] = [];
  const partsAt: number[] = [];
  for await (const chunk of request) {
    chunks.push(chunk);
    partsAt.push(performance.now());
  }
  const error = request.trailers["lambda-runtime-function-error-body"];
  const trailer = error === undefined ? undefined : Buffer.from(error, "base64").toString();
  return { body: Buffer.concat(chunks).toString(), partsAt, trailer };
}
