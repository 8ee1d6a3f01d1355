import { baseUrl } from "../call/base-url.ts";
import { Dispatcher } from "../call/choose-endpoint.ts";
import { Hedger } from "../call/hedger.ts";
import { Repeatable } from "../call/may-retry.ts";
import { Reporter } from "../call/reporter.ts";
import { AttemptLoop } from "../call/retry-loop.ts";
import { Judge } from "../call/settle.ts";
import type { CallParts } from "../call/unary.ts";
import type { Settings } from "../config/resolved-options.ts";
import { verifiedNameOfEither } from "../discovery/verified-names.ts";
import { hostAndPort } from "../endpoint.ts";
import { checkedFactory } from "../endpoints/check-transport.ts";
import type { EndpointRecord } from "../endpoints/endpoint-state.ts";
import type { EndpointTransport } from "../endpoints/endpoint-transport.ts";
import { Pool } from "../endpoints/pool.ts";
import type { Platform } from "../platform.ts";
import { RetryBudget } from "../resilience/budget.ts";
import { recordFact } from "../resilience/failure-facts.ts";
import { connectionEvents } from "./connection-events.ts";
import { type Directories, directoriesOf, type Resolvers } from "./target-resolvers.ts";
import { tlsEvents } from "./tls-events.ts";

/** A transport's parts, joined. */
export interface Assembly extends CallParts, Directories {
  readonly pool: Pool;
  readonly budget: RetryBudget;
}

/** Joins the parts of one balanced transport. Does no I/O and draws nothing at random. */
export function assemble(settings: Settings, resolvers: Resolvers, platform: Platform): Assembly {
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
  const { first, fallback, directory } = directoriesOf(settings, resolvers, pool, runtime);
  const reporter = new Reporter({ target: first.target, directory, clock: runtime.clock, emit });
  const budget = new RetryBudget();
  const isForeign = settings.createEndpointTransport !== undefined;
  const repeatable = new Repeatable(settings.retry);
  const judge = new Judge({
    pool,
    directory,
    budget,
    retry: settings.retry,
    runtime,
    emit,
    callbackFailed,
    recordsFacts: !isForeign,
  });
  const dispatcher = new Dispatcher({
    directory,
    pool,
    runtime,
    attemptTimeoutMs: settings.attemptTimeoutMs,
    budget,
    watcher: {
      isRepeatable: repeatable.call,
      onSuspect(attempt, isFirst) {
        if (isFirst) void judge.silent(attempt);
        hedger.hedge(attempt);
      },
    },
    isForeign,
    isIntercepted: !isForeign && settings.attemptInterceptors.length > 0,
    open: opener(settings, platform, (record) => pool.hasAlternative(record, runtime.clock.now())),
    onFull: (record, call) => reporter.full(record, call),
  });
  const { connectTimeoutMs } = settings;
  const retries = settings.retry !== false;
  const loop = new AttemptLoop({ dispatcher, judge, runtime, connectTimeoutMs, retries, reporter });
  const hedger = new Hedger({
    dispatcher,
    budget,
    repeatable,
    clock: runtime.clock,
    onHedge: (first, copy) => reporter.hedged(first, copy),
    run: (attempt, send) => loop.attempt(attempt, send),
  });
  const { peekStreams } = settings;
  const countsAttempts = !isForeign && settings.protocol !== "connect";
  const parts = { judge, dispatcher, loop, runtime, reporter, peekStreams, countsAttempts };
  return { first, fallback, directory, pool, budget, ...parts };
}

function opener(
  settings: Settings,
  platform: Platform,
  hasAlternative: (record: EndpointRecord) => boolean,
): (record: EndpointRecord) => EndpointTransport {
  const { tls, connectTimeoutMs, connect, emit, callbackFailed, createEndpointTransport } = settings;
  const factory =
    createEndpointTransport === undefined
      ? platform.createEndpointTransports(settings, {
          onTlsFiles: tlsEvents(emit),
          onConnections: connectionEvents(emit),
        })
      : checkedFactory(createEndpointTransport, (error) => callbackFailed("createEndpointTransport", error));
  return (record) => {
    const { endpoint } = record;
    const { verifiedName, port } = endpoint;
    return factory(endpoint, {
      baseUrl: baseUrl(settings, hostAndPort(verifiedName, port)),
      verifiedName,
      tls,
      connectTimeoutMs,
      connect,
      markNotSent: (error) => recordFact(error, "not-sent"),
      alternateAddress: () => record.endpoint.alternateAddress,
      hasAlternative: () => hasAlternative(record),
    });
  };
}
