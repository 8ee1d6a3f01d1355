import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { startRawHttp2 } from "../../support/raw-http2.ts";
import { answer, type Break, breaks } from "./breaks.ts";
import { clientOf, type End, endOf, expectClosed, Leftovers, nameOf, type Path, send } from "./paths.ts";

// However a server or a socket breaks, a unary call ends alike on the own path and on connect-node's. What becomes of a
// call that may be retried is in test/call/exchanges.

test.each(breaks())("$name: $ends", async (what) => {
  const standard = await observe("connect-node", what);
  const own = await observe("own", what);
  expect.soft(nameOf(own.end)).toBe(what.ends);
  expect(own).toEqual(standard);
  // The dial that is not waited for any more has a limit of its own.
  if (!what.isCold) expect(own.left).toEqual({ listeners: 0, timers: 0 });
});

interface Observed {
  readonly end: End;
  /** Requests that have begun. */
  readonly requests: number;
  readonly left: { readonly listeners: number; readonly timers: number };
  /** How a call ends that follows, when the server has recovered. */
  readonly next: string;
}

async function observe(path: Path, what: Break): Promise<Observed> {
  const { protocol, script, isCold = false, isGone = false, idle, timeoutMs, abortMs } = what;
  using server = await startRawHttp2();
  server.play(isCold ? script : {}, false);
  const { transport, connect } = clientOf(path, server.port, protocol);
  if (!isCold) await connect();
  if (isGone) server[Symbol.dispose]();
  server.play(script, false);
  const [connection] = server.connections;
  if (connection !== undefined) idle?.(connection);
  const controller = new AbortController();
  const { signal } = controller;
  using leftovers = new Leftovers(signal);
  const message = { text: "hello" };
  const ended = endOf(
    send(transport, { method: "post", message, signal, ...(timeoutMs !== undefined && { timeoutMs }) }),
  );
  if (abortMs !== undefined) setTimeout(() => controller.abort(), abortMs);
  const end = await ended;
  const left = leftovers.count();
  const requests = server.requests.length;
  // What comes late is uncaught if nothing listens for it.
  if (timeoutMs !== undefined || abortMs !== undefined) await sleep(80);
  server.play({ onRequest: (stream) => answer(stream, protocol) }, isCold && nameOf(end) !== "ok");
  await connect().catch(() => {});
  const next = nameOf(await endOf(send(transport, { method: "post", message })));
  await expectClosed(transport, () => server.connections.length);
  return { end, requests, left, next };
}
