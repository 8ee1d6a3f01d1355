import type { DescMethod } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import type { Settings } from "../config/settings.ts";
import type { Answer } from "../discovery/answer.ts";
import { verifiedNameOfEither } from "../discovery/server-names.ts";
import { hostAndPort } from "../endpoint.ts";
import type { Platform } from "../platform.ts";
import type { EndpointTransport } from "../pool/endpoint-transport.ts";
import { Pool } from "../pool/pool.ts";
import type { Reconciled } from "../pool/reconcile.ts";
import type { EndpointRecord } from "../pool/record.ts";
import { RetryBudget } from "../resilience/budget.ts";
import { recordFact } from "../resilience/failure-facts.ts";
import { type AttemptReport, attachReport } from "../telemetry/call-report.ts";
import type { Attempt } from "./attempt.ts";
import { AttemptLoop } from "./attempt-loop.ts";
import type { Call } from "./call.ts";
import { type Directories, directoriesOf, type Resolvers } from "./directories.ts";
import { Dispatcher } from "./dispatcher.ts";
import { Hedger } from "./hedger.ts";
import { Repeatable } from "./repeatable.ts";
import { tlsEvents } from "./tls-events.ts";
import type { CallParts } from "./unary.ts";
import { Judge } from "./verdict.ts";

/** A transport's parts, joined. */
export interface Assembly extends CallParts, Directories {
  readonly pool: Pool;
  readonly budget: RetryBudget;
}

/** Joins the parts of one balanced transport. Does no I/O and draws nothing at random. */
export function assemble(settings: Settings, resolvers: Resolvers, platform: Platform): Assembly {
  const { runtime } = platform;
  const { emit } = settings;
  const { target } = resolvers.resolver;
  const pool = new Pool({
    picker: settings.picker,
    breaker: settings.breaker,
    verifiedName: verifiedNameOfEither(resolvers.resolver, resolvers.fallback, settings.tls),
    random: runtime.random,
  });
  const { first, fallback, directory } = directoriesOf(settings, resolvers, pool, runtime);
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
    open: opener(settings, platform, target, (record) => pool.hasAlternative(record, runtime.clock.now())),
    onFull: ({ endpoint }, { method }) => emit({ type: "full", method: nameOf(method), endpoint }),
    onUpdate: ({ ttlMs, endpoints }: Answer, { added, removed }: Reconciled) => {
      emit({
        type: "resolved",
        target,
        endpoints: endpoints.length,
        ttlMs,
        added: added.map(({ endpoint }) => endpoint),
        removed: removed.map(({ endpoint }) => endpoint),
      });
    },
  });
  const onRetry = ({ call, record }: Attempt, delayMs: number) => {
    const failure = call.failures?.reports.at(-1) as AttemptReport;
    const { outcome, error } = failure;
    const { endpoint } = record;
    emit({ type: "retry", method: nameOf(call.method), endpoint, attempt: call.attempt, outcome, delayMs, error });
  };
  const report = (error: ConnectError, call: Call) => {
    const { answer } = directory;
    attachReport(error, {
      target,
      method: nameOf(call.method),
      attempts: call.failures?.reports ?? [],
      answerAgeMs: answer === undefined ? undefined : runtime.clock.now() - answer.resolvedAt,
      lookUpError: first.lookUpError ?? fallback?.lookUpError,
    });
  };
  const { connectTimeoutMs } = settings;
  const retries = settings.retry !== false;
  const loop = new AttemptLoop({ dispatcher, judge, runtime, connectTimeoutMs, retries, onRetry, report });
  const hedger = new Hedger({
    dispatcher,
    budget,
    repeatable,
    clock: runtime.clock,
    onHedge: (first, copy) => {
      const method = nameOf(copy.call.method);
      emit({ type: "hedge", method, first: first.record.endpoint, endpoint: copy.record.endpoint });
    },
    run: (attempt, send) => loop.attempt(attempt, send),
  });
  const { peekStreams } = settings;
  const countsAttempts = !isForeign && settings.protocol !== "connect";
  return { first, fallback, directory, pool, budget, judge, dispatcher, loop, runtime, peekStreams, countsAttempts };
}

function nameOf({ parent, name }: DescMethod): string {
  return `${parent.typeName}/${name}`;
}

function opener(
  settings: Settings,
  platform: Platform,
  target: string,
  hasAlternative: (record: EndpointRecord) => boolean,
): (record: EndpointRecord) => EndpointTransport {
  const { tls, connectTimeoutMs, connect, pathPrefix, emit } = settings;
  const factory =
    settings.createEndpointTransport ?? platform.createEndpointTransports(settings, tlsEvents(target, emit));
  return (record) => {
    const { endpoint } = record;
    const { verifiedName, port } = endpoint;
    const baseUrl = `${tls === false ? "http" : "https"}://${hostAndPort(verifiedName, port)}${pathPrefix}`;
    return factory(endpoint, {
      baseUrl,
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
