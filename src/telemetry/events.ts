import type { Endpoint } from "../endpoint.ts";
import type { Outcome } from "../resilience/outcome.ts";

/** What a balanced transport decided. Times are in milliseconds. */
export type BalancedTransportEvent =
  /**
   * An answer with other endpoints is in use, or with the same ones that differ in weight, tier or metadata; `added` and
   * `removed` are empty then.
   */
  | {
      readonly type: "resolved";
      readonly target: string;
      readonly endpoints: number;
      readonly ttlMs: number;
      readonly added: readonly Endpoint[];
      readonly removed: readonly Endpoint[];
    }
  /** A look-up found no endpoints, which is not believed before it is confirmed: the last answer goes on serving. */
  | { readonly type: "unconfirmed-empty"; readonly target: string; readonly reason: string }
  /** A look-up found no endpoints, and is believed: calls fail until another one finds some. */
  | { readonly type: "empty"; readonly target: string; readonly reason: string }
  /**
   * A look-up's answer holds records that cannot be used, for example with a name that is not a host name; the others
   * serve. Again only when `reason`, which quotes the first few of them, changes.
   */
  | { readonly type: "records-dropped"; readonly target: string; readonly dropped: number; readonly reason: string }
  /**
   * A look-up sent a secret of Consul's variables (a token or a password) to `server` without TLS and not over loopback:
   * whoever sees the traffic can read it. Once for each server. Use `consul+https:`.
   */
  | { readonly type: "token-in-cleartext"; readonly target: string; readonly server: string }
  /** A look-up failed. `stale` tells whether there is an older answer to go on with. */
  | { readonly type: "resolve-failed"; readonly target: string; readonly error: unknown; readonly stale: boolean }
  /**
   * So many transports to one target live in this process. One is enough: it keeps connections and what it knows of its
   * servers. Told once, by the one that makes the number full.
   */
  | { readonly type: "many-transports"; readonly target: string; readonly transports: number }
  /**
   * The files of `tls`, or of Consul's variables, have changed and are in use: connections that were made with others are
   * replaced within 5 minutes. Also when files are back that could not be used. `files` holds the paths of all.
   */
  | { readonly type: "tls-reloaded"; readonly target: string; readonly files: readonly string[] }
  /**
   * They have changed and cannot be used, for instance because a certificate has come and its key has not: those before
   * them go on serving. Again only when they change again.
   */
  | {
      readonly type: "tls-reload-failed";
      readonly target: string;
      readonly files: readonly string[];
      readonly error: unknown;
    }
  /** An endpoint is out for `forMs`. */
  | { readonly type: "ejected"; readonly endpoint: Endpoint; readonly forMs: number; readonly outcome: Outcome["kind"] }
  /** An ejected endpoint answered its probe and is back. */
  | { readonly type: "returned"; readonly endpoint: Endpoint }
  /**
   * A call is sent to `endpoint` as well, because the connection to the first one gives no sign of life. Whichever
   * answers first is taken.
   */
  | { readonly type: "hedge"; readonly method: string; readonly first: Endpoint; readonly endpoint: Endpoint }
  /**
   * A call waits for its turn: each connection to `endpoint` carries as many calls as its server allows, no other endpoint
   * has room, and no further connection is made.
   */
  | { readonly type: "full"; readonly method: string; readonly endpoint: Endpoint }
  /** A call goes on after an attempt failed on `endpoint`: its attempt number `attempt` (from 2) is made, `delayMs` later. */
  | {
      readonly type: "retry";
      readonly method: string;
      readonly endpoint: Endpoint;
      readonly attempt: number;
      readonly outcome: Outcome["kind"];
      readonly delayMs: number;
      readonly error: unknown;
    };

/** Told each event as it happens. What it throws is ignored. */
export type EventListener = (event: BalancedTransportEvent) => void;

/** One listener that cannot change the outcome of a call. */
export function guardedListener(...listeners: readonly (EventListener | undefined)[]): EventListener {
  const wanted = listeners.filter((listener) => listener !== undefined);
  return (event) => {
    for (const listener of wanted) {
      try {
        // An async listener's rejection must not become an unhandled one.
        const returned: unknown = listener(event);
        if (returned instanceof Promise) returned.catch(() => {});
      } catch {
        // Law of the house: a throwing callback never changes the outcome of a call.
      }
    }
  };
}
