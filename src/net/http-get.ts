import type { TlsFilesListener } from "./tls-files-change.ts";
import type { TlsOptions } from "./tls-options.ts";

export interface HttpRequest {
  /** An IP address. */
  readonly address: string;
  readonly port: number;
  /** The Host header's name, and the one that TLS verifies. */
  readonly verifiedName: string;
  readonly tls: TlsOptions | false;
  readonly onTlsFiles?: TlsFilesListener;
  /** With its query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  /** Limit of the whole exchange. */
  readonly timeoutMs: number;
  /** A longer body is a failure. */
  readonly maxBytes: number;
}

export interface HttpResponse {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: string;
}

/**
 * One GET over a connection of its own, whatever the answer's status; rejects where there is none. Nothing of it may
 * hold the process, and nothing may be left of it afterwards: the call that waits for the look-up holds the process.
 */
export type HttpGet = (request: HttpRequest) => Promise<HttpResponse>;
