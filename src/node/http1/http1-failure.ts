import type { ClientRequest } from "node:http";
import type { Socket } from "node:net";
import { ConnectError } from "@connectrpc/connect";
import { connectTimeout, LONGEST_CONNECT_MS } from "../../resilience/connect-limit.ts";
import { recordSight } from "../../resilience/connection-hints.ts";
import { isCertificateAlert, isSystemError } from "../../resilience/error-shapes.ts";
import { recordFact } from "../../resilience/failure-facts.ts";
import type { Clock } from "../../runtime.ts";
import type { ConnectNodeExchange } from "../connect-node/connect-node-exchanges.ts";
import { type Handlers, isFromHandler } from "../exchange.ts";
import { DialLimit } from "../net/dial-limit.ts";
import type { TcpDial, TcpDialer } from "../net/tcp-dialer.ts";
import { type SightOptions, sightOfRequest, sightOfResponse } from "../sight.ts";

/** A connection in the making. */
export interface ConnectingOptions {
  readonly connectTimeoutMs: number;
  /** Whether a call that cannot connect in time would be taken by another endpoint. */
  hasAlternative(): boolean;
  readonly clock: Clock;
}

/**
 * Records what became of a request that failed.
 *
 * @param isAfterGap it went out on a connection that had been idle: a server may end one at the moment at which a request
 * is sent on it (RFC 9112 section 9.3.1).
 * @param tls of the connection.
 */
export function observeRequest(
  request: ClientRequest,
  exchange: ConnectNodeExchange | undefined,
  handlers: Handlers,
  isAfterGap: () => boolean,
  tls: SightOptions["tls"],
): void {
  let hasResponse = false;
  request.once("response", (response) => {
    const { socket, statusCode, httpVersion, headers } = response;
    hasResponse = true;
    if (exchange !== undefined) exchange.sight = sightOfResponse(statusCode, httpVersion, socket);
    const header = { ...headers, ":status": statusCode };
    const isKnown = handlers.isKnown(socket, header);
    exchange?.answered(header, isKnown);
    // connect-node leaves the body of such an answer unread, and so the connection in use for good.
    if (!isFromHandler(headers["content-type"])) response.resume();
  });
  // Nobody asked for another protocol (RFC 9110 section 7.8); without a listener Node forgets the request.
  request.once("upgrade", (_response, socket) => {
    socket.destroy();
    request.emit("error", new Error("the server switched to another protocol"));
  });
  request.on("error", (error) => {
    if (!isOwnError(error)) return;
    recordFact(error, !hasResponse && isAfterGap() ? "stale" : "lost");
    if (!hasResponse) recordSight(error, sightOfRequest(error, request.socket, { tls, isKnown: handlers.areKnown }));
  });
}

/**
 * Whether the connection raised it. connect-node ends a request, and its socket, with its own error: of the caller's abort
 * or a deadline, or of a write that failed, which it hears of before the socket says so.
 */
function isOwnError(error: unknown): boolean {
  return !(error instanceof ConnectError) || isSystemError(error.cause);
}

/**
 * Makes a connection. Until it is made, TLS included, nothing of the request has left: Node holds it back. So what fails
 * before is marked, which tells it from the same error afterwards (`read ECONNRESET` is both).
 *
 * @param secure puts TLS over the connection; undefined for cleartext.
 * @param done told once: the error, or a socket that a request may be written to.
 */
export function connectHttp1(
  tcp: TcpDialer,
  secure: ((socket: Socket) => Socket) | undefined,
  options: ConnectingOptions,
  done: (error: Error | undefined, socket?: Socket) => void,
): TcpDial {
  const { connectTimeoutMs, clock } = options;
  let giveUp = (error: Error): void => dial.cancel(error);
  const limit = new DialLimit({
    ms: connectTimeoutMs,
    clock,
    isNeeded: (passedMs) => passedMs < LONGEST_CONNECT_MS && !options.hasAlternative(),
    onOver: (passedMs) => giveUp(connectTimeout(passedMs)),
  });
  const dial = tcp.dial({
    onFailed(error) {
      limit.end();
      if (isOwnError(error)) recordFact(error, "not-sent");
      done(error);
    },
    onConnected({ socket: tcpSocket, address }) {
      // A request that waits holds the process, as it does with sockets of Node's own agent.
      const socket = (secure?.(tcpSocket) ?? tcpSocket).ref();
      let isEstablished = secure === undefined;
      if (isEstablished) limit.end();
      giveUp = (error) => socket.destroy(error);
      socket.on("error", (error: unknown) => {
        if (!isEstablished) tcp.distrust(address);
        // In TLS 1.3 the server's verdict on the client's certificate comes after the client's side of the handshake.
        if (isEstablished ? isCertificateAlert(error as Error) : isOwnError(error)) recordFact(error, "not-sent");
      });
      socket.once("secureConnect", () => {
        isEstablished = true;
        limit.end();
      });
      socket.once("close", () => limit.end());
      done(undefined, socket);
    },
  });
  return dial;
}
