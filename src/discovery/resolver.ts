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

/** What a look-up is given. */
export interface ResolveContext {
  /** Aborts when the result is of no more use: the look-up's limit has passed, or the transport was closed. */
  readonly signal: AbortSignal;
  /** When to give up, on `clock`: a little before `signal` aborts, so that there is time to say why. */
  readonly deadline: number;
  /** The transport's clock; a resolver reads no other, so that a test can replace it. */
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
  /** The servers that the service has. */
  | {
      readonly kind: "endpoints";
      /** At least one. */
      readonly endpoints: readonly EndpointSpec[];
      /**
       * How long the answer may be used, in milliseconds from 0, Infinity included; it is kept within `dns.minTtlMs` and
       * `dns.maxTtlMs`. Default: `dns.minTtlMs`.
       */
      readonly ttlMs?: number;
      /** It is a random part of what there is, which is merged with the parts before it. Default: false. */
      readonly partial?: boolean;
      /** A reason for each record that was left out because it cannot be used, for the event `records-dropped`. */
      readonly dropped?: readonly string[];
      /**
       * The registry servers that were sent a secret without TLS and not over loopback, for the event
       * `token-in-cleartext`.
       */
      readonly cleartextTokens?: readonly string[];
      /**
       * The whole of it, where a part is found out so slowly that calls should not wait for it; they use `endpoints`
       * until then, and go on with them if it rejects.
       */
      readonly rest?: Promise<Resolution>;
    }
  /** The name exists without servers, or does not exist. After good data it takes effect when confirmed. */
  | {
      readonly kind: "empty";
      /** How long it is believed, in milliseconds; it is kept within 1 s and 5 s. Default: 1 s. */
      readonly ttlMs?: number;
      /** Why there are none, in words for a person: in `snapshot()`, in events, and as the cause of calls' errors. */
      readonly reason: string;
      /** As with endpoints. */
      readonly cleartextTokens?: readonly string[];
    }
  /** The service is decidedly not available (an SRV target of "."): obeyed at once. */
  | {
      readonly kind: "unavailable";
      /** As of an empty answer. */
      readonly ttlMs?: number;
      /** As of an empty answer. */
      readonly reason: string;
    };
