import { Code, ConnectError, createClient, type HandlerContext } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, test } from "vitest";
import { createBalancedTransport } from "../../src/node.ts";
import { expectNone } from "../support/expect-none.ts";
import { EchoService } from "../support/gen/echo_pb.ts";
import { inParallel } from "../support/in-parallel.ts";
import { sample } from "../support/sample.ts";
import { type ScriptedServer, startScriptedServer, startScriptedStreams } from "../support/scripted-server.ts";
import { CODES, METADATA, type Metadata, SHAPES, type Thrown } from "./thrown.ts";

// A handler has done its work, whatever it throws then and whatever it says besides: no shape, no text and no metadata
// makes anything of it that may be executed again, but the method, or the user.

/** Of each wire, kind of call and kind of what is thrown. `npm run test:exchanges` runs all. */
const CASES = Number(process.env.EXCHANGES ?? 40);
const MAX_ATTEMPTS = 3;
/**
 * Below the longest wait that a server asks for (280 s), which must not be waited for; above what three executions take
 * with their waits, of up to 6 s each, on a machine so busy that it drops the SYNs of a burst (sent again after 1, 3 and 7 s).
 */
const TIMEOUT_MS = 60_000;

const wires = [
  ["connect", "2"],
  ["grpc", "2"],
  ["grpc-web", "2"],
  ["connect", "1.1"],
  ["grpc-web", "1.1"],
] as const;

/** The method, and whether it may be retried. A stream throws before its first message, or behind it. */
const kinds = [
  { kind: "post", mayRetry: false },
  { kind: "get", mayRetry: true },
  { kind: "stream", mayRetry: false },
  { kind: "stream that may be retried", mayRetry: true },
  { kind: "begun stream that may be retried", mayRetry: false },
] as const;
type Kind = (typeof kinds)[number]["kind"];

interface Trial {
  /** The request carries it. */
  readonly number: number;
  readonly thrown: Thrown;
  readonly metadata: Metadata;
}

const trials: Trial[] = [...CODES, ...SHAPES]
  .flatMap((thrown) =>
    METADATA.filter(({ place }) => place !== "error" || thrown.isConnectError).map((metadata) => {
      return { thrown, metadata };
    }),
  )
  .map((trial, number) => ({ ...trial, number }));
const groups = [
  ["an error", trials.filter(({ thrown }) => CODES.includes(thrown))],
  ["anything else", trials.filter(({ thrown }) => SHAPES.includes(thrown))],
] as const;
const tests = kinds.flatMap(({ kind, mayRetry }) => groups.map(([what, cases]) => ({ kind, mayRetry, what, cases })));

/** Executions at any server, by the request's own name. */
const executions = new Map<string, number>();

function fail(context: HandlerContext): never {
  const name = context.requestHeader.get("x-trial") as string;
  executions.set(name, (executions.get(name) ?? 0) + 1);
  const { thrown, metadata } = trials[Number.parseInt(name, 10)] as Trial;
  const error = thrown.make();
  if (metadata.header !== undefined) {
    const [header, value] = metadata.header;
    if (metadata.place === "error") (error as ConnectError).metadata.set(header, value);
    if (metadata.place === "header") context.responseHeader.set(header, value);
    if (metadata.place === "trailer") context.responseTrailer.set(header, value);
  }
  throw error;
}

describe.concurrent.each(wires)("%s over HTTP/%s", (protocol, httpVersion) => {
  let unary: ScriptedServer[];
  let streams: ScriptedServer[];
  beforeAll(async () => {
    const start = (server: () => Promise<ScriptedServer>) => Promise.all([server(), server()]);
    unary = await start(() => startScriptedServer((_, context) => fail(context), httpVersion));
    streams = await start(() =>
      startScriptedStreams(httpVersion, async function* (_, context) {
        if (context.requestHeader.has("x-begin")) yield "first";
        fail(context);
      }),
    );
  });
  afterAll(() => {
    for (const server of [...unary, ...streams]) server[Symbol.dispose]();
  });

  /** What is wrong with a call's end; undefined if nothing is. */
  async function problemOf({ number, thrown, metadata }: Trial, kind: Kind, mayRetry: boolean) {
    const id = `${number} ${protocol} ${httpVersion} ${kind}`;
    executions.delete(id);
    const isUnary = kind === "post" || kind === "get";
    const transport = createBalancedTransport({
      target: `static:///${(isUnary ? unary : streams).map(({ port }) => `127.0.0.1:${port}`).join(",")}`,
      protocol,
      httpVersion,
      tls: false,
      // On a busy machine a connect may take longer than the usual second.
      connectTimeoutMs: TIMEOUT_MS,
      retry: {
        maxAttempts: MAX_ATTEMPTS,
        baseDelayMs: 1,
        maxDelayMs: 2,
        peekStreams: true,
        ...(kind.endsWith("may be retried") && { idempotentMethods: [`${EchoService.typeName}/ServerStream`] }),
      },
    });
    const client = createClient(EchoService, transport);
    const headers = { "x-trial": id, ...(kind.startsWith("begun") && { "x-begin": "yes" }) };
    const options = { headers, timeoutMs: TIMEOUT_MS };
    const error: unknown = await (isUnary ? client[kind]({}, options) : readAll(client.serverStream({}, options))).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    const held = transport.snapshot().endpoints.some(({ inFlight }) => inFlight > 0);
    transport.close();

    const count = executions.get(id) ?? 0;
    const seen = `${error}, ${count} executions`;
    if (held) return `a slot is held: ${seen}`;
    if (count < 1 || count > (mayRetry ? MAX_ATTEMPTS : 1)) return seen;
    if (metadata.isLookAlike) return undefined;
    const sent = ConnectError.from(thrown.make(), Code.Internal);
    if (count > 1 && sent.code !== Code.Unavailable) return `retried for a code that is not to be: ${seen}`;
    if (count > 1 && metadata.header?.[1] === "-1") return `retried against the server's word: ${seen}`;
    if (!thrown.isConnectError) return undefined;
    if (!(error instanceof ConnectError)) return `not a ConnectError: ${seen}`;
    const isAsThrown = error.code === sent.code && error.rawMessage === sent.rawMessage && error.isWireError;
    if (!isAsThrown) return `not the handler's error: ${seen}`;
    return undefined;
  }

  test.each(tests)(
    "$kind: $what thrown, of $cases.length cases",
    { timeout: 2 * TIMEOUT_MS + CASES * 50 },
    async (what) => {
      const { kind, mayRetry, cases } = what;
      // Others on each wire, and for each kind of call.
      const offset =
        wires.findIndex(([name, version]) => name === protocol && version === httpVersion) + tests.indexOf(what);
      const failures: string[] = [];
      await inParallel(sample(cases, CASES, offset), 8, async (trial) => {
        const problem = await problemOf(trial, kind, mayRetry);
        if (problem !== undefined) failures.push(`${trial.thrown.name}, ${trial.metadata.name}: ${problem}`);
      });
      expectNone(failures);
    },
  );
});

async function readAll(messages: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of messages);
}
