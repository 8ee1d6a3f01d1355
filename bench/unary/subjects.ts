import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { createClient, type Interceptor, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { credentials, Metadata, makeClientConstructor } from "@grpc/grpc-js";
import { type BalancedTransportOptions, createBalancedTransport } from "../../src/node.ts";
import { EchoRequestSchema, EchoResponseSchema, EchoService } from "../../test/support/gen/echo_pb.ts";

/** A client of the echo service whose calls are counted as failed unless they bring back what was sent. */
export interface UnarySubject {
  readonly name: string;
  call(): Promise<unknown>;
  close(): void;
}

/** What each call of each subject has besides its message. */
export interface Variant {
  readonly name: string;
  readonly timeoutMs?: number;
  readonly header?: string;
  readonly isIntercepted?: boolean;
}

const request = { text: "hello, server!" };
const noOp: Interceptor = (next) => (req) => next(req);

function checked(text: string): void {
  if (text !== request.text) throw new Error("the answer is not that of the request");
}

function connectSubject(name: string, transport: Transport, variant: Variant, close: () => void): UnarySubject {
  const client = createClient(EchoService, transport);
  const options = {
    ...(variant.timeoutMs !== undefined && { timeoutMs: variant.timeoutMs }),
    ...(variant.header !== undefined && { headers: { authorization: variant.header } }),
  };
  return { name, call: async () => checked((await client.post(request, options)).text), close };
}

/** The transport of this library. */
export function balanced(
  protocol: "connect" | "grpc",
  ports: readonly number[],
  variant: Variant,
  create: typeof createBalancedTransport = createBalancedTransport,
  name = `connect-lb, ${protocol}`,
): UnarySubject {
  const options: BalancedTransportOptions = {
    target: `static:///${ports.map((port) => `127.0.0.1:${port}`).join(",")}`,
    protocol,
    tls: false,
    ...(variant.isIntercepted && { interceptors: [noOp] }),
  };
  const transport = create(options);
  return connectSubject(name, transport, variant, () => transport.close());
}

/** connect-node's own transports, one a server, in turn: the least that balancing can cost. */
export function connectNode(protocol: "connect" | "grpc", ports: readonly number[], variant: Variant): UnarySubject {
  const managers = ports.map((port) => new Http2SessionManager(`http://127.0.0.1:${port}`));
  const transports = managers.map((sessionManager) => {
    const interceptors = variant.isIntercepted ? [noOp] : [];
    const common = { baseUrl: sessionManager.authority, sessionManager, interceptors };
    return protocol === "grpc" ? createGrpcTransport(common) : createConnectTransport({ ...common, httpVersion: "2" });
  });
  let turn = 0;
  const next = () => transports[turn++ % transports.length] as Transport;
  const rotation: Transport = {
    unary: (...call) => next().unary(...call),
    stream: (...call) => next().stream(...call),
  };
  return connectSubject(`connect-node in rotation, ${protocol}`, rotation, variant, () => {
    for (const manager of managers) manager.abort();
  });
}

/** grpc-js with its round-robin balancer, and the same protobuf code. */
export function grpcJs(ports: readonly number[], variant: Variant): UnarySubject {
  const method = {
    path: `/${EchoService.typeName}/Post`,
    requestStream: false,
    responseStream: false,
    requestSerialize: (message: typeof request) =>
      Buffer.from(toBinary(EchoRequestSchema, create(EchoRequestSchema, message))),
    requestDeserialize: (bytes: Buffer) => fromBinary(EchoRequestSchema, bytes),
    responseSerialize: () => Buffer.alloc(0),
    responseDeserialize: (bytes: Buffer) => fromBinary(EchoResponseSchema, bytes),
  };
  const Client = makeClientConstructor({ post: method }, "EchoService");
  const target = `ipv4:${ports.map((port) => `127.0.0.1:${port}`).join(",")}`;
  const client = new Client(target, credentials.createInsecure(), {
    "grpc.service_config": JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] }),
    ...(variant.isIntercepted && {
      interceptors: [(options: object, nextCall: (options: object) => unknown) => nextCall(options)],
    }),
  });
  const post = client.post as (
    message: typeof request,
    metadata: Metadata,
    options: object,
    done: (error: Error | null, response?: { text: string }) => void,
  ) => void;
  return {
    name: "grpc-js round_robin",
    call: () =>
      new Promise<void>((resolve, reject) => {
        const metadata = new Metadata();
        if (variant.header !== undefined) metadata.set("authorization", variant.header);
        const options = variant.timeoutMs === undefined ? {} : { deadline: Date.now() + variant.timeoutMs };
        post.call(client, request, metadata, options, (error, response) => {
          if (error !== null) reject(error);
          else {
            checked((response as { text: string }).text);
            resolve();
          }
        });
      }),
    close: () => client.close(),
  };
}

/** What `node:http2` itself costs: no deadline, no errors, no message objects. */
export function rawHttp2(ports: readonly number[]): UnarySubject {
  const sessions = ports.map((port) => connectHttp2(`http://127.0.0.1:${port}`));
  const body = toBinary(EchoRequestSchema, create(EchoRequestSchema, request));
  const headers = {
    ":method": "POST",
    ":path": `/${EchoService.typeName}/Post`,
    "content-type": "application/proto",
    "connect-protocol-version": "1",
  };
  let turn = 0;
  return {
    name: "node:http2 raw",
    call: () =>
      new Promise<void>((resolve, reject) => {
        const stream = (sessions[turn++ % sessions.length] as ClientHttp2Session).request(headers);
        let bytes = 0;
        stream.on("data", (chunk: Buffer) => {
          bytes += chunk.length;
        });
        stream.on("end", () => (bytes > 0 ? resolve() : reject(new Error("no answer"))));
        stream.on("error", reject);
        stream.end(body);
      }),
    close: () => {
      for (const session of sessions) session.destroy();
    },
  };
}
