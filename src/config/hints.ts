import { lazily } from "../common/lazily.ts";
import { nearest, suggestion } from "./did-you-mean.ts";
import type { OptionDefinition } from "./option-definition.ts";

// What people write who know the option by another system's name. Only what a nearest name does not lead to.

/** By the words of the name in lower case, without what is between them. */
const HINTS = lazily(
  (): ReadonlyMap<string, string> =>
    new Map([
      ["loglevel", 'did you mean "LOG"? It is "info" or "debug"'],
      ["retries", 'did you mean "MAX_ATTEMPTS"? It counts the first attempt as well'],
      ["maxretries", 'did you mean "MAX_ATTEMPTS"? It counts the first attempt as well'],
      ["retrycount", 'did you mean "MAX_ATTEMPTS"? It counts the first attempt as well'],
      ["timeoutms", 'did you mean "TIMEOUT"? Its value has a unit, such as "500ms"'],
      ["ca", 'did you mean "TLS_CA"? A path is written as "file:/path"'],
      ["cafile", 'did you mean "TLS_CA"? A path is written as "file:/path"'],
      ["tlscafile", 'did you mean "TLS_CA"? A path is written as "file:/path"'],
      ["tlscertfile", 'did you mean "TLS_CERT"? A path is written as "file:/path"'],
      ["tlskeyfile", 'did you mean "TLS_KEY"? A path is written as "file:/path"'],
      ["insecure", 'did you mean "TLS"? "false" turns TLS off; certificates are always verified, by "TLS_CA"'],
      ["tlsskipverify", 'certificates are always verified: "TLS_CA" sets the authority to trust'],
      ["tlsinsecureskipverify", 'certificates are always verified: "TLS_CA" sets the authority to trust'],
      ["dnsttl", 'did you mean "DNS_MIN_TTL" or "DNS_MAX_TTL"?'],
      ["minttl", 'did you mean "DNS_MIN_TTL"?'],
      ["maxttl", 'did you mean "DNS_MAX_TTL"?'],
      ["http2", 'did you mean "HTTP_VERSION"? It is "2" or "1.1"'],
      ["grpc", 'did you mean "PROTOCOL"? It is "connect", "grpc" or "grpc-web"'],
      ["policy", "a policy can be set only in code"],
      ["interceptors", "interceptors can be set only in code"],
      ["pinginterval", 'there are no PINGs at intervals: "VERIFY_AFTER" sets when an idle connection is verified'],
      ["keepalive", 'there are no PINGs at intervals: "VERIFY_AFTER" sets when an idle connection is verified'],
      ["enabletls", 'did you mean "TLS"? It is "true" or "false"'],
      ["disabletls", 'did you mean "TLS"? "false" turns TLS off'],
      ["disableretry", 'did you mean "RETRY"? With "false" every call is sent once'],
      ["disablebreaker", 'did you mean "BREAKER"? With "false" no endpoint is ever ejected'],
      ["loadbalancer", 'did you mean "PICKER"? It is "p2c" or "round-robin"'],
      ["lbpolicy", 'did you mean "PICKER"? It is "p2c" or "round-robin"'],
      ["usetls", 'did you mean "TLS"? It is "true" or "false"'],
      ["ssl", 'did you mean "TLS"? It is "true" or "false"'],
      ["url", 'did you mean "TARGET"? For one server it is dns:///users.example.com:8443'],
      ["baseurl", 'did you mean "TARGET"? For one server it is dns:///users.example.com:8443'],
      ["host", 'did you mean "TARGET"? For one server it is dns:///users.example.com:8443'],
      ["address", 'did you mean "TARGET"? For one server it is dns:///users.example.com:8443'],
    ]),
);

/** Options of other clients, in code. */
const OPTION_HINTS = lazily(
  (): ReadonlyMap<string, string> =>
    new Map([
      ["timeoutMs", 'did you mean "defaultTimeoutMs"? A call has a "timeoutMs" of its own'],
      ["timeout", 'did you mean "defaultTimeoutMs"?'],
      ["retries", 'did you mean "retry.maxAttempts"? It counts the first attempt as well'],
      ["maxRetries", 'did you mean "retry.maxAttempts"? It counts the first attempt as well'],
      ["retry.attempts", 'did you mean "retry.maxAttempts"?'],
      ["retry.retries", 'did you mean "retry.maxAttempts"? It counts the first attempt as well'],
      ["baseUrl", 'did you mean "target"? For one server it is "dns:///users.example.com:8443"'],
      ["url", 'did you mean "target"? For one server it is "dns:///users.example.com:8443"'],
      ["nodeOptions", 'did you mean "tls" (certificates) or "connection" (how long connections live)?'],
      ["sessionManager", 'did you mean "connection"? It sets how long connections live'],
      ["headers", 'did you mean "interceptors"? They set headers of every call'],
      ["metadata", 'did you mean "interceptors"? They set headers of every call'],
      ["logger", 'did you mean "log" ("info" or "debug") or "onEvent"?'],
      ["balancer", 'did you mean "picker"? It is "p2c" or "round-robin"'],
      ["loadBalancer", 'did you mean "picker"? It is "p2c" or "round-robin"'],
      ["loadBalancingPolicy", 'did you mean "picker"? It is "p2c" or "round-robin"'],
      ["circuitBreaker", 'did you mean "breaker"?'],
      ["tls.rejectUnauthorized", 'certificates are always verified: "tls.ca" sets the authority to trust'],
      ["tls.passphrase", 'a key is given without a passphrase, as "tls.key"'],
      ["tls.servername", 'did you mean "tls.serverName"?'],
    ]),
);

/** Values that other clients take, or that are almost right, by the option. */
const VALUE_HINTS: Readonly<Record<string, (value: unknown) => string | undefined>> = {
  retry: (value) =>
    /^\d+$/.test(String(value))
      ? 'did you mean "retry.maxAttempts" (max-attempts, CONNECT_LB_MAX_ATTEMPTS)? It counts the first attempt as well'
      : undefined,
  "retry.codes": (value) =>
    isList(value) && value.every((code) => typeof code === "string")
      ? "write [Code.Unavailable], with Code of @connectrpc/connect"
      : undefined,
  log: (value) => {
    if (value === true || value === "warn" || value === "error") return 'did you mean "info"? It includes warnings';
    return typeof value === "object" || typeof value === "function"
      ? 'to write to a logger of your own, use "onEvent"'
      : undefined;
  },
  "dns.servers": (value) => (typeof value === "string" ? "write a list, even for one entry" : undefined),
  interceptors: (value) => (typeof value === "function" ? "write a list, even for one entry" : undefined),
  attemptInterceptors: (value) => (typeof value === "function" ? "write a list, even for one entry" : undefined),
  "connect.sendCompression": (value) =>
    value === "gzip" ? "write compressionGzip, of @connectrpc/connect-node" : undefined,
};

/** What to write in place of a value that an option does not take; empty where nothing helps. */
export function valueHint({ path, type }: OptionDefinition, value: unknown): string {
  const hint = VALUE_HINTS[path]?.(value);
  return type.hint?.(value) || (hint === undefined ? "" : `; ${hint}`);
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

/** What to write in place of an option that means nothing; undefined where only its spelling helps. */
export function optionHint(path: string): string | undefined {
  const hint = path.startsWith("grpc.") ? GRPC_JS : OPTION_HINTS().get(path);
  return hint === undefined ? undefined : `; ${hint}`;
}

const GRPC_JS =
  'channel options of grpc-js have no effect here: "retry", "breaker" and "picker" do what a service config does';

/** As far as a slip of the fingers goes. */
const TYPO = 2;

/**
 * What to write in place of a variable that means nothing.
 *
 * @param rest of its name, behind the prefix of all.
 * @param ownPrefix of the transport's own name, with its underscore; empty for the unnamed one.
 * @param tails of all variables there are.
 */
export function variableHint(rest: string, prefix: string, ownPrefix: string, tails: readonly string[]): string {
  const isOwn = ownPrefix !== "" && rest.startsWith(ownPrefix);
  const own = isOwn ? rest.slice(ownPrefix.length) : rest;
  const start = isOwn ? prefix + ownPrefix : prefix;
  const hint = HINTS().get(own.toLowerCase().replaceAll("_", ""));
  if (hint !== undefined)
    return `; ${hint.replaceAll(/"([A-Z][A-Z_\d]*)"/g, (_, tail: string) => `"${start}${tail}"`)}`;
  const known = ownPrefix === "" ? tails : [...tails, ...tails.map((tail) => ownPrefix + tail)];
  const tail = longest(tails.filter((one) => own.endsWith(`_${one}`)));
  const isWord = tails.some((one) => one.split("_")[0] === own.split("_")[0]);
  const end = tail ?? misspeltEnd(own, tails);
  if (end === undefined || isWord || nearest(rest, known, TYPO) !== undefined) {
    return suggestion(rest, known).replace('"', `"${prefix}`);
  }
  const name = tail === undefined ? own.slice(0, own.lastIndexOf("_")) : own.slice(0, -tail.length - 1);
  const other = `if it is that of a transport "${name.toLowerCase()}", ${prefix}${name}_TARGET must be set too`;
  return `; did you mean "${start}${end}"? (${other})`;
}

/** "TIMEOUT" of "ORDERS_TIMOUT". */
function misspeltEnd(own: string, tails: readonly string[]): string | undefined {
  const at = own.lastIndexOf("_");
  // Of shorter words almost any other one is near.
  return at > 0 && own.length - at > 4 ? nearest(own.slice(at + 1), tails, TYPO) : undefined;
}

function longest(texts: readonly string[]): string | undefined {
  return texts.toSorted((a, b) => b.length - a.length)[0];
}
