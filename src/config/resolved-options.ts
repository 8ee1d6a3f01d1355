import type { Interceptor } from "@connectrpc/connect";
import type { AnswerAgeLimits } from "../discovery/answer-cache.ts";
import type { EndpointTransportFactory } from "../endpoints/endpoint-transport.ts";
import type { FailureLimits } from "../endpoints/failure-counter.ts";
import type { ConnectOptions } from "../net/connect-options.ts";
import { domainFromUser, hostNameFromUser } from "../net/host-name.ts";
import type { TlsOptions } from "../net/tls-options.ts";
import { powerOfTwoChoices } from "../pickers/p2c.ts";
import type { PickerFactory } from "../pickers/picker.ts";
import { roundRobin } from "../pickers/round-robin.ts";
import { safePicker } from "../pickers/safe-picker.ts";
import type { RetryLimits } from "../resilience/decide-retry.ts";
import type { Emitter } from "../telemetry/emitter.ts";
import { defaults } from "./defaults.ts";
import type { BalancedTransportOptions, CallPolicy, ConnectionOptions } from "./options.ts";

/** The options with every default filled in. */
export interface ResolvedOptions {
  readonly protocol: "connect" | "grpc" | "grpc-web";
  readonly httpVersion: "2" | "1.1";
  readonly tls: TlsOptions | false;
  readonly pathPrefix: string;
  readonly connect: ConnectOptions;
  readonly interceptors: Interceptor[];
  readonly attemptInterceptors: Interceptor[];
  readonly picker: PickerFactory;
  readonly defaultTimeoutMs: number | undefined;
  /** Infinity for none. */
  readonly attemptTimeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly retry: RetryLimits | false;
  readonly peekStreams: boolean;
  readonly breaker: FailureLimits | false;
  readonly policy: CallPolicy | undefined;
  readonly ages: AnswerAgeLimits;
  readonly connection: Required<ConnectionOptions>;
  readonly createEndpointTransport: EndpointTransportFactory | undefined;
  readonly emit: Emitter["emit"];
  readonly hasListener: Emitter["hasListener"];
  readonly callbackFailed: Emitter["callbackFailed"];
}

const pickers = { p2c: powerOfTwoChoices, "round-robin": roundRobin };

/**
 * @param options checked and merged, so that none is undefined.
 * @param events where the transport's events go.
 */
export function resolveOptions(
  options: BalancedTransportOptions,
  { emit, hasListener, callbackFailed }: Emitter,
): ResolvedOptions {
  const { httpVersion = defaults.httpVersion, picker = defaults.picker, dns = {} } = options;
  return {
    protocol: options.protocol ?? defaults.protocol,
    httpVersion,
    tls: tlsOf(options),
    pathPrefix: (options.pathPrefix ?? defaults.pathPrefix).replace(/\/+$/, ""),
    connect: options.connect ?? {},
    interceptors: options.interceptors ?? [],
    attemptInterceptors: options.attemptInterceptors ?? [],
    picker:
      typeof picker === "function" ? safePicker(picker, (error) => callbackFailed("picker", error)) : pickers[picker],
    defaultTimeoutMs: options.defaultTimeoutMs,
    attemptTimeoutMs: options.attemptTimeoutMs ?? defaults.attemptTimeoutMs,
    connectTimeoutMs: options.connectTimeoutMs ?? defaults.connectTimeoutMs,
    retry: retryLimits(options.retry),
    peekStreams: options.retry !== false && (options.retry?.peekStreams ?? defaults.retry.peekStreams),
    breaker: options.breaker !== false && { ...defaults.breaker, ...options.breaker },
    policy: options.policy,
    ages: {
      // A default gives way to what the user sets of its counterpart.
      minTtlMs: dns.minTtlMs ?? Math.min(defaults.dns.minTtlMs, dns.maxTtlMs ?? Number.POSITIVE_INFINITY),
      maxTtlMs: dns.maxTtlMs ?? Math.max(defaults.dns.maxTtlMs, dns.minTtlMs ?? 0),
      maxStaleMs: dns.maxStaleMs ?? defaults.dns.maxStaleMs,
    },
    connection: {
      ...defaults.connection,
      idleMs: defaults.connection.idleMs[httpVersion],
      ...options.connection,
    },
    createEndpointTransport: options.createEndpointTransport,
    emit,
    hasListener,
    callbackFailed,
  };
}

/** With its names in their one spelling. */
function tlsOf({ tls = {} }: BalancedTransportOptions): TlsOptions | false {
  if (tls === false) return false;
  const { serverName, targetSuffixes } = tls;
  return {
    ...tls,
    ...(serverName !== undefined && { serverName: hostNameFromUser(serverName) ?? serverName }),
    ...(targetSuffixes !== undefined && {
      targetSuffixes: targetSuffixes.map((domain) => domainFromUser(domain) ?? domain),
    }),
  };
}

function retryLimits(retry: BalancedTransportOptions["retry"] = {}): RetryLimits | false {
  if (retry === false) return false;
  const { baseDelayMs, maxDelayMs } = retry;
  return {
    maxAttempts: retry.maxAttempts ?? defaults.retry.maxAttempts,
    baseDelayMs: baseDelayMs ?? Math.min(defaults.retry.baseDelayMs, maxDelayMs ?? Number.POSITIVE_INFINITY),
    maxDelayMs: maxDelayMs ?? Math.max(defaults.retry.maxDelayMs, baseDelayMs ?? 0),
    codes: new Set(retry.codes ?? defaults.retry.codes),
    idempotentMethods: new Set(retry.idempotentMethods),
  };
}
