import type { ResolveContext } from "../discovery/resolver.ts";
import type { Endpoint } from "../endpoint.ts";
import type { EligibleView } from "../endpoints/eligible.ts";
import type { ConnectionEnd } from "../endpoints/endpoint-transport.ts";
import type { Outcome } from "../resilience/outcome.ts";
import type { StopReason } from "../resilience/stop-reason.ts";

/** Where an event comes from. */
export interface EventOrigin {
  /** The transport's target, as it was written. */
  readonly target: string;
  /** The name that the transport was made by (`balancedTransportFromEnv("orders")`), if it has one. */
  readonly name?: string;
}

/** Of which target a look-up was. */
interface LookUpSource {
  /** It was of `fallbackTarget`. */
  readonly fallback?: true;
}

/** A callback of the user's that a transport calls. */
export type UserCallback = "onEvent" | "picker" | "createEndpointTransport" | "close" | "contextValues";

/** What a balanced transport decided, and for which target. Times are in milliseconds. */
export type BalancedTransportEvent = EventBody & EventOrigin;

/** An event without its source. */
export type EventBody =
  /**
   * An answer with other endpoints is in use, or with the same ones that differ in weight, tier or metadata; `added` and
   * `removed` are empty then.
   */
  | {
      readonly type: "resolved";
      readonly endpoints: number;
      readonly ttlMs: number;
      readonly added: readonly Endpoint[];
      readonly removed: readonly Endpoint[];
    }
  /** A look-up found no endpoints, which is not believed before it is confirmed: the last answer goes on serving. */
  | ({ readonly type: "unconfirmed-empty"; readonly reason: string } & LookUpSource)
  /** A look-up found no endpoints, and is believed: calls fail until another one finds some. */
  | ({ readonly type: "empty"; readonly reason: string } & LookUpSource)
  /**
   * A look-up's answer holds records that cannot be used, for example with a name that is not a host name; the others
   * serve. Again only when `reason`, which quotes the first few of them, changes.
   */
  | ({ readonly type: "records-dropped"; readonly dropped: number; readonly reason: string } & LookUpSource)
  /**
   * A look-up sent a secret of Consul's variables (a token or a password) to `server` without TLS and not over loopback:
   * whoever sees the traffic can read it. Once for each server. Use `consul+https:`.
   */
  | ({ readonly type: "token-in-cleartext"; readonly server: string } & LookUpSource)
  /** A look-up failed. `stale` tells whether there is an older answer to go on with. */
  | ({ readonly type: "resolve-failed"; readonly error: unknown; readonly stale: boolean } & LookUpSource)
  /**
   * So many transports to one target live in this process. One is enough: it keeps connections and what it knows of its
   * servers. Told once, by the one that makes the number full.
   */
  | { readonly type: "many-transports"; readonly transports: number }
  /**
   * The files of `tls`, or of Consul's variables, have changed and are in use: connections that were made with others are
   * replaced within 5 minutes. Also when files are back that could not be used. `files` holds the paths of all.
   */
  | { readonly type: "tls-reloaded"; readonly files: readonly string[] }
  /**
   * They have changed and cannot be used, for instance because a certificate has come and its key has not: those before
   * them go on serving. Again only when they change again.
   */
  | {
      readonly type: "tls-reload-failed";
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
      /** As in `AttemptReport`. */
      readonly hint: string | undefined;
    }
  /**
   * A call that failed is not tried again, although another attempt might have helped, or with a hint what to change.
   * `because`: as in `CallReport.stopped`; `hint`: as in `AttemptReport`.
   */
  | {
      readonly type: "not-retried";
      readonly method: string;
      readonly endpoint: Endpoint;
      readonly outcome: Outcome["kind"];
      readonly because: StopReason;
      readonly error: unknown;
      readonly hint: string | undefined;
    }
  /** A look-up has ended. `servers` are those of the registry, or of DNS, that were asked, as far as the resolver tells. */
  | ({
      readonly type: "looked-up";
      readonly reason: ResolveContext["reason"];
      readonly result: "endpoints" | "empty" | "failed";
      readonly durationMs: number;
      readonly servers: readonly string[];
    } & LookUpSource)
  /** A connection to `endpoint` has been made, over `address`, which may be the endpoint's other address. */
  | {
      readonly type: "connection-opened";
      readonly endpoint: Endpoint;
      readonly address: string;
      readonly durationMs: number;
    }
  /** A connection to `endpoint` has ended: one that takes no more calls ends with the last of those that it has. */
  | { readonly type: "connection-closed"; readonly endpoint: Endpoint; readonly reason: ConnectionEnd }
  /**
   * Calls go to other endpoints than before by their tier or their health: as in `Snapshot.serving`; `fallback`: to those
   * of `fallbackTarget`. A transport whose first calls go to eligible endpoints of its target tells nothing.
   */
  | {
      readonly type: "serving";
      readonly tier: number;
      readonly mode: EligibleView["mode"];
      readonly fallback: boolean;
    }
  /**
   * A callback of yours threw, or returned what cannot be used. The calls go on without it. Once for each callback, so
   * that a bug in one that is called with each call shows as one line.
   */
  | { readonly type: "callback-failed"; readonly callback: UserCallback; readonly error: unknown };

/** Called with each event as it happens. What it throws changes nothing; the first time, `log` shows it. */
export type BalancedTransportEventListener = (event: BalancedTransportEvent) => void;
