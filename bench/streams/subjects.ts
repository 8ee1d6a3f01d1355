import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { Client, credentials } from "@grpc/grpc-js";
import { createBalancedTransport } from "../../src/node.ts";
import {
  type EchoRequest,
  EchoRequestSchema,
  type EchoResponse,
  EchoResponseSchema,
  EchoService,
} from "../../test/support/gen/echo_pb.ts";

export type Protocol = "connect" | "grpc";

/** A client that reads server streams to their end. */
export interface StreamSubject {
  readonly name: string;
  /** Reads one stream. Rejects unless it has all its messages. */
  read(): Promise<void>;
  close(): void;
}

/** What is asked for: so many messages, with a text of so many characters. */
export interface Stream {
  readonly messages: number;
  readonly characters: number;
}

function connectSubject(name: string, transport: Transport, stream: Stream, close: () => void): StreamSubject {
  const client = createClient(EchoService, transport);
  const request = { text: "x".repeat(stream.characters), count: stream.messages };
  return { name, read: () => checked(client.serverStream(request), stream), close };
}

async function checked(
  messages: AsyncIterable<EchoResponse>,
  { messages: expected, characters }: Stream,
): Promise<void> {
  let count = 0;
  for await (const { text } of messages) if (text.length > characters) count += 1;
  if (count !== expected) throw new Error(`${count} of ${expected} messages`);
}

export function connectNode(protocol: Protocol, port: number, stream: Stream): StreamSubject {
  const baseUrl = `http://127.0.0.1:${port}`;
  const sessionManager = new Http2SessionManager(baseUrl);
  const transport =
    protocol === "grpc"
      ? createGrpcTransport({ baseUrl, sessionManager })
      : createConnectTransport({ baseUrl, httpVersion: "2", sessionManager });
  return connectSubject(`connect-node, ${protocol}`, transport, stream, () => sessionManager.abort());
}

/** The transport of this library. */
export function balanced(protocol: Protocol, port: number, stream: Stream): StreamSubject {
  const transport = createBalancedTransport({ target: `static:///127.0.0.1:${port}`, protocol, tls: false });
  return connectSubject(`connect-lb, ${protocol}`, transport, stream, () => transport.close());
}

/** grpc-js, with the same protobuf code. */
export function grpcJs(port: number, stream: Stream): StreamSubject {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
    "grpc.max_receive_message_length": -1,
  });
  const request = create(EchoRequestSchema, { text: "x".repeat(stream.characters), count: stream.messages });
  const encode = (message: EchoRequest) => Buffer.from(toBinary(EchoRequestSchema, message));
  const decode = (bytes: Buffer) => fromBinary(EchoResponseSchema, bytes);
  return {
    name: "grpc-js",
    read: () =>
      checked(client.makeServerStreamRequest(`/${EchoService.typeName}/ServerStream`, encode, decode, request), stream),
    close: () => client.close(),
  };
}
