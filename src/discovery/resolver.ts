import type { EndpointSpec } from "../endpoint.ts";
import type { Clock } from "../runtime.ts";

/**
 * Looks a target up. Called when the cached answer is due, not once per RPC. It keeps no watcher, no timer and no cache:
 * the transport caches what it returns for `ttlMs`, runs one look-up at a time and serves stale answers.
 */
export interface Resolver {
  /** The target as the user wrote it; shown in errors, events and snapshots. */
  readonly target: string;
  /**
   * The name that TLS verifies for every endpoint, a host name or an IP address; read once, when the transport is
   * created. DNS is not authenticated, so this must come from the user, never from an answer (RFC 9525). Without it,
   * each endpoint's own `name`, else its address, is verified.
   */
  readonly authority?: string;
  /** A rejection is a failed look-up: the last answer goes on serving. */
  resolve(context: ResolveContext): Promise<Resolution>;
}

export interface ResolveContext {
  /** Aborts when the result is of no more use: the look-up's limit has passed, or the transport was closed. */
  readonly signal: AbortSignal;
  /** When to give up, on `clock`: a little before `signal` aborts, so that there is time to say why. */
  readonly deadline: number;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  random(): number;
  /** Settles after so many milliseconds, or rejects when the signal aborts. It does not hold the process. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Why the look-up runs: nothing known yet, the TTL is over, a connection failed, or `refresh()` was called. */
  readonly reason: "first" | "expired" | "connect-failure" | "forced";
  /** Notes a server that is asked ("10.0.0.2:53"), for the event `looked-up`. */
  asked?(server: string): void;
}

/** What a look-up found. */
export type Resolution =
  /**
   * `endpoints` holds at least one. `ttlMs`: how long the answer may be used, in milliseconds from 0, Infinity included;
   * it is kept within `dns.minTtlMs` and `dns.maxTtlMs`, and is `dns.minTtlMs` where it is missing. `partial`: a random part of what there is,
   * which is merged with the parts before it. `dropped`: a reason for each record that was left out because it cannot
   * be used, for the event `records-dropped`. `cleartextTokens`: the registry servers that were sent a secret without
   * TLS and not over loopback, for the event `token-in-cleartext`. `rest`: the whole of it, where a part is found out so
   * slowly that calls should not wait for it; they use `endpoints` until then, and go on with them if it rejects.
   */
  | {
      readonly kind: "endpoints";
      readonly endpoints: readonly EndpointSpec[];
      readonly ttlMs?: number;
      readonly partial?: boolean;
      readonly dropped?: readonly string[];
      readonly cleartextTokens?: readonly string[];
      readonly rest?: Promise<Resolution>;
    }
  /**
   * The name exists without servers, or does not exist. After good data it takes effect when confirmed. `ttlMs` is kept
   * within 1 s and 5 s, and is 1 s where it is missing.
   */
  | {
      readonly kind: "empty";
      readonly ttlMs?: number;
      readonly reason: string;
      readonly cleartextTokens?: readonly string[];
    }
  /** The service is decidedly not available (an SRV target of "."): obeyed at once. */
  | { readonly kind: "unavailable"; readonly ttlMs?: number; readonly reason: string };
