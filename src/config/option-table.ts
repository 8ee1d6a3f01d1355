import type { Kind } from "./kinds.ts";
import * as kinds from "./kinds.ts";

/** One option. A row with `false` may be switched off by it as a whole. */
export interface OptionRow {
  /** "retry.maxAttempts" as it is written in code. */
  readonly path: string;
  readonly kind: Kind;
  readonly canBeFalse?: true;
  /** The value is a secret, or may hold one: no message shows it. */
  readonly secret?: true;
}

/** Every option that `createBalancedTransport()` takes, `target` aside. A group stands before its members. */
export const optionTable: readonly OptionRow[] = [
  { path: "protocol", kind: kinds.choice("connect", "grpc", "grpc-web") },
  { path: "httpVersion", kind: kinds.choice("2", "1.1") },
  { path: "tls", kind: kinds.object, canBeFalse: true },
  { path: "tls.ca", kind: kinds.either(kinds.certificate, kinds.listOf(kinds.certificate)), secret: true },
  { path: "tls.cert", kind: kinds.certificate, secret: true },
  { path: "tls.key", kind: kinds.certificate, secret: true },
  { path: "tls.serverName", kind: kinds.hostName },
  { path: "tls.targetSuffixes", kind: kinds.listOf(kinds.hostName) },
  { path: "pathPrefix", kind: kinds.pathPrefix },
  { path: "connect", kind: kinds.object },
  { path: "connect.useBinaryFormat", kind: kinds.trueOrFalse },
  { path: "connect.useHttpGet", kind: kinds.trueOrFalse },
  { path: "connect.acceptCompression", kind: kinds.listOf(kinds.object) },
  { path: "connect.sendCompression", kind: kinds.object },
  { path: "connect.compressMinBytes", kind: kinds.wholeNumber(0, 0xffff_ffff) },
  { path: "connect.readMaxBytes", kind: kinds.wholeNumber(1, 0xffff_ffff) },
  { path: "connect.writeMaxBytes", kind: kinds.wholeNumber(1, 0xffff_ffff) },
  { path: "connect.jsonOptions", kind: kinds.object },
  { path: "connect.binaryOptions", kind: kinds.object },
  { path: "interceptors", kind: kinds.listOf(kinds.callback) },
  { path: "attemptInterceptors", kind: kinds.listOf(kinds.callback) },
  { path: "picker", kind: kinds.either(kinds.choice("p2c", "round-robin"), kinds.callback) },
  { path: "defaultTimeoutMs", kind: kinds.durationMs(1) },
  { path: "attemptTimeoutMs", kind: kinds.durationMs(1) },
  { path: "connectTimeoutMs", kind: kinds.durationMs(1) },
  { path: "retry", kind: kinds.object, canBeFalse: true },
  { path: "retry.maxAttempts", kind: kinds.wholeNumber(1, 10) },
  { path: "retry.baseDelayMs", kind: kinds.durationMs(0) },
  { path: "retry.maxDelayMs", kind: kinds.durationMs(0) },
  { path: "retry.codes", kind: kinds.listOf(kinds.code) },
  { path: "retry.idempotentMethods", kind: kinds.listOf(kinds.methodName) },
  { path: "breaker", kind: kinds.object, canBeFalse: true },
  { path: "breaker.consecutiveFailures", kind: kinds.wholeNumber(1, 1_000) },
  { path: "breaker.failureRatio", kind: kinds.ratio },
  { path: "breaker.minCalls", kind: kinds.wholeNumber(1, 1_000_000) },
  { path: "policy", kind: kinds.object },
  { path: "dns", kind: kinds.object },
  { path: "dns.servers", kind: kinds.listOf(kinds.dnsServer) },
  { path: "dns.transport", kind: kinds.choice("udp", "tcp") },
  { path: "dns.family", kind: kinds.choice("auto", "ipv4", "ipv6") },
  { path: "dns.minTtlMs", kind: kinds.durationMs(0) },
  { path: "dns.maxTtlMs", kind: kinds.durationMs(0) },
  { path: "dns.maxStaleMs", kind: kinds.durationMs(0) },
  { path: "connection", kind: kinds.object },
  { path: "connection.idleMs", kind: kinds.durationMs(1) },
  { path: "createEndpointTransport", kind: kinds.callback },
  { path: "onEvent", kind: kinds.callback },
];
