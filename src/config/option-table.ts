import type { Kind } from "./kinds.ts";
import * as kinds from "./kinds.ts";

/** One option of `createBalancedTransport()`: the single source of its check, its names and its documentation. */
export interface OptionRow {
  /** As it is written in code: "retry.maxAttempts". */
  readonly path: string;
  /** As it is written in a target's query: "max-attempts"; in the environment CONNECT_LB_MAX_ATTEMPTS. Absent for what only code can give. */
  readonly name?: string;
  readonly kind: Kind;
  /** The doc comment of its type, and its text in docs/configuration.md. */
  readonly doc: string;
  /** The value may be a secret: no message shows it, and it has no place in a target. */
  readonly secret?: true;
  /** It has no place in a target's query. */
  readonly notInTarget?: true;
  /** A named transport does not take it from the unnamed one. */
  readonly neverFallsBack?: true;
}

/** Every option, `target` aside. A group stands before its members. */
export const optionTable: readonly OptionRow[] = [
  {
    path: "fallbackTarget",
    name: "fallback-target",
    kind: kinds.target,
    notInTarget: true,
    neverFallsBack: true,
    doc: "Another target, of any kind, whose servers are used while none of the target's own can be. Default none.",
  },
  {
    path: "protocol",
    name: "protocol",
    kind: kinds.choice("connect", "grpc", "grpc-web"),
    doc: 'The protocol spoken to the servers. Default "connect".',
  },
  { path: "httpVersion", name: "http-version", kind: kinds.choice("2", "1.1"), doc: 'HTTP version. Default "2".' },
  {
    path: "tls",
    name: "tls",
    kind: kinds.group,
    doc: "TLS is on by default, with the system's certificate authorities; `false` for cleartext.",
  },
  {
    path: "tls.ca",
    name: "tls-ca",
    kind: kinds.certificates,
    secret: true,
    doc: "Certificate authorities to trust in place of the system's.",
  },
  {
    path: "tls.cert",
    name: "tls-cert",
    kind: kinds.certificate,
    secret: true,
    neverFallsBack: true,
    doc: "Client certificate chain, for mutual TLS; needs `key`.",
  },
  {
    path: "tls.key",
    name: "tls-key",
    kind: kinds.certificate,
    secret: true,
    neverFallsBack: true,
    doc: "Private key of `cert`.",
  },
  {
    path: "tls.serverName",
    name: "tls-server-name",
    kind: kinds.hostName,
    doc: "The name to verify in certificates, in place of the target's. \"target\" verifies each server's own name (the SRV target), which is only as safe as `targetSuffixes`: DNS is not authenticated.",
  },
  {
    path: "tls.targetSuffixes",
    name: "tls-target-suffixes",
    kind: kinds.hostNames,
    doc: 'With `serverName: "target"`: every SRV target must end in one of these domains. Default: the target\'s own name.',
  },
  {
    path: "pathPrefix",
    name: "path-prefix",
    kind: kinds.pathPrefix,
    doc: "Path before `/package.Service/Method`, starting with a slash. Default none.",
  },
  { path: "connect", kind: kinds.object, doc: "Connect's own options, passed through." },
  {
    path: "connect.useBinaryFormat",
    name: "use-binary-format",
    kind: kinds.trueOrFalse,
    doc: "Binary messages, or JSON. Default true.",
  },
  {
    path: "connect.useHttpGet",
    name: "use-http-get",
    kind: kinds.trueOrFalse,
    doc: "Send side-effect free unary calls as GET (Connect protocol only). Default false.",
  },
  {
    path: "connect.acceptCompression",
    kind: kinds.listOf(kinds.object),
    doc: "Compressions accepted in responses. Default gzip and brotli.",
  },
  { path: "connect.sendCompression", kind: kinds.object, doc: "Compression of requests. Default none." },
  {
    path: "connect.compressMinBytes",
    name: "compress-min-bytes",
    kind: kinds.wholeNumber(0, 0xffff_ffff),
    doc: "Do not compress messages smaller than this, in bytes. Default 1024.",
  },
  {
    path: "connect.readMaxBytes",
    name: "read-max-bytes",
    kind: kinds.wholeNumber(1, 0xffff_ffff),
    doc: "Limit of one response message, in bytes. Default 4294967295.",
  },
  {
    path: "connect.writeMaxBytes",
    name: "write-max-bytes",
    kind: kinds.wholeNumber(1, 0xffff_ffff),
    doc: "Limit of one request message, in bytes. Default 4294967295.",
  },
  { path: "connect.jsonOptions", kind: kinds.object, doc: "Options of the JSON format." },
  { path: "connect.binaryOptions", kind: kinds.object, doc: "Options of the binary format." },
  {
    path: "interceptors",
    kind: kinds.listOf(kinds.callback),
    doc: "Run once per call, outside the attempts; `req.url` shows the verified name.",
  },
  {
    path: "attemptInterceptors",
    kind: kinds.listOf(kinds.callback),
    doc: "Run once per attempt, inside the retries: for tokens that must be fresh, or spans per attempt.",
  },
  {
    path: "picker",
    name: "picker",
    kind: kinds.orCallback(kinds.choice("p2c", "round-robin")),
    doc: 'How an endpoint is chosen: "p2c" (power of two choices, the default), "round-robin", or in code a factory of your own.',
  },
  {
    path: "defaultTimeoutMs",
    name: "timeout",
    kind: kinds.durationMs(1),
    doc: "Deadline of a whole call that sets no `timeoutMs` of its own. Default none (as in Connect).",
  },
  {
    path: "attemptTimeoutMs",
    name: "attempt-timeout",
    kind: kinds.durationMs(1),
    doc: "Limit of one attempt of a unary call; another endpoint is tried after it if the method may be repeated. Default none.",
  },
  {
    path: "connectTimeoutMs",
    name: "connect-timeout",
    kind: kinds.durationMs(1),
    doc: "Limit of one connection attempt, TCP and TLS together. Default 1 s.",
  },
  {
    path: "retry",
    name: "retry",
    kind: kinds.group,
    doc: "Repeating of failed attempts; `false`: every call is sent once.",
  },
  {
    path: "retry.maxAttempts",
    name: "max-attempts",
    kind: kinds.wholeNumber(1, 10),
    doc: "Attempts of one call that may reach a server, the first included. Default 3.",
  },
  {
    path: "retry.baseDelayMs",
    name: "retry-base-delay",
    kind: kinds.durationMs(0),
    doc: "First back-off; doubles with each retry, and a random part of it is waited (full jitter). Default 100 ms.",
  },
  {
    path: "retry.maxDelayMs",
    name: "retry-max-delay",
    kind: kinds.durationMs(0),
    doc: "Longest back-off. Default 2 s.",
  },
  {
    path: "retry.codes",
    name: "retry-codes",
    kind: kinds.codes,
    doc: "Codes that a server answers and that are retried for methods that may be repeated. Default unavailable.",
  },
  {
    path: "retry.idempotentMethods",
    name: "idempotent-methods",
    kind: kinds.methodNames,
    doc: 'Methods that may be repeated besides those whose proto sets `idempotency_level`: "package.Service/Method" or "package.Service/*".',
  },
  {
    path: "retry.peekStreams",
    name: "peek-streams",
    kind: kinds.trueOrFalse,
    doc: "A server-streaming call is repeated until its first message, not only until its response headers; `stream()` then waits for that message. Default false.",
  },
  {
    path: "breaker",
    name: "breaker",
    kind: kinds.group,
    doc: "Circuit breakers, one per endpoint; `false`: no endpoint is ever ejected.",
  },
  {
    path: "breaker.consecutiveFailures",
    name: "breaker-consecutive-failures",
    kind: kinds.wholeNumber(1, 1_000),
    doc: "Answered failures in a row that eject an endpoint. Default 3.",
  },
  {
    path: "breaker.failureRatio",
    name: "breaker-failure-ratio",
    kind: kinds.ratio,
    doc: "Share of failures within 30 s that ejects an endpoint, above 0 and up to 1. Default 0.5.",
  },
  {
    path: "breaker.minCalls",
    name: "breaker-min-calls",
    kind: kinds.wholeNumber(1, 1_000_000),
    doc: "Calls within 30 s below which `failureRatio` is not looked at. Default 10.",
  },
  {
    path: "policy",
    kind: kinds.object,
    doc: "A policy round each unary call as a whole, for instance one of cockatiel's. Its retries are outside the retry budget.",
  },
  { path: "dns", kind: kinds.object, doc: "How DNS is asked, and how long its answers are used." },
  {
    path: "dns.servers",
    name: "dns-servers",
    kind: kinds.dnsServers,
    doc: 'DNS servers, as "address" or "address:port", asked in this order. Default: the system\'s. A server in the target is asked instead.',
  },
  {
    path: "dns.transport",
    name: "dns-transport",
    kind: kinds.choice("udp", "tcp"),
    doc: '"udp" goes to TCP where an answer is truncated; "tcp" never uses UDP. Default "udp"; Consul targets "tcp".',
  },
  {
    path: "dns.family",
    name: "dns-family",
    kind: kinds.choice("auto", "ipv4", "ipv6"),
    doc: 'Which addresses to use: "auto" is IPv4 where there is any, else IPv6. Default "auto".',
  },
  {
    path: "dns.minTtlMs",
    name: "dns-min-ttl",
    kind: kinds.durationMs(0),
    doc: "Shorter TTLs are raised to this, and an answer without a TTL (Consul over HTTP) is used so long. Default 5 s.",
  },
  {
    path: "dns.maxTtlMs",
    name: "dns-max-ttl",
    kind: kinds.durationMs(0),
    doc: "Longer TTLs are cut to this. Default 5 min.",
  },
  {
    path: "dns.maxStaleMs",
    name: "dns-max-stale",
    kind: kinds.durationMs(0),
    doc: "An answer older than this is used only if a new look-up fails. Default 1 h.",
  },
  { path: "connection", kind: kinds.object, doc: "The life of connections." },
  {
    path: "connection.idleMs",
    name: "connection-idle",
    kind: kinds.durationMs(1),
    doc: "A connection unused for longer is replaced before the next call. Default 50 s for HTTP/2, 5 s for HTTP/1.1.",
  },
  {
    path: "connection.verifyAfterMs",
    name: "connection-verify-after",
    kind: kinds.durationMs(0),
    doc: "An HTTP/2 connection unused for longer is verified by PING: in the same flight as a call that may be repeated, before any other. Default 1 s.",
  },
  {
    path: "connection.maxAgeMs",
    name: "connection-max-age",
    kind: kinds.durationMs(1),
    doc: "A connection that is older is replaced, give or take a tenth, so that servers behind a load balancer get their share. Default none.",
  },
  {
    path: "createEndpointTransport",
    kind: kinds.callback,
    doc: "Builds the transport of each endpoint, in place of the presets; `protocol` and `httpVersion` then have no effect.",
  },
  { path: "onEvent", kind: kinds.callback, doc: "Told what the transport decides. What it throws is ignored." },
  {
    path: "log",
    name: "log",
    kind: kinds.choice("info", "debug"),
    doc: 'One line on stderr (logfmt) for each decision: "info" tells of changed answers, failed look-ups, ejected and returned endpoints, "debug" of each retry too. Default none.',
  },
];

/** The variable of an option of the unnamed transport. */
export function variableOf(name: string): string {
  return `CONNECT_LB_${name.toUpperCase().replaceAll("-", "_")}`;
}
