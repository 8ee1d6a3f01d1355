import type { ServerResponse } from "node:http";
import { Code } from "@connectrpc/connect";
import { type FaultyRequest, type FaultyServer, startFaultyServer } from "../../test/support/faulty-server.ts";

/** What a server makes of a request. */
export type Behaviour = (request: FaultyRequest) => void;

const ERROR = {
  [Code.Unavailable]: [503, "unavailable"],
  [Code.ResourceExhausted]: [429, "resource_exhausted"],
} as const;

/** An error as Connect handlers send it, after it has taken some time. */
function fail(code: keyof typeof ERROR, header: Record<string, string> = {}): Behaviour {
  const [status, name] = ERROR[code];
  return ({ response }) => {
    const answer = response as ServerResponse;
    setTimeout(() => {
      if (answer.destroyed) return;
      answer.writeHead(status, { "content-type": "application/json", ...header });
      answer.end(JSON.stringify({ code: name }));
    }, 5);
  };
}

const unavailable = fail(Code.Unavailable);

export const behaviours = {
  good: (request) => void setTimeout(() => request.answer(), 5),
  slow: (request) => void setTimeout(() => request.answer(), 500),
  unavailable,
  /** Of requests that come, by their number on the server. */
  halfUnavailable: (request) => (request.number % 2 === 0 ? unavailable(request) : behaviours.good(request)),
  tenthUnavailable: (request) => (request.number % 10 === 0 ? unavailable(request) : behaviours.good(request)),
  refuses: ({ stream }) => stream?.close(7),
  pushesBack: fail(Code.ResourceExhausted, { "retry-after": "1" }),
} satisfies Record<string, Behaviour>;

/** Real servers over HTTP/2, whose behaviour can be changed while they run, and a count of what reached them. */
export async function startServers(count: number): Promise<{
  readonly servers: readonly FaultyServer[];
  readonly requests: number;
  behave(behaviour: Behaviour): void;
  [Symbol.dispose](): void;
}> {
  let current: Behaviour = behaviours.good;
  const servers = await Promise.all(
    Array.from({ length: count }, () =>
      startFaultyServer({ httpVersion: "2", onRequest: (request) => current(request) }),
    ),
  );
  return {
    servers,
    get requests() {
      return servers.reduce((sum, { requests }) => sum + requests, 0);
    },
    behave(behaviour) {
      current = behaviour;
    },
    [Symbol.dispose]() {
      for (const server of servers) server[Symbol.dispose]();
    },
  };
}
