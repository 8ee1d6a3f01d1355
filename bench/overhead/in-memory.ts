import { create } from "@bufbuild/protobuf";
import { createContextValues, type StreamResponse, type Transport, type UnaryResponse } from "@connectrpc/connect";
import { runUnaryCall } from "@connectrpc/connect/protocol";
import { EchoResponseSchema } from "../../test/support/gen/echo_pb.ts";

/** Connect's own path of a unary call (signals, deadline, interceptors), round a canned answer: no socket, no codec. */
export function inMemoryTransport(): Transport {
  const header = new Headers();
  const message = create(EchoResponseSchema, { text: "hello", server: "in memory" });
  return {
    unary: (method, signal, timeoutMs, _header, input, contextValues) =>
      runUnaryCall({
        interceptors: [],
        ...(signal === undefined ? {} : { signal }),
        ...(timeoutMs === undefined ? {} : { timeoutMs }),
        req: {
          stream: false,
          service: method.parent,
          method,
          requestMethod: "POST",
          url: "http://in-memory",
          header,
          contextValues: contextValues ?? createContextValues(),
          message: input,
        },
        next: async () =>
          ({
            stream: false,
            service: method.parent,
            method,
            header,
            trailer: header,
            message,
          }) as unknown as UnaryResponse<typeof method.input, typeof method.output>,
      }),
    stream: () => Promise.reject<StreamResponse>(new Error("this benchmark makes unary calls")),
  } as Transport;
}
