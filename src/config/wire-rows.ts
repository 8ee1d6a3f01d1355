import * as kinds from "./kinds.ts";
import type { OptionRow } from "./option-row.ts";

/** What is spoken to the servers, and how. A group stands before its members. */
export const wireRows: readonly OptionRow[] = [
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
    kind: kinds.serverName,
    doc: "The name to verify in certificates, in place of the target's. \"target\" verifies each server's own name (the SRV target), which is only as safe as `targetSuffixes`: DNS is not authenticated.",
  },
  {
    path: "tls.targetSuffixes",
    name: "tls-target-suffixes",
    kind: kinds.domains,
    doc: 'With `serverName: "target"`: only SRV targets inside these domains are used. Each has two labels or more. Default: the target\'s own name.',
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
];
