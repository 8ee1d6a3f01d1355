import { baseUrl } from "../call/base-url.ts";
import { EndpointChooser } from "../call/choose-endpoint.ts";
import { Hedger } from "../call/hedger.ts";
import { MayRetry } from "../call/may-retry.ts";
import { Reporter } from "../call/reporter.ts";
import { RetryLoop } from "../call/retry-loop.ts";
import { Settler } from "../call/settle.ts";
import type { CallParts } from "../call/unary.ts";
import type { ResolvedOptions } from "../config/resolved-options.ts";
import { verifiedNameOfEither } from "../discovery/verified-names.ts";
import { hostAndPort } from "../endpoint.ts";
import { checkedFactory } from "../endpoints/check-transport.ts";
import type { EndpointState } from "../endpoints/endpoint-state.ts";
import type { EndpointTransport } from "../endpoints/endpoint-transport.ts";
import { Pool } from "../endpoints/pool.ts";
import type { Platform } from "../platform.ts";
import { RetryBudget } from "../resilience/budget.ts";
import { recordFact } from "../resilience/failure-facts.ts";
import { connectionEvents } from "./connection-events.ts";
import { type Resolvers, type TargetResolvers, targetResolversOf } from "./target-resolvers.ts";
import { tlsEvents } from "./tls-events.ts";

/** A transport's parts, joined. */
export interface Assembly extends CallParts, TargetResolvers {
  readonly pool: Pool;
  readonly budget: RetryBudget;
}

/** Joins the parts of one balanced transport. Does no I/O and draws nothing at random. */
export function assemble(settings: ResolvedOptions, resolvers: Resolvers, platform: Platform): Assembly {
  const { runtime } = platform;
  const { emit, callbackFailed } = settings;
  const pool = new Pool({
    picker: settings.picker,
    breaker: settings.breaker,
    verifiedName: verifiedNameOfEither(resolvers.resolver, resolvers.fallback, settings.tls),
    random: runtime.random,
    onView: (view) => reporter.serving(view),
    onCloseFailed: (error) => callbackFailed("close", error),
  });
  const { first, fallback, answers } = targetResolversOf(settings, resolvers, pool, runtime);
  const reporter = new Reporter({ target: first.target, answers, clock: runtime.clock, emit });
  const budget = new RetryBudget();
  const isForeign = settings.createEndpointTransport !== undefined;
  const mayRetry = new MayRetry(settings.retry);
  const settler = new Settler({
    pool,
    answers,
    budget,
    retry: settings.retry,
    runtime,
    emit,
    callbackFailed,
    recordsFacts: !isForeign,
  });
  const chooser = new EndpointChooser({
    answers,
    pool,
    runtime,
    attemptTimeoutMs: settings.attemptTimeoutMs,
    budget,
    watcher: {
      canRetry: mayRetry.afterLoss,
      onSuspect(attempt, isFirst) {
        if (isFirst) void settler.silent(attempt);
        hedger.hedge(attempt);
      },
    },
    isForeign,
    isIntercepted: !isForeign && settings.attemptInterceptors.length > 0,
    open: opener(settings, platform, (endpointState) => pool.hasAlternative(endpointState, runtime.clock.now())),
    onFull: (endpointState, call) => reporter.full(endpointState, call),
  });
  const { connectTimeoutMs } = settings;
  const retries = settings.retry !== false;
  const loop = new RetryLoop({ chooser, settler, runtime, connectTimeoutMs, retries, reporter });
  const hedger = new Hedger({
    chooser,
    budget,
    mayRetry,
    clock: runtime.clock,
    onHedge: (first, copy) => reporter.hedged(first, copy),
    run: (attempt, send) => loop.attempt(attempt, send),
  });
  const { peekStreams } = settings;
  const countsAttempts = !isForeign && settings.protocol !== "connect";
  const parts = { settler, chooser, loop, runtime, reporter, peekStreams, countsAttempts };
  return { first, fallback, answers, pool, budget, ...parts };
}

function opener(
  settings: ResolvedOptions,
  platform: Platform,
  hasAlternative: (endpointState: EndpointState) => boolean,
): (endpointState: EndpointState) => EndpointTransport {
  const { tls, connectTimeoutMs, connect, emit, callbackFailed, createEndpointTransport } = settings;
  const factory =
    createEndpointTransport === undefined
      ? platform.createEndpointTransports(settings, {
          onTlsFiles: tlsEvents(emit),
          onConnections: connectionEvents(emit),
        })
      : checkedFactory(createEndpointTransport, (error) => callbackFailed("createEndpointTransport", error));
  return (endpointState) => {
    const { endpoint } = endpointState;
    const { verifiedName, port } = endpoint;
    return factory(endpoint, {
      baseUrl: baseUrl(settings, hostAndPort(verifiedName, port)),
      verifiedName,
      tls,
      connectTimeoutMs,
      connect,
      markNotSent: (error) => recordFact(error, "not-sent"),
      alternateAddress: () => endpointState.endpoint.alternateAddress,
      hasAlternative: () => hasAlternative(endpointState),
    });
  };
}
