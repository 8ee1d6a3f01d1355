import { constants } from "node:http2";
import type { ConnectOptions } from "../../../src/net/connect-options.ts";
import {
  clientOf,
  type End,
  endOf,
  expectClosed,
  Leftovers,
  nameOf,
  type Path,
  type Protocol,
  send,
  type UnaryInput,
} from "./paths.ts";
import { type Answer, type Http2Script, type SeenRequest, startHttp2Script } from "./script.ts";
import { plainAnswer } from "./wire.ts";

/** A call and what its server answers, which must come to the same over both paths. */
export interface ParityCase {
  readonly name: string;
  readonly protocol: Protocol;
  /** "ok", or the name of the error's code. */
  readonly ends: string;
  readonly answer?: Answer;
  readonly options?: ConnectOptions;
  readonly input?: Partial<UnaryInput>;
  /** Aborts the caller's signal. */
  readonly abort?: (controller: AbortController, server: Http2Script) => Promise<void>;
  /** What is wanted to be different: the own path's observations from those of connect-node's. */
  readonly differs?: (standard: Observed) => Observed;
}

/** Whatever ends a call early, its server is told CANCEL; connect-node tells some of its reasons as INTERNAL_ERROR. */
export const cancels = {
  differs: (standard: Observed): Observed => ({
    ...standard,
    requests: standard.requests.map((request) => ({ ...request, reset: constants.NGHTTP2_CANCEL })),
  }),
};

/** What client and server observe of a call. */
export interface Observed {
  readonly end: End;
  readonly requests: readonly Omit<SeenRequest, "userAgent">[];
  readonly left: { readonly listeners: number; readonly timers: number };
  /** How a plain call ends that follows on the same transport. */
  readonly next: string;
  readonly connections: number;
}

export async function observe(path: Path, parityCase: ParityCase): Promise<Observed> {
  const { protocol, answer = plainAnswer(protocol), options, input, abort } = parityCase;
  using server = await startHttp2Script(answer);
  const { transport, connect } = clientOf(path, server.port, protocol, options);
  await connect();
  const controller = new AbortController();
  using leftovers = new Leftovers(controller.signal);
  const { signal } = controller;
  const ended = endOf(send(transport, { method: "post", message: { text: "hello" }, signal, ...input }));
  await abort?.(controller, server);
  const end = await ended;
  const left = leftovers.count();
  const seen = server.requests.map(({ userAgent: _, ...request }) => request);
  server.answer(plainAnswer(protocol));
  const after = await endOf(send(transport, { method: "post", message: { text: "next" } }));
  await expectClosed(transport, () => server.open);
  // Only now has the server noticed how each stream was closed.
  const requests = seen.map((request, number) => ({ ...request, reset: server.requests[number]?.reset }));
  return { end, requests, left, next: nameOf(after), connections: server.connections };
}
