import { connect as connectTcp, isIP, type NetConnectOpts, type Socket } from "node:net";
import { type ConnectionOptions, checkServerIdentity, connect as connectTls } from "node:tls";
import { hostName } from "../../net/host-name.ts";
import type { TlsOptions } from "../../net/tls-options.ts";
import { recordFact } from "../../resilience/failure-facts.ts";
import { tlsContextOf } from "./tls-context.ts";

/** Where to connect, and which name to verify there: the two differ, since DNS is not authenticated. */
export interface Destination {
  readonly address: string;
  /** An address of the other family that leads to the same server, by the latest answer. */
  alternateAddress?(): string | undefined;
  readonly port: number;
  readonly verifiedName: string;
  readonly tls: TlsOptions | false;
}

/**
 * Silence after which the kernel asks the other end by itself: it finds a connection that was dropped silently while
 * nothing is under way on it, which PINGs cannot where a server allows few of them. libuv asks ten times, a second apart.
 */
const KEEP_ALIVE_MS = 15_000;

/**
 * The TCP side. The address is dialled as it is, without a `lookup` that maps the name to it: nothing can then resolve
 * the name again, and none of the traps of a custom `lookup` exist (`all`, and a synchronous callback, which sends
 * connect-node 2.2.0 into an endless loop). `noDelay` because requests are small and each is waited for.
 */
export function tcpOptions(destination: Destination): NetConnectOpts & { host: string; port: number } {
  const { address: host, port } = destination;
  return { host, port, noDelay: true, autoSelectFamily: false, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS };
}

/** The TLS side: SNI and the name in the certificate are the verified name's, whatever address is dialled. */
export function tlsOptions(verifiedName: string, tls: TlsOptions): ConnectionOptions {
  // Node's check runs the URL parser over the name: "evil.test/.users.test" would be satisfied by evil.test's certificate.
  if (hostName(verifiedName) === undefined) throw new Error("tls: the name to verify is not a host name");
  return {
    // RFC 6066 section 3 forbids IP literals in SNI, and every runtime refuses them or warns. Undefined sends none, as in
    // Node's own http2.connect(); an empty string does too, but Deno's http2 makes an URL of it. The key stays: it hides
    // the one that http.Agent takes from the Host header.
    servername: isIP(verifiedName) === 0 ? verifiedName : undefined,
    // By default Node verifies `servername || host`, which for an IP literal would be the address that is dialled.
    checkServerIdentity: (_host, certificate) => {
      const error = checkServerIdentity(verifiedName, certificate);
      // Here, since Deno fails a waiting write with it before the socket.
      if (error !== undefined) recordFact(error, "not-sent");
      return error;
    },
    secureContext: tlsContextOf(tls).credentials().context,
  };
}

/** Dials the address alone. */
export function openSocket(destination: Destination): Socket {
  const { tls, verifiedName } = destination;
  const tcp = tcpOptions(destination);
  return tls === false ? connectTcp(tcp) : connectTls({ ...tcp, ...tlsOptions(verifiedName, tls) });
}
