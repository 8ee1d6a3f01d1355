import type { ClientRequest, ClientRequestArgs, Agent as HttpAgent } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import type { ConnectionEnd } from "../../endpoints/endpoint-transport.ts";
import { recordFact } from "../../resilience/failure-facts.ts";
import { type Clock, isWithin } from "../../runtime.ts";
import type { ConnectNodeExchanges } from "../connect-node/connect-node-exchanges.ts";
import { GapCheck, trustedGapMs } from "../event-loop.ts";
import type { Handlers } from "../exchange.ts";
import { connectError, connectFailure, endpointClosed } from "../net/connect-errors.ts";
import { type Destination, tlsOptions } from "../net/open-socket.ts";
import { longestUseMs } from "../net/replaced-credentials.ts";
import { type TcpDial, TcpDialer } from "../net/tcp-dialer.ts";
import { type Credentials, type TlsContext, tlsContextOf } from "../net/tls-context.ts";
import { TlsSessions } from "../net/tls-sessions.ts";
import { connectHttp1, observeRequest } from "./http1-failure.ts";

export interface Http1AgentOptions {
  readonly destination: Destination;
  readonly connectTimeoutMs: number;
  hasAlternative(): boolean;
  /** Connections unused for longer are closed before the next call. */
  readonly idleMs: number;
  /** Connections that are older are closed before the next call; Infinity for no limit. */
  readonly maxAgeMs: number;
  /** Where the certificates are files, which can change. */
  readonly changingTls: TlsContext | undefined;
  readonly clock: Clock;
  readonly random: () => number;
  readonly exchanges: ConnectNodeExchanges;
  readonly handlers: Handlers;
  readonly onOpened?: (address: string, durationMs: number) => void;
  readonly onClosed?: (reason: ConnectionEnd) => void;
}

/** The HTTP/1.1 connections of one endpoint. */
export interface Http1Agent {
  /** For the requests to this endpoint only: agents pool by name and port, so a shared one would mix up addresses. */
  readonly agent: HttpAgent;
  /** `undefined` if a call can be sent at once; it connects by itself if it must. */
  connect(now: number): Promise<void> | undefined;
  /** Never: each request that finds no idle connection makes one. */
  readonly isFull: false;
  /** The address that connected last. */
  readonly address: string | undefined;
  /** Idle connections close now, others after their call. */
  close(): void;
}

export function createHttp1Agent(options: Http1AgentOptions): Http1Agent {
  const { destination, idleMs, maxAgeMs, changingTls, clock } = options;
  const { tls, verifiedName } = destination;
  const tlsContext = tls === false ? undefined : tlsContextOf(tls);
  const sessions = tlsContext && new TlsSessions(tlsContext);
  const agent = createAgent(tls !== false);
  const requests = agent as AgentWithRequests;
  const freedAt = new WeakMap<Duplex, number>();
  const bornAt = new WeakMap<Duplex, number>();
  const madeWith = new WeakMap<Duplex, { credentials: Credentials | undefined; useMs: number }>();
  const endedBy = new WeakMap<Duplex, ConnectionEnd>();
  const afterGap = new WeakSet<ClientRequest>();
  const gap = new GapCheck(clock);
  let closed = false;
  const tcp = new TcpDialer(destination, clock);
  /** The one that the agent has just begun. */
  let dial: TcpDial | undefined;

  const openTls = agent.createConnection.bind(agent);
  agent.createConnection = (request: ClientRequestArgs, callback) => {
    const done = (error: Error | undefined, socket?: Socket): void => callback?.(error ?? null, socket as Socket);
    try {
      if (closed) throw endpointClosed();
      const secured = tls !== false && { ...request, ...tlsOptions(verifiedName, tls) };
      // Those that the dial begins with; they may be replaced before it ends.
      const credentials = tlsContext?.latest;
      const secure = (socket: Socket): Socket => {
        const session = sessions?.resumable(credentials);
        const overTls = openTls({ ...secured, socket, ...(session && { session }) } as ClientRequestArgs) as TLSSocket;
        sessions?.keepOf(overTls, credentials);
        return overTls;
      };
      const startedAt = clock.now();
      dial = connectHttp1(tcp, secured === false ? undefined : secure, options, (error, socket) => {
        if (socket !== undefined) {
          bornAt.set(socket, clock.now());
          options.onOpened?.(tcp.address as string, clock.now() - startedAt);
          socket.once("close", () => options.onClosed?.(endedBy.get(socket) ?? "lost"));
          // Spread, so that a fleet whose files change together does not dial together.
          const useMs = longestUseMs(maxAgeMs) * (0.5 + 0.5 * options.random());
          if (changingTls !== undefined) madeWith.set(socket, { credentials, useMs });
        }
        done(error, socket);
      });
    } catch (error) {
      recordFact(error, "not-sent");
      // Asynchronously, as a failing connect would: the request has no listener yet.
      process.nextTick(() => done(error as Error));
    }
    return undefined;
  };

  // Every request comes through here, before it has a socket.
  const add = requests.addRequest.bind(agent);
  requests.addRequest = (request, requestOptions) => {
    observeRequest(request, options.exchanges.claim(), options.handlers, () => afterGap.has(request), tls);
    dial = undefined;
    add(request, requestOptions);
    if (dial !== undefined) endDialWith(request, dial);
  };

  agent.on("free", (socket: Socket) => {
    if (closed) {
      endedBy.set(socket, "closed");
      socket.destroy();
      return;
    }
    gap.seenUntil = clock.now();
    freedAt.set(socket, gap.seenUntil);
  });

  const reuse = agent.reuseSocket.bind(agent);
  agent.reuseSocket = (socket: Duplex, request: ClientRequest) => {
    if (clock.now() - (freedAt.get(socket) ?? 0) > trustedGapMs) afterGap.add(request);
    reuse(socket, request);
  };

  // Before the call and by the wall clock: the agent's own timers do not run in a frozen process, and servers close
  // idle connections after 5 s (Node's default), just when a request may be under way.
  function closeIdle(now: number): void {
    for (const free of Object.values(agent.freeSockets) as Socket[][]) {
      for (let index = free.length - 1; index >= 0; index--) {
        const socket = free[index] as Socket;
        const isIdle = now - (freedAt.get(socket) ?? now) > idleMs;
        const isOld = now - (bornAt.get(socket) ?? now) > maxAgeMs;
        if (!isIdle && !isOld && !isReplaced(socket, now)) continue;
        // The agent takes the last one, and only looks at the first ones whether they are destroyed.
        free.splice(index, 1);
        endedBy.set(socket, isIdle ? "idle" : "replaced");
        socket.destroy();
      }
    }
  }

  /** Its credentials were replaced on disk, long enough ago. */
  function isReplaced(socket: Socket, now: number): boolean {
    const { credentials, useMs = 0 } = madeWith.get(socket) ?? {};
    const replacedAt = credentials?.replacedAt;
    return replacedAt !== undefined && !isWithin(useMs, replacedAt, now);
  }

  return {
    agent,
    isFull: false,
    get address() {
      return tcp.address;
    },
    connect(now) {
      if (closed) return Promise.reject(connectFailure(endpointClosed()));
      changingTls?.look(now);
      closeIdle(now);
      const gapMs = now - gap.seenUntil;
      gap.seenUntil = now;
      const isSeen = (gapMs >= 0 && gapMs <= trustedGapMs) || !hasFree(agent);
      return isSeen && gap.running === undefined ? undefined : gap.run();
    },
    close() {
      closed = true;
      for (const socket of Object.values(agent.freeSockets).flatMap((sockets) => sockets ?? [])) {
        endedBy.set(socket, "closed");
        socket.destroy();
      }
    },
  };
}

/** Classes cannot be imported where they must not be loaded with this file (build/builtins.ts). */
function createAgent(isTls: boolean): HttpAgent {
  if (!isTls) return new (process.getBuiltinModule("node:http").Agent)({ keepAlive: true });
  return new (process.getBuiltinModule("node:https").Agent)({ keepAlive: true, maxCachedSessions: 0 });
}

/**
 * A request that is given up has no socket to end while its connection is being made, and Node gives no event of it; a
 * pending connect would hold the process to its limit.
 */
function endDialWith(request: ClientRequest, dial: TcpDial): void {
  const destroy = request.destroy.bind(request);
  request.destroy = (error) => {
    dial.cancel(error ?? connectError("the request was abandoned", "ECANCELED"));
    return destroy(error);
  };
}

/** What `node:http` calls of an agent for each request; not in its types. */
interface AgentWithRequests extends HttpAgent {
  addRequest(request: ClientRequest, options: unknown): void;
}

function hasFree(agent: HttpAgent): boolean {
  for (const name in agent.freeSockets) if (agent.freeSockets[name]?.some((socket) => !socket.destroyed)) return true;
  return false;
}
