import { type AgentOptions, type ClientRequest, type ClientRequestArgs, Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { ConnectError } from "@connectrpc/connect";
import { isCertificateAlert, isSystemError } from "../resilience/error-shapes.ts";
import { recordFact } from "../resilience/failure-facts.ts";
import type { Clock } from "../runtime.ts";
import { type Destination, tcpOptions, tlsOptions } from "./address.ts";
import { connectFailure, connectTimeout, endpointClosed } from "./connect-failure.ts";
import { limitConnecting } from "./connect-limit.ts";
import { trustedGapMs, twoTurns } from "./two-turns.ts";

export interface Http1AgentOptions {
  readonly destination: Destination;
  readonly connectTimeoutMs: number;
  /** Connections unused for longer are closed before the next call. */
  readonly idleMs: number;
  /** Connections that are older are closed before the next call; Infinity for no limit. */
  readonly maxAgeMs: number;
  readonly clock: Clock;
}

/** The HTTP/1.1 connections of one endpoint. */
export interface Http1Agent {
  /** For the requests to this endpoint only: agents pool by name and port, so a shared one would mix up addresses. */
  readonly agent: HttpAgent;
  /** `undefined` if a call can be sent at once; it connects by itself if it must. */
  connect(now: number): Promise<void> | undefined;
  /** Idle connections close now, others after their call. */
  close(): void;
}

export function createHttp1Agent(options: Http1AgentOptions): Http1Agent {
  const { destination, idleMs, maxAgeMs, clock } = options;
  const { tls, verifiedName } = destination;
  const agentOptions: AgentOptions = { keepAlive: true };
  const agent = tls === false ? new HttpAgent(agentOptions) : new HttpsAgent(agentOptions);
  const freedAt = new WeakMap<Duplex, number>();
  const bornAt = new WeakMap<Duplex, number>();
  let aliveAt = 0;
  let check: Promise<void> | undefined;
  let closed = false;

  // The agent's own method, so that TLS sessions are still resumed (RFC 8446 section 2.2).
  const open = agent.createConnection.bind(agent);
  agent.createConnection = (request: ClientRequestArgs, callback) => {
    try {
      if (closed) throw endpointClosed();
      const pinned = { ...request, ...tcpOptions(destination), ...(tls !== false && tlsOptions(verifiedName, tls)) };
      const socket = open(pinned as ClientRequestArgs);
      bornAt.set(socket as Socket, clock.now());
      guardConnecting(socket as Socket, options);
      return socket;
    } catch (error) {
      recordFact(error, "not-sent");
      // Asynchronously, as a failing connect would: the request has no listener yet.
      process.nextTick(() => callback?.(error as Error, undefined as never));
      return undefined;
    }
  };

  agent.on("free", (socket: Socket) => {
    if (closed) {
      socket.destroy();
      return;
    }
    aliveAt = clock.now();
    freedAt.set(socket, aliveAt);
  });

  const reuse = agent.reuseSocket.bind(agent);
  agent.reuseSocket = (socket: Duplex, request: ClientRequest) => {
    if (clock.now() - (freedAt.get(socket) ?? 0) > trustedGapMs) watchReused(request);
    reuse(socket, request);
  };

  // Before the call and by the wall clock: the agent's own timers do not run in a frozen process, and servers close
  // idle connections after 5 s (Node's default), just when a request may be under way.
  function closeIdle(now: number): void {
    for (const name in agent.freeSockets) {
      for (const socket of agent.freeSockets[name] ?? []) {
        const isIdle = now - (freedAt.get(socket) ?? now) > idleMs;
        if (isIdle || now - (bornAt.get(socket) ?? now) > maxAgeMs) socket.destroy();
      }
    }
  }

  return {
    agent,
    connect(now) {
      if (closed) return Promise.reject(connectFailure(endpointClosed()));
      closeIdle(now);
      const gap = now - aliveAt;
      aliveAt = now;
      if (check === undefined && ((gap >= 0 && gap <= trustedGapMs) || !hasFree(agent))) return undefined;
      check ??= twoTurns().then(() => {
        check = undefined;
        aliveAt = clock.now();
      });
      return check;
    },
    close() {
      closed = true;
      for (const sockets of Object.values(agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy();
    },
  };
}

function hasFree(agent: HttpAgent): boolean {
  for (const name in agent.freeSockets) if (agent.freeSockets[name]?.some((socket) => !socket.destroyed)) return true;
  return false;
}

/** A server may end an idle connection at the moment at which a request is sent on it (RFC 9112 section 9.3.1). */
function watchReused(request: ClientRequest): void {
  const onError = (error: unknown): void => {
    // connect-node ends a request that is over with its own error: the caller's abort, a deadline.
    if (!(error instanceof ConnectError)) recordFact(error, "stale");
  };
  request.once("error", onError);
  request.once("response", () => request.off("error", onError));
}

/**
 * Until the connection is made, TLS included, nothing of the request has left: Node holds it back. So what fails before
 * is marked, which tells it from the same error afterwards (`read ECONNRESET` is both).
 */
function guardConnecting(socket: Socket, options: Http1AgentOptions): void {
  const { connectTimeoutMs, destination, clock } = options;
  const established = destination.tls === false ? "connect" : "secureConnect";
  const limit = { ms: connectTimeoutMs, clock, hold: false };
  const endLimit = limitConnecting(limit, () => socket.destroy(connectTimeout(connectTimeoutMs)));
  const onError = (error: unknown): void => {
    // connect-node ends the socket of a request that is over with its own error: of the caller's abort or a deadline,
    // or of a write that failed, which it hears of before the socket says so.
    if (!(error instanceof ConnectError) || isSystemError(error.cause)) recordFact(error, "not-sent");
  };
  const stop = (): void => {
    endLimit();
    socket.off("error", onError);
  };
  socket.on("error", onError);
  socket.once(established, () => {
    stop();
    // In TLS 1.3 the server's verdict comes after the client's side of the handshake.
    socket.on("error", (error) => isCertificateAlert(error) && recordFact(error, "not-sent"));
  });
  socket.once("close", stop);
}
