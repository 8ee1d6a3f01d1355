/** One server as a resolver reports it. */
export interface EndpointSpec {
  /** An IP address, without brackets. Where addresses cannot be pinned (fetch), a host name. */
  readonly address: string;
  /**
   * An address of the other family (IPv6 where `address` is IPv4, and the reverse) that leads to the same server. It is
   * dialled where `address` has not connected within 250 ms, or at once where that fails.
   */
  readonly alternateAddress?: string;
  /** TCP port, 1 to 65535. */
  readonly port: number;
  /**
   * The server's own host name, if the source gives one (an SRV target). It is verified in TLS only where the resolver
   * has no `authority` (a static list, a resolver of your own), or with `tls.serverName: "target"`.
   */
  readonly name?: string;
  /** Share of the traffic within the tier, relative to the others: a number >= 0. Default 1. 0 is a very small share (RFC 2782). */
  readonly weight?: number;
  /** Lower tiers are used first; the next one only when no endpoint of this one is eligible (SRV priority). Default 0. */
  readonly tier?: number;
  /** What the source knows besides: Consul tags and meta, a zone. Shown by `snapshot()` and given to pickers. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** An endpoint as a list has it in which those of a fallback target may stand behind the others. */
export interface ListedEndpoint extends EndpointSpec {
  readonly fallback?: true;
}

/** An endpoint of the balanced transport. Identity is (address, port, verified name). */
export interface Endpoint {
  /** An IP address, without brackets. Where addresses cannot be pinned (fetch), a host name. */
  readonly address: string;
  /** Leads to the same server by the other family. It may change while the endpoint stays. */
  readonly alternateAddress?: string;
  /** TCP port, 1 to 65535. */
  readonly port: number;
  /** The name that TLS verifies, and the host of `:authority`: the name the user wrote, not what DNS answered. */
  readonly verifiedName: string;
  /** The server's own host name, where the source gives one. */
  readonly name?: string;
  /** It comes from `fallbackTarget`. */
  readonly fallback?: true;
  /** What the source knows besides: Consul tags and meta, a zone. Empty where it says nothing. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** Under which an endpoint keeps its connections, load and health over changes of the answer. */
export function identityOf(endpoint: Pick<Endpoint, "address" | "port" | "verifiedName">): string {
  return `${placeOf(endpoint)} ${endpoint.verifiedName}`;
}

/** Where an endpoint is: "address:port". */
export function placeOf({ address, port }: Pick<EndpointSpec, "address" | "port">): string {
  return hostAndPort(address, port);
}

/** `host:port`, an IPv6 address in brackets (RFC 3986 section 3.2.2). */
export function hostAndPort(host: string, port: number): string {
  return `${bracketed(host)}:${port}`;
}

/** A host as a URL has it: an IPv6 address in brackets. */
export function bracketed(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}
