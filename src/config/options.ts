// config/ has the options: each is defined once (its check, its default, its documentation), read from code, a
// target's query and variables, and merged. It must not act on any of them.

import type { Code, Interceptor } from "@connectrpc/connect";
import type { Resolver } from "../discovery/resolver.ts";
import type { AddressFamily } from "../dns/dns-client.ts";
import type { EndpointTransportFactory } from "../endpoints/endpoint-transport.ts";
import type { ConnectOptions } from "../net/connect-options.ts";
import type { TlsOptions } from "../net/tls-options.ts";
import type { PickerFactory } from "../pickers/picker.ts";
import type { BalancedTransportEventListener } from "../telemetry/events.ts";

/** What `createBalancedTransport()` takes. Only `target` is required. Durations are in milliseconds. */
export interface BalancedTransportOptions {
  /** A target URI such as `srv:///_grpc._tcp.users.example.com` (docs/targets.md), or a resolver of your own. */
  target: string | Resolver;
  /** Another target, of any kind, whose servers are used while none of the target's own can be. Default: none. */
  fallbackTarget?: string | Resolver;
  /** The protocol spoken to the servers. Default: "connect". */
  protocol?: "connect" | "grpc" | "grpc-web";
  /** The HTTP version of connections. Default: "2". */
  httpVersion?: "2" | "1.1";
  /** TLS, on by default; `false` for cleartext. */
  tls?: TlsOptions | false;
  /** Path before `/package.Service/Method`, starting with a slash. Default: none. */
  pathPrefix?: string;
  /** Connect's own options, passed through. */
  connect?: ConnectOptions;
  /**
   * Run once per call, outside the attempts; `req.url` has the name that TLS verifies, not an address. Default: none.
   */
  interceptors?: Interceptor[];
  /** Run once per attempt, inside the retries: for tokens that must be fresh, or spans per attempt. Default: none. */
  attemptInterceptors?: Interceptor[];
  /**
   * How an endpoint is chosen for a call: "p2c" (power of two choices), "round-robin", or in code a factory of your
   * own. Default: "p2c".
   */
  picker?: "p2c" | "round-robin" | PickerFactory;
  /** Time limit of a whole call that sets no `timeoutMs` of its own. Default: none. */
  defaultTimeoutMs?: number;
  /**
   * Time limit of one attempt of a unary call; after it, a call that is safe to retry tries another endpoint. Default:
   * none.
   */
  attemptTimeoutMs?: number;
  /**
   * How long a call waits for a connection, TCP and TLS together, while there is another endpoint to try. With no
   * other, it waits until its deadline, or 20 s if it has none. Default: 1 s.
   */
  connectTimeoutMs?: number;
  /** Retries of failed attempts, on by default; `false`: every call is sent once. */
  retry?: RetryOptions | false;
  /**
   * Circuit breakers, one per endpoint, on by default: an endpoint that fails is ejected, so that it gets no calls for
   * a while. `false`: none is ever ejected.
   */
  breaker?: BreakerOptions | false;
  /**
   * A policy that runs each unary call as a whole, for instance one of cockatiel's. Its retries do not count against
   * the retry budget. Default: none.
   */
  policy?: CallPolicy;
  /** How DNS is asked, and how long its answers are used. */
  dns?: DnsOptions;
  /** How long connections live. */
  connection?: ConnectionOptions;
  /**
   * Makes the transport of each endpoint, in place of the built-in ones; `protocol` and `httpVersion` then have no
   * effect. `attemptInterceptors` and `connection` beside it are an error: give them to the transport that it makes.
   * Default: none.
   */
  createEndpointTransport?: EndpointTransportFactory;
  /**
   * Called with each event: what the transport finds out and decides. What it throws changes nothing; `log` shows it
   * once. Default: none.
   */
  onEvent?: BalancedTransportEventListener;
  /**
   * One line on stderr (logfmt) for each event: "info" shows changed answers, failed look-ups, ejected and returned
   * endpoints; "debug" also each look-up, connection and retry. Default: none.
   */
  log?: "info" | "debug";
}

/** Defaults: docs/DECISIONS.md. */
export interface RetryOptions {
  /** Attempts of one call that may reach a server, the first included. Default: 3. */
  maxAttempts?: number;
  /**
   * Limit of the wait before the first retry, doubled for each further one. The wait is a random part of it (full
   * jitter). Default: 100 ms.
   */
  baseDelayMs?: number;
  /** Upper bound of that limit. Default: 2 s. */
  maxDelayMs?: number;
  /** A server's error codes that are retried, for methods that are safe to retry. Default: unavailable. */
  codes?: Code[];
  /**
   * Methods that are safe to retry, besides those whose proto sets `idempotency_level`: "package.Service/Method" or
   * "package.Service/*". Default: none.
   */
  idempotentMethods?: string[];
  /**
   * A server-streaming call is retried until its first message arrives, not only until its response headers do;
   * `stream()` then waits for that message. Default: false.
   */
  peekStreams?: boolean;
}

/** When an endpoint is ejected. Defaults: docs/DECISIONS.md. */
export interface BreakerOptions {
  /** Failed calls in a row that eject an endpoint; a connection that cannot be made ejects it at once. Default: 3. */
  consecutiveFailures?: number;
  /** Share of failures within 30 s that ejects an endpoint, above 0 and up to 1. Default: 0.5. */
  failureRatio?: number;
  /** With fewer calls than this within 30 s, `failureRatio` has no effect. Default: 10. */
  minCalls?: number;
}

/** How DNS is asked, and how long an answer is used, whatever its source is. */
export interface DnsOptions {
  /**
   * DNS servers, as "address" or "address:port", asked in this order. If the target names a server, that one is asked
   * instead. Default: the system's.
   */
  servers?: string[];
  /**
   * "udp" goes on to TCP where an answer is truncated; "tcp" never uses UDP. Default: "udp", for Consul targets "tcp".
   */
  transport?: "udp" | "tcp";
  /**
   * Which addresses to use: "auto" is IPv4 where there is any, else IPv6, and the other family where a server cannot be
   * reached by the first. Default: "auto".
   */
  family?: AddressFamily;
  /**
   * Shorter TTLs are raised to this, and an answer without a TTL (Consul over HTTP) is used for so long. Default: 5 s.
   */
  minTtlMs?: number;
  /** Longer TTLs are cut to this. Default: 5 min. */
  maxTtlMs?: number;
  /** An answer older than this is used only if a new look-up fails. Default: 1 h. */
  maxStaleMs?: number;
}

/** How long a connection is used, and when it is checked before. */
export interface ConnectionOptions {
  /** A connection unused for longer is replaced before the next call. Default: 50 s for HTTP/2, 5 s for HTTP/1.1. */
  idleMs?: number;
  /**
   * An HTTP/2 connection unused for longer is verified by a PING. A call that is safe to retry is sent together with
   * the PING, any other call after its answer. Default: 1 s.
   */
  verifyAfterMs?: number;
  /**
   * A connection that is older is replaced, give or take a tenth, so that servers behind a load balancer get their
   * share. Default: none.
   */
  maxAgeMs?: number;
}

/** A policy round a call; cockatiel's `IPolicy` is one. */
export interface CallPolicy {
  /**
   * Runs a call.
   *
   * @param fn makes the call; `context.signal` ends it. It may be run again: each run is a call of its own.
   * @param signal the caller's: aborts when the call is no longer wanted.
   * @returns what `fn` returned. What it throws in place of that is the call's error.
   */
  execute<T>(fn: (context: { signal: AbortSignal }) => PromiseLike<T> | T, signal?: AbortSignal): Promise<T>;
}
