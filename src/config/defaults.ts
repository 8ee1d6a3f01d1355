import { Code } from "@connectrpc/connect";

/**
 * The values of the options that nobody sets, and why. resolved-options.ts fills them in, and the definitions of the option table name
 * them, so that the documentation says the same. Infinity and an empty text are "none".
 */
export const defaults = {
  protocol: "connect",
  httpVersion: "2",
  pathPrefix: "",
  picker: "p2c",
  attemptTimeoutMs: Number.POSITIVE_INFINITY,
  // A connection inside a datacenter takes milliseconds; SYN is sent again after 1 s.
  connectTimeoutMs: 1_000,
  retry: {
    // The AWS SDKs' number.
    maxAttempts: 3,
    baseDelayMs: 100,
    maxDelayMs: 2_000,
    codes: [Code.Unavailable],
    // It delays stream() until the server sends its first message.
    peekStreams: false,
  },
  breaker: {
    // Five, as elsewhere, is too late where every process learns alone.
    consecutiveFailures: 3,
    failureRatio: 0.5,
    minCalls: 10,
  },
  dns: {
    transport: "udp",
    // Over UDP Consul leaves instances out without saying so.
    transportToConsul: "tcp",
    family: "auto",
    // Consul's TTL is 0 by default; CoreDNS and Knot Resolver raise to 5 s as well.
    minTtlMs: 5_000,
    maxTtlMs: 300_000,
    // RFC 8767 allows days.
    maxStaleMs: 3_600_000,
  },
  connection: {
    // Load balancers drop idle HTTP/2 connections after 60 s at the earliest (AWS ALB), Node's HTTP/1.1 servers after 5 s.
    idleMs: { "2": 50_000, "1.1": 5_000 },
    verifyAfterMs: 1_000,
    maxAgeMs: Number.POSITIVE_INFINITY,
  },
} as const;
