import type { ConnectError } from "@connectrpc/connect";
import type { Answers } from "../discovery/failover.ts";
import { ConfigurationError, lookUpFailed, noServers, userError } from "../errors.ts";
import type { EndpointRecord } from "../pool/record.ts";
import { classify } from "../resilience/outcome.ts";
import type { Runtime } from "../runtime.ts";
import { connected } from "./connecting.ts";
import type { Dispatcher } from "./dispatcher.ts";

export interface WarmUpOptions {
  /** How many endpoints to connect to; those of this process's own order come first. Default 4, or all if there are fewer. */
  readonly connections?: number;
  /** Ends the warm-up; what has been connected stays. */
  readonly signal?: AbortSignal;
}

/** As many as a process that makes a few calls at once will use. */
const CONNECTIONS = 4;

/**
 * Looks up and connects, before the first call needs it. An endpoint that cannot be reached does not fail the warm-up,
 * as long as there is one that can.
 */
export async function warmUp(
  parts: { readonly directory: Answers; readonly dispatcher: Dispatcher; readonly runtime: Runtime },
  { connections = CONNECTIONS, signal }: WarmUpOptions,
  connectTimeoutMs: number,
): Promise<void> {
  if (!Number.isInteger(connections) || connections < 1) {
    throw new ConfigurationError([`warmUp: connections must be a whole number from 1, not ${connections}`]);
  }
  const { directory, dispatcher, runtime } = parts;
  const now = runtime.clock.now();
  const answer =
    directory.current(now) ?? (await directory.wait({ signal, deadline: Number.POSITIVE_INFINITY }).catch(failed));
  if (answer.endpoints.length === 0) throw noServers(answer.reason);
  const records = [...dispatcher.eligible(answer, runtime.clock.now())].sort((a, b) => a.rank - b.rank);
  const results = await Promise.allSettled(
    records.slice(0, connections).map((record) => connect(record, dispatcher, runtime, connectTimeoutMs, signal)),
  );
  signal?.throwIfAborted();
  const failure = results.find((result) => result.status === "rejected");
  if (failure !== undefined && results.every((result) => result.status === "rejected"))
    throw unreachable(failure.reason);

  function failed(error: unknown): never {
    signal?.throwIfAborted();
    throw lookUpFailed(error);
  }
}

/** As a call would tell it. */
function unreachable(error: unknown): ConnectError {
  const context = { signal: undefined, deadlinePassed: false, attemptTimedOut: false, thrownBy: undefined };
  const outcome = classify(error, { ...context, recordsFacts: true });
  return userError(error, outcome, false);
}

async function connect(
  record: EndpointRecord,
  dispatcher: Dispatcher,
  runtime: Runtime,
  connectTimeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const waiting = new AbortController();
  const connecting = dispatcher.transportOf(record).connect?.(runtime.clock.now(), {
    signal: waiting.signal,
    repeatable: false,
  });
  if (connecting === undefined) return;
  await connected(connecting, {
    signal,
    leftMs: Number.POSITIVE_INFINITY,
    connectTimeoutMs,
    clock: runtime.clock,
  }).catch((error) => {
    waiting.abort(signal?.reason);
    throw error;
  });
}
