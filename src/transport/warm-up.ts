import type { ConnectError } from "@connectrpc/connect";
import type { EndpointChooser } from "../call/choose-endpoint.ts";
import { connected } from "../call/wait-for-connection.ts";
import type { AnswerSource } from "../discovery/with-fallback.ts";
import type { EndpointState } from "../endpoints/endpoint-state.ts";
import { ConfigurationError, lookUpFailed, noServers, userError } from "../errors.ts";
import { LONGEST_CONNECT_MS } from "../resilience/connect-limit.ts";
import { connectionHint } from "../resilience/connection-hints.ts";
import { classify } from "../resilience/outcome.ts";
import type { Runtime } from "../runtime.ts";

/** How `BalancedTransport.warmUp()` warms up. */
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
  parts: { readonly answers: AnswerSource; readonly chooser: EndpointChooser; readonly runtime: Runtime },
  { connections = CONNECTIONS, signal }: WarmUpOptions,
  connectTimeoutMs: number,
): Promise<void> {
  if (!Number.isInteger(connections) || connections < 1) {
    throw new ConfigurationError([`warmUp: connections must be a whole number from 1, not ${connections}`]);
  }
  const { answers, chooser, runtime } = parts;
  const now = runtime.clock.now();
  const answer = answers.peek(now) ?? (await answers.get({ signal, deadline: Number.POSITIVE_INFINITY }).catch(failed));
  if (answer.endpoints.length === 0) throw noServers(answer.reason);
  const endpointStates = [...chooser.eligible(answer, runtime.clock.now())].sort((a, b) => a.rank - b.rank);
  const dials = endpointStates.slice(0, connections).map((endpointState) => dial(endpointState, chooser, runtime));
  const wait = { signal, leftMs: Number.POSITIVE_INFINITY, clock: runtime.clock };
  try {
    const results = await Promise.allSettled(
      dials.map(({ connecting }) => connected(connecting, { ...wait, connectTimeoutMs })),
    );
    signal?.throwIfAborted();
    const [first] = results;
    if (first === undefined || results.some(({ status }) => status === "fulfilled")) return;
    // Nothing else is left to wait for; dials end by themselves, sooner than a call would give up.
    const any = Promise.any(dials.map(({ connecting }) => connecting));
    await connected(any, { ...wait, connectTimeoutMs: LONGEST_CONNECT_MS }).catch(() => {
      signal?.throwIfAborted();
      throw unreachable((first as PromiseRejectedResult).reason);
    });
  } finally {
    for (const { stopWaiting } of dials) stopWaiting();
  }

  function failed(error: unknown): never {
    signal?.throwIfAborted();
    throw lookUpFailed(error);
  }
}

/** The error that a call would fail with. */
function unreachable(error: unknown): ConnectError {
  const context = { signal: undefined, deadlinePassed: false, attemptTimedOut: false, thrownBy: undefined };
  const outcome = classify(error, { ...context, recordsFacts: true });
  return userError(error, outcome, false, connectionHint(error, outcome));
}

interface WarmDial {
  readonly connecting: Promise<void>;
  stopWaiting(): void;
}

function dial(endpointState: EndpointState, chooser: EndpointChooser, { clock }: Runtime): WarmDial {
  const controller = new AbortController();
  const waiting = { signal: controller.signal, canRetry: false };
  // Over HTTP/1.1, and for most transports of a user's, there is nothing to wait for.
  const connecting = chooser.transportOf(endpointState).connect?.(clock.now(), waiting) ?? Promise.resolve();
  return { connecting, stopWaiting: () => controller.abort() };
}
