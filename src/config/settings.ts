import { Code, type Interceptor } from "@connectrpc/connect";
import { guardedPicker } from "../balancing/guarded.ts";
import { powerOfTwoChoices } from "../balancing/p2c.ts";
import type { PickerFactory } from "../balancing/picker.ts";
import { roundRobin } from "../balancing/round-robin.ts";
import type { AgeLimits } from "../discovery/answer.ts";
import { domainFromUser, hostNameFromUser } from "../net/host-name.ts";
import type { ConnectOptions, TlsOptions } from "../net/wire-options.ts";
import type { EndpointTransportFactory } from "../pool/endpoint-transport.ts";
import type { HealthLimits } from "../resilience/health.ts";
import type { RetryLimits } from "../resilience/retry-decision.ts";
import type { Emitter } from "../telemetry/emitter.ts";
import type { BalancedTransportOptions, CallPolicy, ConnectionOptions } from "./options.ts";

/** The options with every default filled in: the one place where defaults stand. */
export interface Settings {
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
  readonly breaker: HealthLimits | false;
  readonly policy: CallPolicy | undefined;
  readonly ages: AgeLimits;
  readonly connection: Required<ConnectionOptions>;
  readonly createEndpointTransport: EndpointTransportFactory | undefined;
  readonly emit: Emitter["emit"];
  readonly hasListener: Emitter["hasListener"];
  readonly callbackFailed: Emitter["callbackFailed"];
}

const pickers = { p2c: powerOfTwoChoices, "round-robin": roundRobin };

/**
 * @param options checked.
 * @param events where the transport's events go.
 */
export function settingsOf(
  options: BalancedTransportOptions,
  { emit, hasListener, callbackFailed }: Emitter,
): Settings {
  const { picker = "p2c", dns = {}, httpVersion = "2", pathPrefix = "" } = options;
  return {
    protocol: options.protocol ?? "connect",
    httpVersion,
    tls: tlsOf(options),
    pathPrefix: pathPrefix.replace(/\/+$/, ""),
    connect: options.connect ?? {},
    interceptors: options.interceptors ?? [],
    attemptInterceptors: options.attemptInterceptors ?? [],
    picker:
      typeof picker === "function"
        ? guardedPicker(picker, (error) => callbackFailed("picker", error))
        : pickers[picker],
    defaultTimeoutMs: options.defaultTimeoutMs,
    attemptTimeoutMs: options.attemptTimeoutMs ?? Number.POSITIVE_INFINITY,
    // A connection inside a datacenter takes milliseconds; SYN is sent again after 1 s.
    connectTimeoutMs: options.connectTimeoutMs ?? 1_000,
    retry: retryLimits(options.retry),
    peekStreams: options.retry !== false && options.retry?.peekStreams === true,
    breaker: breakerLimits(options.breaker),
    policy: options.policy,
    ages: {
      // Consul's TTL is 0 by default; CoreDNS and Knot Resolver raise to 5 s as well.
      minTtlMs: dns.minTtlMs ?? Math.min(5_000, dns.maxTtlMs ?? 5_000),
      maxTtlMs: dns.maxTtlMs ?? Math.max(300_000, dns.minTtlMs ?? 0),
      maxStaleMs: dns.maxStaleMs ?? 3_600_000,
    },
    connection: {
      // Load balancers drop idle HTTP/2 connections after 60 s at the earliest (AWS ALB), Node's HTTP/1.1 servers after 5 s.
      idleMs: options.connection?.idleMs ?? (httpVersion === "2" ? 50_000 : 5_000),
      verifyAfterMs: options.connection?.verifyAfterMs ?? 1_000,
      maxAgeMs: options.connection?.maxAgeMs ?? Number.POSITIVE_INFINITY,
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
    // The AWS SDKs' number.
    maxAttempts: retry.maxAttempts ?? 3,
    baseDelayMs: baseDelayMs ?? Math.min(100, maxDelayMs ?? 100),
    maxDelayMs: maxDelayMs ?? Math.max(2_000, baseDelayMs ?? 0),
    codes: new Set(retry.codes ?? [Code.Unavailable]),
    idempotentMethods: new Set(retry.idempotentMethods),
  };
}

function breakerLimits(breaker: BalancedTransportOptions["breaker"] = {}): HealthLimits | false {
  if (breaker === false) return false;
  return {
    // Five, as elsewhere, is too late where every process learns alone.
    consecutiveFailures: breaker.consecutiveFailures ?? 3,
    failureRatio: breaker.failureRatio ?? 0.5,
    minCalls: breaker.minCalls ?? 10,
  };
}
