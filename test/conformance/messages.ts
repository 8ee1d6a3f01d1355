// Between the suite's messages and Connect's types.
import { create, createRegistry } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import {
  type Error as ErrorMessage,
  ErrorSchema,
  file_connectrpc_conformance_v1_service,
  type Header,
  HeaderSchema,
} from "./gen/connectrpc/conformance/v1/service_pb.js";

/** Payloads carry requests as `Any`, which JSON can only be read with the types at hand. */
export const registry = createRegistry(file_connectrpc_conformance_v1_service);

export function toHeaders(headers: readonly Header[]): Headers {
  const result = new Headers();
  for (const { name, value } of headers) for (const item of value) result.append(name, item);
  return result;
}

export function fromHeaders(headers: Headers): Header[] {
  return [...headers].map(([name, value]) => create(HeaderSchema, { name, value: [value] }));
}

export function fromError(error: ConnectError): ErrorMessage {
  return create(ErrorSchema, {
    code: error.code as number,
    message: error.rawMessage,
    details: error.details.flatMap((detail) =>
      // Those that a server sent are still encoded.
      "type" in detail ? [{ typeUrl: `type.googleapis.com/${detail.type}`, value: detail.value }] : [],
    ),
  });
}
