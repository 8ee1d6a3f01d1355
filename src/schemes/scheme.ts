// schemes/ has the sources of endpoints: a target URI is parsed, and the resolver of its scheme made. A new source is
// a neighbour of `srv.ts` and a line in `all.ts`. A resolver may ask by the DNS client and the HTTP request that it is
// given. It must not cache, set a timer, or know of calls.

import type { Layer } from "../config/layers.ts";
import type { Resolver } from "../discovery/resolver.ts";
import type { AddressFamily, DnsClient } from "../dns/dns-client.ts";
import type { HttpGet } from "../net/http-get.ts";
import type { Environment } from "../runtime.ts";
import type { ReadTextFile } from "./consul/consul-credentials.ts";

/** The option that gives a target; for messages. */
export type TargetOption = "target" | "fallbackTarget";

/** A target taken apart: `scheme://[server,server]/name[?key=value]` (gRPC's naming form). */
export interface Target {
  readonly option: TargetOption;
  readonly scheme: Scheme;
  readonly text: string;
  /** The registry servers to ask, in this order; none for the system's resolvers. */
  readonly servers: readonly string[];
  readonly name: string;
  /** What the query says to the scheme. */
  readonly query: Readonly<Record<string, string>>;
  /** What it says more than once, of the keys that may be repeated. */
  readonly lists: Readonly<Record<string, readonly string[]>>;
  /** What it says of the transport's options. */
  readonly options: Layer;
}

/** Makes a DNS client of the platform. Without servers, the system's are asked. */
export type DnsClientFactory = (options: {
  readonly servers: readonly string[] | undefined;
  readonly transport: "udp" | "tcp";
}) => DnsClient;

/** What resolvers ask with. */
export interface Registries {
  readonly createStubResolver: DnsClientFactory;
  readonly httpGet: HttpGet;
  readonly readTextFile: ReadTextFile;
}

export interface Scheme {
  readonly example: string;
  /** What the query may say. */
  readonly keys: readonly string[];
  /** What else somebody may call a key, and the key. */
  readonly synonyms?: ReadonlyMap<string, string>;
  /** Which of them may stand there more than once. */
  readonly repeatable?: readonly string[];
  /** What somebody might write into the query although it is a secret, and the variable that it belongs into. */
  readonly secrets?: ReadonlyMap<string, string>;
  /** Whether registry servers can be named: by IP address, and the system's where there is none; or by name too, and there must be one. */
  readonly servers: "none" | "addresses" | "named";
  /** @throws an error that says what is wrong with the target. */
  resolver(target: Target, asking: Asking): Resolver;
}

/** What resolvers ask, by what a target and the options say. */
export interface Asking extends Pick<Registries, "httpGet" | "readTextFile"> {
  readonly family: AddressFamily;
  /** Undefined where nobody has chosen one. */
  readonly transport: "udp" | "tcp" | undefined;
  /** The DNS servers that the target names, else those of the options, else the system's. */
  dns(target: Target, defaults?: { readonly port?: number; readonly transport?: "tcp" }): DnsClient;
  /** That asks the DNS servers of the options, else the system's. Each call makes one. */
  systemDns(): DnsClient;
  readonly env: Environment;
}
