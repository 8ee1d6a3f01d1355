import type { TLSSocket } from "node:tls";
import type { Credentials, TlsContext } from "./tls-context.ts";

/**
 * The TLS session of an endpoint's last connection, for the next one to resume (RFC 8446 section 2.2). Resuming verifies
 * no certificate, so a session is of use only with the credentials that it was made with: an `https.Agent` would go on
 * with one whose authority has been withdrawn.
 */
export class TlsSessions {
  readonly #tls: TlsContext;
  #last: { readonly session: Buffer; readonly credentials: Credentials | undefined } | undefined;

  constructor(tls: TlsContext) {
    this.#tls = tls;
  }

  /** For a connection that is made with these credentials. */
  resumable(credentials: Credentials | undefined): Buffer | undefined {
    return this.#last?.credentials === credentials ? this.#last?.session : undefined;
  }

  /** @param credentials that the connection is made with. */
  keepOf(socket: TLSSocket, credentials: Credentials | undefined): void {
    // A server may send tickets long after the handshake.
    socket.on("session", (session) => {
      if (credentials === this.#tls.latest) this.#last = { session, credentials };
    });
    // The session may be what is wrong.
    socket.once("close", (hadError) => {
      if (hadError) this.#last = undefined;
    });
  }
}
