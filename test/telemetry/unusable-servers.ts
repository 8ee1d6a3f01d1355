import * as http from "node:http";
import * as http2 from "node:http2";
import * as https from "node:https";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import type { SecureVersion } from "node:tls";
import type { BalancedTransportOptions } from "../../src/node.ts";
import { createTestAuthority } from "../support/certificates.ts";

export const wires = [
  ["connect", "2"],
  ["grpc", "2"],
  ["grpc-web", "2"],
  ["connect", "1.1"],
  ["grpc-web", "1.1"],
] as const;

/** A server that a client cannot use as it is configured. */
export interface Unusable {
  readonly name: string;
  /** Over which version of HTTP the client meets it. */
  readonly over: readonly ("2" | "1.1")[];
  /** Of the server's TLS; absent where it makes no difference. */
  readonly versions?: readonly SecureVersion[];
  server(maxVersion: SecureVersion): Server | Promise<Server>;
  readonly options: Partial<BalancedTransportOptions>;
  /** Of the error that the user sees, with what differs left out. */
  readonly message: RegExp;
  readonly hint: string;
}

const authority = await createTestAuthority();
const stranger = await createTestAuthority("another authority");
const server = await authority.server();
const client = await authority.client();
const strangers = await stranger.client();
const { ca } = authority;

const HTTP1 = 'set httpVersion: "1.1" (CONNECT_LB_HTTP_VERSION=1.1), which protocol "connect" and "grpc-web" can use';
const CERTIFICATE = "set tls.cert and tls.key (CONNECT_LB_TLS_CERT, CONNECT_LB_TLS_KEY)";
const NO_TLS = "the server does not speak TLS there: set tls: false (CONNECT_LB_TLS=false), or use the TLS port";
const REFUSED =
  "the server refuses the client certificate: tls.cert must be one that it trusts, valid now, with its intermediate certificates";

/** Answers whatever comes first with these bytes, and hangs up. */
const answering = (bytes: Buffer) => () => createServer((socket) => socket.once("data", () => socket.end(bytes)));
const alert = (description: number) => Buffer.from([0x15, 3, 1, 0, 2, 2, description]);
const both = ["TLSv1.2", "TLSv1.3"] as const;
const https1 = (options: https.ServerOptions) => (maxVersion: SecureVersion) =>
  https.createServer({ ...server, ...options, maxVersion });
const https2 = (options: http2.SecureServerOptions) => (maxVersion: SecureVersion) =>
  http2.createSecureServer({ ...server, allowHTTP1: true, ...options, maxVersion });

export const unusable: readonly Unusable[] = [
  {
    name: "a cleartext HTTP/1.1 server with TLS on",
    over: ["2", "1.1"],
    server: () => http.createServer(),
    options: { tls: { ca } },
    message: /could not connect to a server: (ERR_SSL_WRONG_VERSION_NUMBER|EPROTO)/,
    hint: NO_TLS,
  },
  {
    name: "a cleartext HTTP/2 server with TLS on",
    over: ["2", "1.1"],
    server: () => http2.createServer(),
    options: { tls: { ca } },
    message: /could not connect to a server: (ERR_SSL_WRONG_VERSION_NUMBER|EPROTO)/,
    hint: NO_TLS,
  },
  {
    name: "a TLS server that hangs up on cleartext",
    over: ["2", "1.1"],
    versions: both,
    server: https2({}),
    options: { tls: false },
    message: /could not connect to a server: ECONNRESET|the connection to the server was lost/,
    hint: "the server closed the connection without a response: it may speak TLS there (leave tls: false (CONNECT_LB_TLS=false) out), or another version of HTTP (httpVersion), or be shutting down",
  },
  {
    name: "a TLS server that answers cleartext with an alert",
    over: ["2", "1.1"],
    server: answering(alert(70)),
    options: { tls: false },
    message: /could not connect to a server: ECONNRESET|the connection to the server was lost/,
    hint: "the server speaks TLS there: leave tls: false (CONNECT_LB_TLS=false) out, or use the cleartext port",
  },
  {
    name: "HTTP/2 to a server of HTTP/1.1",
    over: ["2"],
    server: () => http.createServer(),
    options: { tls: false },
    message: /could not connect to a server: ERR_HTTP2_ERROR/,
    hint: `the server's response is not HTTP/2: ${HTTP1}, or use the port of HTTP/2`,
  },
  {
    name: "HTTP/2 by TLS to a server of HTTP/1.1",
    over: ["2"],
    versions: both,
    server: https1({}),
    options: { tls: { ca } },
    message: /could not connect to a server: ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL/,
    hint: `the server does not offer this version of HTTP over TLS (ALPN): ${HTTP1}, or leave it out if it is set`,
  },
  {
    name: "HTTP/2 by TLS to a server of HTTP/1.1 that knows no ALPN",
    over: ["2"],
    versions: both,
    server: https1({ ALPNProtocols: [] }),
    options: { tls: { ca } },
    message: /could not connect to a server: ERR_HTTP2_ERROR/,
    hint: `the server did not choose HTTP/2 in the TLS handshake (ALPN): ${HTTP1}, or switch HTTP/2 on in the server`,
  },
  {
    name: "HTTP/1.1 to a server of HTTP/2",
    over: ["1.1"],
    server: () => http2.createServer(),
    options: { tls: false },
    message: /the connection to the server was lost/,
    hint: "the server speaks HTTP/2 there, not HTTP/1.1: leave httpVersion (CONNECT_LB_HTTP_VERSION) out",
  },
  {
    name: "HTTP/1.1 to a server of HTTP/2 that answers with a GOAWAY",
    over: ["1.1"],
    server: answering(Buffer.from([0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])),
    options: { tls: false },
    message: /the connection to the server was lost/,
    hint: "the server speaks HTTP/2 there, not HTTP/1.1: leave httpVersion (CONNECT_LB_HTTP_VERSION) out",
  },
  {
    name: "HTTP/1.1 by TLS to a server of HTTP/2",
    over: ["1.1"],
    versions: both,
    server: https2({ allowHTTP1: false }),
    options: { tls: { ca } },
    message: /HTTP 403/,
    hint: "the server may speak HTTP/2 only (Node's HTTP/2 servers send this response): leave httpVersion (CONNECT_LB_HTTP_VERSION) out",
  },
  {
    name: "an authority that is not trusted",
    over: ["2", "1.1"],
    versions: both,
    server: https2({}),
    options: { tls: {} },
    message: /could not connect to a server: UNABLE_TO_VERIFY_LEAF_SIGNATURE/,
    hint: "the authority that issued the server's certificate is not trusted: set tls.ca (CONNECT_LB_TLS_CA) to that authority's certificate; if it is trusted, the server must also send the intermediate certificates",
  },
  {
    name: "an authority that is not trusted, and that the server sends",
    over: ["2", "1.1"],
    versions: both,
    server: https2({ cert: `${server.cert}\n${ca}` }),
    options: { tls: {} },
    message: /could not connect to a server: SELF_SIGNED_CERT_IN_CHAIN/,
    hint: "the authority that issued the server's certificate is not trusted: set tls.ca (CONNECT_LB_TLS_CA) to that authority's certificate",
  },
  {
    name: "a certificate that has expired",
    over: ["2", "1.1"],
    versions: both,
    server: async (maxVersion) => https2(await authority.server(undefined, -40))(maxVersion),
    options: { tls: { ca } },
    message: /could not connect to a server: CERT_HAS_EXPIRED/,
    hint: "the server's certificate has expired: renew it, or set this machine's clock",
  },
  {
    name: "a certificate that is not valid yet",
    over: ["2", "1.1"],
    server: async (maxVersion) => https2(await authority.server(undefined, 5))(maxVersion),
    options: { tls: { ca } },
    message: /could not connect to a server: CERT_NOT_YET_VALID/,
    hint: "the server's certificate is not valid yet: set this machine's clock, or the issuer's",
  },
  {
    name: "a certificate for another name",
    over: ["2", "1.1"],
    versions: both,
    server: async (maxVersion) => https2(await authority.server({ dns: ["users.test", "*.users.test"] }))(maxVersion),
    options: { tls: { ca, serverName: "orders.test" } },
    message: /could not connect to a server: ERR_TLS_CERT_ALTNAME_INVALID/,
    hint: 'the server\'s certificate is for "DNS:users.test, DNS:*.users.test", not for "orders.test": if that is your server, set tls.serverName (CONNECT_LB_TLS_SERVER_NAME) to a name in the certificate, or issue one for "orders.test"',
  },
  {
    name: "a server that wants a client certificate",
    over: ["2", "1.1"],
    versions: ["TLSv1.3"],
    server: https2({ requestCert: true, ca }),
    options: { tls: { ca } },
    message: /could not connect to a server: ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED/,
    hint: `the server requires a client certificate: ${CERTIFICATE}`,
  },
  {
    name: "a server that wants a client certificate, over TLS 1.2",
    over: ["2", "1.1"],
    versions: ["TLSv1.2"],
    server: https2({ requestCert: true, ca }),
    options: { tls: { ca } },
    message: /could not connect to a server: (ERR_SSL_.*HANDSHAKE_FAILURE|EPROTO)/,
    hint: `the server refuses the TLS handshake: it may require a client certificate (${CERTIFICATE}), or another cipher or version of TLS`,
  },
  {
    name: "a client certificate that the server does not trust",
    over: ["2", "1.1"],
    versions: both,
    server: https2({ requestCert: true, ca }),
    options: { tls: { ca, ...strangers } },
    message: /could not connect to a server: ECONNRESET|the connection to the server was lost/,
    hint: "the server closed the connection during the TLS handshake: it may not trust the client certificate of tls.cert, or speak another version of HTTP (httpVersion), or be shutting down",
  },
  ...[42, 44, 45, 46, 48, 49].map((description) => ({
    name: `a server that refuses a client certificate with alert ${description}`,
    over: ["2", "1.1"] as const,
    server: answering(alert(description)),
    options: { tls: { ca, ...client } },
    message: /could not connect to a server: (ERR_SSL_|EPROTO)/,
    hint: REFUSED,
  })),
  {
    name: "a server that knows no such name",
    over: ["2", "1.1"],
    server: answering(alert(112)),
    options: { tls: { ca } },
    message: /could not connect to a server: (ERR_SSL_|EPROTO)/,
    hint: "the server does not know this name: set tls.serverName (CONNECT_LB_TLS_SERVER_NAME) to one that it has",
  },
  {
    name: "a server of another version of TLS",
    over: ["2", "1.1"],
    server: answering(alert(70)),
    options: { tls: { ca } },
    message: /could not connect to a server: (ERR_SSL_|EPROTO)/,
    hint: "the server accepts no version of TLS that this process offers (1.2 and 1.3, unless Node is configured otherwise)",
  },
  {
    name: "a key that is not the certificate's",
    over: ["2", "1.1"],
    server: https2({}),
    options: { tls: { ca, cert: client.cert, key: strangers.key } },
    message: /could not connect to a server: ERR_OSSL_X509_KEY_VALUES_MISMATCH/,
    hint: "tls.key is not the key of tls.cert: use a certificate and its own key",
  },
  {
    name: "a key that lost its line ends",
    over: ["2", "1.1"],
    server: https2({}),
    options: { tls: { ca, cert: client.cert, key: client.key.replaceAll("\n", "\\n") } },
    message: /could not connect to a server: ERR_OSSL_/,
    hint: 'tls.cert or tls.key is not valid PEM: variables lose line ends easily, so write "file:" and a path',
  },
  {
    name: "a file of authorities that is not there",
    over: ["2", "1.1"],
    server: https2({}),
    options: { tls: { ca: "file:/does/not/exist.pem" } },
    message: /could not connect to a server: ERR_TLS_FILE/,
    hint: 'a file of tls.ca, tls.cert or tls.key cannot be used: correct the path after "file:", or the file; it is read again at the next connection',
  },
  {
    name: "a path that nothing handles",
    over: ["2"],
    server: () => http2.createServer((_, response) => void response.writeHead(404).end()),
    options: { tls: false },
    message: /HTTP 404/,
    hint: "nothing handles that path there: pathPrefix must be what the server puts before /package.Service/Method, and the server must have that service and speak that protocol",
  },
  {
    name: "a path that nothing handles over HTTP/1.1",
    over: ["1.1"],
    server: () => http.createServer((_, response) => void response.writeHead(404).end()),
    options: { tls: false },
    message: /HTTP 404/,
    hint: "nothing handles that path there: pathPrefix must be what the server puts before /package.Service/Method, and the server must have that service and speak that protocol",
  },
  {
    name: "a redirect",
    over: ["1.1"],
    server: () => http.createServer((_, response) => void response.writeHead(308, { location: "https://x/" }).end()),
    options: { tls: false },
    message: /HTTP 308/,
    hint: "the server redirects, which calls do not follow: the target must name the server itself, and tls must be as it wants",
  },
  {
    name: "a server that does not take the protocol",
    over: ["1.1"],
    server: () => http.createServer((_, response) => void response.writeHead(415).end()),
    options: { tls: false },
    message: /HTTP 415/,
    hint: "the server does not accept that protocol: protocol must be one that it speaks",
  },
];

/** A server that listens. */
export async function listening(server: Server): Promise<{ readonly port: number } & Disposable> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
  });
  // What a client of another kind does to it is an error for each of these.
  for (const event of ["tlsClientError", "sessionError"]) server.on(event, () => {});
  server.on("secureConnection", (socket: Socket) => socket.on("error", () => {}));
  server.on("session", (session: http2.ServerHttp2Session) => session.on("error", () => {}));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.dispose]() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
