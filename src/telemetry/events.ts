// telemetry/ is what users see of a transport: events and their log, the report of a failed call, the snapshot. It may
// read the state of endpoints and answers. It must not decide anything, or show a secret.

import type { ResolveContext } from "../discovery/resolver.ts";
import type { Endpoint } from "../endpoint.ts";
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
export interface LookUpSource {
  /** It was of `fallbackTarget`. */
  readonly fallback?: true;
}

/** A callback of the user's that a transport calls. */
export type UserCallback = "onEvent" | "picker" | "createEndpointTransport" | "close" | "contextValues";

/** What a balanced transport decided, and for which target. Times are in milliseconds. */
export type BalancedTransportEvent = EventBody & EventOrigin;

/** An event without its source. `type` says which one it is. */
export type EventBody =
  /** An answer with other endpoints is in use, or with the same ones that differ in weight, tier or metadata. */
  | {
      readonly type: "resolved";
      /** How many the answer has. */
      readonly endpoints: number;
      /** How long it may be used, in milliseconds. */
      readonly ttlMs: number;
      /** Those that the answer before did not have. */
      readonly added: readonly Endpoint[];
      /** Those that only the answer before had. */
      readonly removed: readonly Endpoint[];
    }
  /** A look-up found no endpoints, which is not believed before it is confirmed: the last answer goes on serving. */
  | ({
      readonly type: "unconfirmed-empty";
      /** Why there are none, in the resolver's words. */
      readonly reason: string;
    } & LookUpSource)
  /** A look-up found no endpoints, and is believed: calls fail until another one finds some. */
  | ({
      readonly type: "empty";
      /** Why there are none, in the resolver's words. */
      readonly reason: string;
    } & LookUpSource)
  /**
   * A look-up's answer holds records that cannot be used, for example with a name that is not a host name; the others
   * serve. Again only when `reason` changes.
   */
  | ({
      readonly type: "records-dropped";
      /** How many. */
      readonly dropped: number;
      /** Why; it quotes the first few of them. */
      readonly reason: string;
    } & LookUpSource)
  /**
   * A look-up sent a secret of Consul's variables (a token or a password) without TLS and not over loopback: whoever sees
   * the traffic can read it. Once for each server. Use `consul+https:`.
   */
  | ({
      readonly type: "token-in-cleartext";
      /** To whom: "address:port". */
      readonly server: string;
    } & LookUpSource)
  /** A look-up failed. */
  | ({
      readonly type: "resolve-failed";
      /** What it failed with. */
      readonly error: unknown;
      /** There is an older answer to go on with. */
      readonly stale: boolean;
    } & LookUpSource)
  /**
   * Several transports to one target live in this process. One is enough: it keeps connections and what it knows of its
   * servers. Told once, by the one that makes the number full.
   */
  | {
      readonly type: "many-transports";
      /** How many. */
      readonly transports: number;
    }
  /**
   * The files of `tls`, or of Consul's variables, have changed and are in use: connections that were made with others are
   * replaced within 5 minutes. Also when files are back that could not be used.
   */
  | {
      readonly type: "tls-reloaded";
      /** The paths of all, changed or not. */
      readonly files: readonly string[];
    }
  /**
   * They have changed and cannot be used, for instance because a certificate has come and its key has not: those before
   * them go on serving. Again only when they change again.
   */
  | {
      readonly type: "tls-reload-failed";
      /** The paths of all, changed or not. */
      readonly files: readonly string[];
      /** Why they cannot be used. */
      readonly error: unknown;
    }
  /** An endpoint is out. */
  | {
      readonly type: "ejected";
      /** Which one. */
      readonly endpoint: Endpoint;
      /** For how long, in milliseconds. */
      readonly forMs: number;
      /** Of the attempt that ejected it. */
      readonly outcome: Outcome["kind"];
    }
  /** An ejected endpoint answered its probe and is back. */
  | {
      readonly type: "returned";
      /** Which one. */
      readonly endpoint: Endpoint;
    }
  /** A call is sent once more, because its connection gives no sign of life. Whichever answers first is taken. */
  | {
      readonly type: "hedge";
      /** "package.Service/Method". */
      readonly method: string;
      /** Where its first copy is. */
      readonly first: Endpoint;
      /** Where the second one goes. */
      readonly endpoint: Endpoint;
    }
  /**
   * A call waits for its turn: each connection to `endpoint` carries as many calls as its server allows, no other endpoint
   * has room, and no further connection is made.
   */
  | {
      readonly type: "full";
      /** "package.Service/Method". */
      readonly method: string;
      /** Where it waits. */
      readonly endpoint: Endpoint;
    }
  /** A call goes on after an attempt failed. */
  | {
      readonly type: "retry";
      /** "package.Service/Method". */
      readonly method: string;
      /** Where the attempt failed. */
      readonly endpoint: Endpoint;
      /** The number of the attempt that is made now, from 2. */
      readonly attempt: number;
      /** Of the attempt that failed. */
      readonly outcome: Outcome["kind"];
      /** How long the next one waits, in milliseconds. */
      readonly delayMs: number;
      /** What the attempt failed with. */
      readonly error: unknown;
      /** As in `AttemptReport`. */
      readonly hint: string | undefined;
    }
  /** A call that failed is not tried again, although another attempt might have helped, or with a hint what to change. */
  | {
      readonly type: "not-retried";
      /** "package.Service/Method". */
      readonly method: string;
      /** Where its last attempt failed. */
      readonly endpoint: Endpoint;
      /** Of that attempt. */
      readonly outcome: Outcome["kind"];
      /** As in `CallReport.stopped`. */
      readonly because: StopReason;
      /** What the attempt failed with. */
      readonly error: unknown;
      /** As in `AttemptReport`. */
      readonly hint: string | undefined;
    }
  /** A look-up has ended. */
  | ({
      readonly type: "looked-up";
      /** Why it ran: as in `ResolveContext`. */
      readonly reason: ResolveContext["reason"];
      /** What it found. */
      readonly result: "endpoints" | "empty" | "failed";
      /** How long it took, in milliseconds. */
      readonly durationMs: number;
      /** Those of the registry, or of DNS, that were asked, as far as the resolver tells: "address:port". */
      readonly servers: readonly string[];
    } & LookUpSource)
  /** A connection has been made. */
  | {
      readonly type: "connection-opened";
      /** To which endpoint. */
      readonly endpoint: Endpoint;
      /** Over which address: it may be the endpoint's other one. */
      readonly address: string;
      /** How long that took, TLS included, in milliseconds. */
      readonly durationMs: number;
    }
  /** A connection has ended: one that takes no more calls ends with the last of those that it has. */
  | {
      readonly type: "connection-closed";
      /** To which endpoint. */
      readonly endpoint: Endpoint;
      /** Why. */
      readonly reason: ConnectionEnd;
    }
  /**
   * Calls go to other endpoints than before by their tier or their health. A transport whose first calls go to eligible
   * endpoints of its target tells nothing.
   */
  | {
      readonly type: "serving";
      /** As in `Snapshot.serving`. */
      readonly tier: number;
      /** As in `Snapshot.serving`. */
      readonly mode: "eligible" | "panic" | "none-eligible";
      /** To those of `fallbackTarget`. */
      readonly fallback: boolean;
    }
  /**
   * A callback of yours threw, or returned what cannot be used. The calls go on without it. Once for each callback, so
   * that a bug in one that is called with each call shows as one line.
   */
  | {
      readonly type: "callback-failed";
      /** Which one. */
      readonly callback: UserCallback;
      /** What it threw, or what is wrong with what it returned. */
      readonly error: unknown;
    };

/** Called with each event as it happens. What it throws changes nothing; the first time, `log` shows it. */
export type BalancedTransportEventListener = (event: BalancedTransportEvent) => void;
