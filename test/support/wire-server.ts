import * as http from "node:http";
import * as http2 from "node:http2";
import { create } from "@bufbuild/protobuf";
import { createConnectRouter } from "@connectrpc/connect";
import { uResponseNotFound } from "@connectrpc/connect/protocol";
import {
  compressionBrotli,
  compressionGzip,
  universalRequestFromNodeRequest,
  universalResponseToNodeResponse,
} from "@connectrpc/connect-node";
import { EchoResponseSchema, EchoService } from "./gen/echo_pb.ts";
import { listenOnLoopback } from "./loopback.ts";

/** A request as it came over the wire. */
export interface WireRequest {
  /** "POST". */
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly header: Headers;
  readonly body: Buffer;
}

type NodeRequest = Parameters<typeof universalRequestFromNodeRequest>[0];
type NodeResponse = Parameters<typeof universalResponseToNodeResponse>[1];

export interface WireServer extends Disposable {
  readonly port: number;
  readonly requests: readonly WireRequest[];
  /** Requests that a handler has read as messages. */
  readonly calls: number;
}

/**
 * A real server that keeps what it was sent. Its unary methods and its server stream answer with the
 * request's text and with the fields that they do not know; every other path is not found.
 */
export async function startWireServer(httpVersion: "2" | "1.1", pathPrefix = ""): Promise<WireServer> {
  let calls = 0;
  const requests: WireRequest[] = [];
  const { handlers } = createConnectRouter({ acceptCompression: [compressionGzip, compressionBrotli] }).service(
    EchoService,
    {
      get: answer,
      post: answer,
      async *serverStream(request) {
        yield answer(request);
      },
    },
  );

  function answer(request: { readonly text: string; readonly $unknown?: unknown }) {
    calls += 1;
    const response = create(EchoResponseSchema, { text: request.text });
    if (request.$unknown !== undefined) response.$unknown = request.$unknown as NonNullable<typeof response.$unknown>;
    return response;
  }

  async function serve(request: NodeRequest, response: NodeResponse): Promise<void> {
    const received = universalRequestFromNodeRequest(request, response, undefined, undefined);
    const body: Uint8Array[] = [];
    for await (const chunk of received.body as AsyncIterable<Uint8Array>) body.push(chunk);
    const path = new URL(received.url).pathname;
    requests.push({ method: received.method, path, header: received.header, body: Buffer.concat(body) });
    const handler = handlers.find(({ requestPath }) => pathPrefix + requestPath === path);
    const replayed = (async function* () {
      yield* body;
    })();
    const answered = (await handler?.({ ...received, body: replayed })) ?? uResponseNotFound;
    await universalResponseToNodeResponse(answered, response);
  }

  const onRequest = (request: NodeRequest, response: NodeResponse): void => {
    // A client that went away is its test's own affair.
    serve(request, response).catch(() => {});
  };
  const server = httpVersion === "2" ? http2.createServer(onRequest) : http.createServer(onRequest);
  server.on("session", (session: http2.ServerHttp2Session) => session.on("error", () => {}));
  const { port, destroy } = await listenOnLoopback(server);
  return {
    port,
    requests,
    get calls() {
      return calls;
    },
    [Symbol.dispose]: destroy,
  };
}
