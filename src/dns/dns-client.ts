// dns/ is a stub resolver over sockets that it is given: queries to several servers within one deadline, hostile
// messages checked before they are read, aliases followed. It must not open a socket, cache an answer, or know what is
// looked up.

/** A resource record of an answer, reduced to what discovery uses. */
export interface SrvRecord {
  readonly priority: number;
  readonly weight: number;
  readonly port: number;
  /** Lower case, without the final dot; "." for "service not available" (RFC 2782). */
  readonly target: string;
  readonly ttlSeconds: number;
}

export interface AddressRecord {
  readonly address: string;
  readonly ttlSeconds: number;
}

/** Which addresses to use: those of both families ("auto"), IPv4 first, or only those of one. */
export type AddressFamily = "auto" | "ipv4" | "ipv6";

/** The answer to a look-up that reached a server. A failure (timeout, SERVFAIL, malformed answer, …) is a `DnsError`. */
export type SrvAnswer =
  | {
      readonly kind: "records";
      readonly records: readonly SrvRecord[];
      readonly addresses: ReadonlyMap<string, readonly AddressRecord[]>;
      /** Records besides, whose targets cannot be told in text. */
      readonly unspellable?: number;
    }
  | NoRecords;

export type AddressAnswer = { readonly kind: "records"; readonly records: readonly AddressRecord[] } | NoRecords;

/** NXDOMAIN or NODATA; `ttlSeconds` from the SOA (RFC 2308), 0 without one. */
export interface NoRecords {
  readonly kind: "nxdomain" | "nodata";
  readonly ttlSeconds: number;
}

/** What bounds one look-up. */
export interface LookUpLimits {
  readonly signal: AbortSignal;
  /** On the runtime's clock. */
  readonly deadline: number;
  /** Notes each server that is asked ("10.0.0.2:53"). */
  asked?(server: string): void;
}

/** A stub resolver: names are absolute, nothing is cached. */
export interface DnsClient {
  /** `addresses` holds those that the additional section gave for the answer's own targets; the others are asked for by `addresses()`. */
  srv(name: string, limits: LookUpLimits): Promise<SrvAnswer>;
  /** `family` defaults to "auto": the records of both, in no order. A family that cannot be found out does not hide the other. */
  addresses(name: string, limits: LookUpLimits, family?: AddressFamily): Promise<AddressAnswer>;
  /** Whether this machine has an address of that version that leads anywhere. Default: it has both. */
  hasFamily?(version: 4 | 6): boolean;
}

/** A look-up that failed: nothing is known about the name. The message names the server and never secrets. */
export class DnsError extends Error {
  override readonly name = "DnsError";
}
