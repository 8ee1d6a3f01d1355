import { ConnectError } from "@connectrpc/connect";
import { lazily } from "../common/lazily.ts";
import { processWide } from "../common/process-wide.ts";
import { quoted } from "../common/quoted.ts";
import { memberOf, systemCodeAmong, systemError } from "./error-shapes.ts";
import { causesOf } from "./failure-facts.ts";
import { httpStatusOf, type Outcome } from "./outcome.ts";

// What to change where no server could be used. A hint stands in causes, reports and logs, never in the message that
// handlers forward, and decides nothing.

/** What a connection has seen of its server before it failed. */
export type Sight = keyof typeof SIGHTS;

const USE_HTTP1 =
  'set httpVersion: "1.1" (CONNECT_LB_HTTP_VERSION=1.1), which protocol "connect" and "grpc-web" can use';
const USE_TLS = "leave tls: false (CONNECT_LB_TLS=false) out";
const USE_CLIENT_CERTIFICATE = "set tls.cert and tls.key (CONNECT_LB_TLS_CERT, CONNECT_LB_TLS_KEY)";
const TRUST_AUTHORITY = "set tls.ca (CONNECT_LB_TLS_CA) to that authority's certificate";
const NO_TLS = "the server does not speak TLS there: set tls: false (CONNECT_LB_TLS=false), or use the TLS port";
const CERTIFICATE_REFUSED =
  "the server refuses the client certificate: tls.cert must be one that it trusts, valid now, with its intermediate certificates";

const SIGHTS = {
  "tls-alert": `the server speaks TLS there: ${USE_TLS}, or use the cleartext port`,
  "http2-frame": "the server speaks HTTP/2 there, not HTTP/1.1: leave httpVersion (CONNECT_LB_HTTP_VERSION) out",
  "no-alpn": `the server did not choose HTTP/2 in the TLS handshake (ALPN): ${USE_HTTP1}, or switch HTTP/2 on in the server`,
  "not-http2": `the server's response is not HTTP/2: ${USE_HTTP1}, or use the port of HTTP/2`,
  "no-protocol":
    "the server may speak HTTP/2 only (Node's HTTP/2 servers send this response): leave httpVersion (CONNECT_LB_HTTP_VERSION) out",
  closed: `the server closed the connection without a response: it may speak TLS there (${USE_TLS}), or another version of HTTP (httpVersion), or be shutting down`,
  "closed-in-tls": `the server closed the connection during the TLS handshake: it may require a client certificate (${USE_CLIENT_CERTIFICATE}), or not speak TLS there (tls: false), or another version of HTTP (httpVersion), or be shutting down`,
  "closed-on-certificate":
    "the server closed the connection during the TLS handshake: it may not trust the client certificate of tls.cert, or speak another version of HTTP (httpVersion), or be shutting down",
  silent: `the server accepted the connection and sent nothing: it may speak HTTP/1.1 only (${USE_HTTP1}), or expect TLS, or be overloaded`,
  "no-connection":
    "no connection was made before the deadline: it may be too short for a first call (warmUp() connects before), or a firewall drops the packets, or the address is wrong, or the server does not speak HTTP/2 there",
} as const;

/** By the system's code, or that of Node's TLS. */
const CODES = lazily(
  (): ReadonlyMap<string, string> =>
    new Map([
      ["ECONNREFUSED", "nothing listens at that address and port: the server is down, or the port is wrong"],
      [
        "ETIMEDOUT",
        "a firewall or security group may drop the packets, or the address is wrong, or the server does not speak HTTP/2 there",
      ],
      ...each(
        ["EHOSTUNREACH", "ENETUNREACH", "EAFNOSUPPORT"],
        "this machine has no route to that address: set dns.family (CONNECT_LB_DNS_FAMILY) to the family that it has, or repair the network",
      ),
      ...each(
        ["EMFILE", "ENFILE"],
        "this process or machine has no file descriptor left: raise its limit (ulimit -n), or create one transport and keep it",
      ),
      ...each(["ENOBUFS", "ENOMEM"], "this machine has no memory left for connections"),
      ["EADDRNOTAVAIL", "this machine has no free port, or no address, to connect from"],
      ...each(
        ["EACCES", "EPERM", "ERR_ACCESS_DENIED"],
        "this machine does not let the process connect there: a firewall rule, a sandbox, or Node's permission model",
      ),
      ...each(
        ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "UNABLE_TO_GET_ISSUER_CERT", "UNABLE_TO_GET_ISSUER_CERT_LOCALLY"],
        `the authority that issued the server's certificate is not trusted: ${TRUST_AUTHORITY}; if it is trusted, the server must also send the intermediate certificates`,
      ),
      [
        "SELF_SIGNED_CERT_IN_CHAIN",
        `the authority that issued the server's certificate is not trusted: ${TRUST_AUTHORITY}`,
      ],
      [
        "DEPTH_ZERO_SELF_SIGNED_CERT",
        "the server's certificate is self-signed: set tls.ca (CONNECT_LB_TLS_CA) to that certificate, or use a certificate that an authority has issued",
      ],
      ["CERT_HAS_EXPIRED", "the server's certificate has expired: renew it, or set this machine's clock"],
      ["CERT_NOT_YET_VALID", "the server's certificate is not valid yet: set this machine's clock, or the issuer's"],
      ["ERR_OSSL_X509_KEY_VALUES_MISMATCH", "tls.key is not the key of tls.cert: use a certificate and its own key"],
      ...each(
        [
          "ERR_OSSL_PEM_NO_START_LINE",
          "ERR_OSSL_PEM_BAD_BASE64_DECODE",
          "ERR_OSSL_PEM_BAD_END_LINE",
          "ERR_OSSL_UNSUPPORTED",
        ],
        'tls.cert or tls.key is not valid PEM: variables lose line ends easily, so write "file:" and a path',
      ),
      [
        "ERR_TLS_FILE",
        'a file of tls.ca, tls.cert or tls.key cannot be used: correct the path after "file:", or the file; it is read again at the next connection',
      ],
    ]),
);

/** OpenSSL's reasons: its own numbers, and 1000 and the number of an alert (RFC 8446 section 6). */
const OPENSSL = lazily(
  (): ReadonlyMap<number, string> =>
    new Map([
      // SSL_R_PACKET_LENGTH_TOO_LONG and SSL_R_WRONG_VERSION_NUMBER: what came is no record of TLS.
      [198, NO_TLS],
      [267, NO_TLS],
      [
        1040,
        `the server refuses the TLS handshake: it may require a client certificate (${USE_CLIENT_CERTIFICATE}), or another cipher or version of TLS`,
      ],
      ...each([1042, 1043, 1044, 1045, 1046, 1048, 1049], CERTIFICATE_REFUSED),
      [
        1070,
        "the server accepts no version of TLS that this process offers (1.2 and 1.3, unless Node is configured otherwise)",
      ],
      [1112, "the server does not know this name: set tls.serverName (CONNECT_LB_TLS_SERVER_NAME) to one that it has"],
      [1116, `the server requires a client certificate: ${USE_CLIENT_CERTIFICATE}`],
      [
        1120,
        `the server does not offer this version of HTTP over TLS (ALPN): ${USE_HTTP1}, or leave it out if it is set`,
      ],
    ]),
);

/** Answers that are not of a Connect or gRPC handler. */
const STATUSES = lazily(
  (): ReadonlyMap<number, string> =>
    new Map([
      ...each(
        [404, 405],
        "nothing handles that path there: pathPrefix must be what the server puts before /package.Service/Method, and the server must have that service and speak that protocol",
      ),
      [415, "the server does not accept that protocol: protocol must be one that it speaks"],
      ...each(
        [301, 302, 307, 308],
        "the server redirects, which calls do not follow: the target must name the server itself, and tls must be as it wants",
      ),
    ]),
);

const sights = processWide("sights", () => new WeakMap<object, Sight>());

/** Remembers what was seen of the server; the first one stands, because it comes from closest to the wire. */
export function recordSight(error: unknown, sight: Sight | undefined): void {
  if (sight === undefined || typeof error !== "object" || error === null || sights().has(error)) return;
  sights().set(error, sight);
}

/** What to change so that an attempt that failed can succeed; undefined where nothing is known. */
export function connectionHint(error: unknown, outcome: Outcome): string | undefined {
  const isOurs = outcome.kind === "caller" && (outcome.cause === "abort" || outcome.cause === "interceptor");
  if (isOurs || outcome.kind === "refused" || (error instanceof ConnectError && error.isWireError)) return undefined;
  const chain = causesOf(error);
  for (const cause of chain) {
    const sight = sights().get(cause);
    if (sight !== undefined) return SIGHTS[sight];
  }
  if (outcome.kind !== "not-sent") {
    const status = error instanceof ConnectError ? httpStatusOf(error) : undefined;
    return status === undefined ? undefined : STATUSES().get(status);
  }
  return opensslHint(chain) ?? nameHint(chain) ?? CODES().get(systemCodeAmong(chain));
}

/** Over HTTP/1.1 the code is EPROTO for all of them. */
function opensslHint(chain: readonly object[]): string | undefined {
  for (const cause of chain) {
    // The reason is the lower half of the number (ERR_GET_REASON); 0A is the library, SSL.
    const [, reason] = /\berror:0A([0-9A-F]{6}):/.exec(systemError(cause).message) ?? [];
    if (reason !== undefined) return OPENSSL().get(Number.parseInt(reason, 16));
  }
  return undefined;
}

function nameHint(chain: readonly object[]): string | undefined {
  const error = chain.find((cause) => systemError(cause).code === "ERR_TLS_CERT_ALTNAME_INVALID");
  if (error === undefined) return undefined;
  const names = memberOf(memberOf(error, "cert"), "subjectaltname");
  const has = typeof names === "string" ? `is for ${quoted(names, 200)}` : "has no host name";
  const verified = quoted(String(memberOf(error, "host")));
  return `the server's certificate ${has}, not for ${verified}: if that is your server, set tls.serverName (CONNECT_LB_TLS_SERVER_NAME) to a name in the certificate, or issue one for ${verified}`;
}

function each<K>(keys: readonly K[], hint: string): [K, string][] {
  return keys.map((key) => [key, hint]);
}
