import { defaults } from "./defaults.ts";
import type { OptionDefinition } from "./option-definition.ts";
import * as types from "./value-types.ts";

/**
 * What is spoken to the servers, and how. A group stands before its members. The defaults of `connect` are Connect's
 * own, which are not filled in.
 */
export const protocolOptions = (): readonly OptionDefinition[] => [
  {
    path: "protocol",
    name: "protocol",
    type: types.choice("connect", "grpc", "grpc-web"),
    default: defaults.protocol,
    doc: "The protocol spoken to the servers.",
  },
  {
    path: "httpVersion",
    name: "http-version",
    type: types.choice("2", "1.1"),
    default: defaults.httpVersion,
    doc: "The HTTP version of connections.",
  },
  {
    path: "tls",
    name: "tls",
    type: types.group,
    doc: "TLS, on by default; `false` for cleartext.",
  },
  {
    path: "tls.ca",
    name: "tls-ca",
    type: types.certificates,
    default: () => "the system's",
    secret: true,
    doc: "The only certificate authorities to trust.",
  },
  {
    path: "tls.cert",
    name: "tls-cert",
    type: types.certificate,
    default: undefined,
    secret: true,
    neverFallsBack: true,
    doc: "Client certificate chain, for mutual TLS; needs `key`.",
  },
  {
    path: "tls.key",
    name: "tls-key",
    type: types.certificate,
    default: undefined,
    secret: true,
    neverFallsBack: true,
    doc: "Private key of `cert`.",
  },
  {
    path: "tls.serverName",
    name: "tls-server-name",
    type: types.serverName,
    default: () => "the name in the target",
    doc: 'The name to verify in certificates. "target" verifies each server\'s own name (the SRV target), which is only as safe as `targetSuffixes`: DNS is not authenticated.',
  },
  {
    path: "tls.targetSuffixes",
    name: "tls-target-suffixes",
    type: types.domains,
    default: () => "the name in the target",
    doc: 'With `serverName: "target"`: only SRV targets inside these domains are used. Each has two labels or more.',
  },
  {
    path: "pathPrefix",
    name: "path-prefix",
    type: types.pathPrefix,
    default: defaults.pathPrefix,
    doc: "Path before `/package.Service/Method`, starting with a slash.",
  },
  { path: "connect", type: types.object, doc: "Connect's own options, passed through." },
  {
    path: "connect.useBinaryFormat",
    name: "use-binary-format",
    type: types.trueOrFalse,
    default: true,
    doc: "Binary messages; `false`: JSON.",
  },
  {
    path: "connect.useHttpGet",
    name: "use-http-get",
    type: types.trueOrFalse,
    default: false,
    doc: "Send side-effect free unary calls as GET (Connect protocol only).",
  },
  {
    path: "connect.acceptCompression",
    type: types.listOf(types.object),
    default: () => "gzip and brotli",
    doc: "Compressions accepted in responses.",
  },
  { path: "connect.sendCompression", type: types.object, default: undefined, doc: "Compression of requests." },
  {
    path: "connect.compressMinBytes",
    name: "compress-min-bytes",
    type: types.bytes(0),
    default: 1_024,
    doc: "Do not compress messages smaller than this.",
  },
  {
    path: "connect.readMaxBytes",
    name: "read-max-bytes",
    type: types.bytes(1),
    default: 0xffff_ffff,
    doc: "Limit of one response message.",
  },
  {
    path: "connect.writeMaxBytes",
    name: "write-max-bytes",
    type: types.bytes(1),
    default: 0xffff_ffff,
    doc: "Limit of one request message.",
  },
  {
    path: "connect.jsonOptions",
    type: types.object,
    default: undefined,
    doc: "Options of the JSON format.",
  },
  { path: "connect.binaryOptions", type: types.object, default: undefined, doc: "Options of the binary format." },
];
