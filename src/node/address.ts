import { readFileSync } from "node:fs";
import { connect as connectTcp, isIP, type NetConnectOpts, type Socket } from "node:net";
import {
  type ConnectionOptions,
  checkServerIdentity,
  connect as connectTls,
  createSecureContext,
  type SecureContext,
} from "node:tls";
import type { TlsOptions } from "../config/wire-options.ts";
import { hostName } from "../net/host-name.ts";

/** Where to connect, and whom to expect there: the two are different things, since DNS is not authenticated. */
export interface Destination {
  readonly address: string;
  /** An address of the other family that leads to the same server, as the source says it now. */
  alternateAddress?(): string | undefined;
  readonly port: number;
  readonly verifiedName: string;
  readonly tls: TlsOptions | false;
}

/**
 * Silence after which the kernel asks the other end by itself: it finds a connection that was dropped without a word while
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
    // RFC 6066 section 3 forbids IP literals in SNI; Node warns of them. An empty string sends none.
    servername: isIP(verifiedName) === 0 ? verifiedName : "",
    // By default Node verifies `servername || host`, which for an IP literal would be the address that is dialled.
    checkServerIdentity: (_host, certificate) => checkServerIdentity(verifiedName, certificate),
    secureContext: secureContextOf(tls),
  };
}

/** Dials the address alone. */
export function openSocket(destination: Destination): Socket {
  const { tls, verifiedName } = destination;
  const tcp = tcpOptions(destination);
  return tls === false ? connectTcp(tcp) : connectTls({ ...tcp, ...tlsOptions(verifiedName, tls) });
}

// Parsing certificate authorities costs milliseconds, so it is done once for all endpoints and connections of a
// transport, and at the first connection rather than when the transport is made.
const secureContexts = new WeakMap<TlsOptions, SecureContext>();

function secureContextOf(tls: TlsOptions): SecureContext {
  let context = secureContexts.get(tls);
  if (context === undefined) {
    context = createSecureContext({
      ...(tls.ca !== undefined && { ca: Array.isArray(tls.ca) ? tls.ca.map(pem) : pem(tls.ca) }),
      ...(tls.cert !== undefined && { cert: pem(tls.cert) }),
      ...(tls.key !== undefined && { key: pem(tls.key) }),
    });
    secureContexts.set(tls, context);
  }
  return context;
}

function pem(value: string | Uint8Array): string | Buffer {
  if (typeof value !== "string") return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  if (!value.startsWith("file:")) return value;
  try {
    // Once per transport, at its first connection.
    return readFileSync(value.slice("file:".length));
  } catch (error) {
    throw Object.assign(new Error(`tls: cannot read ${value}`, { cause: error }), { code: "ERR_TLS_FILE" });
  }
}
