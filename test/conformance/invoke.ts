import { type Client, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import { CaseCall } from "./case-call.ts";
import type { ClientCompatRequest, ClientResponseResult } from "./gen/connectrpc/conformance/v1/client_compat_pb.js";
import {
  BidiStreamRequestSchema,
  ClientStreamRequestSchema,
  ConformanceService,
  IdempotentUnaryRequestSchema,
  ServerStreamRequestSchema,
  UnaryRequestSchema,
  UnimplementedRequestSchema,
} from "./gen/connectrpc/conformance/v1/service_pb.js";

type Method = (client: Client<typeof ConformanceService>, call: CaseCall) => Promise<void>;

const methods: Readonly<Record<string, Method>> = {
  async Unary(client, call) {
    call.received((await client.unary(call.message(UnaryRequestSchema), call.options)).payload);
  },
  async IdempotentUnary(client, call) {
    call.received((await client.idempotentUnary(call.message(IdempotentUnaryRequestSchema), call.options)).payload);
  },
  async Unimplemented(client, call) {
    await client.unimplemented(call.message(UnimplementedRequestSchema), call.options);
    call.received();
  },
  async ClientStream(client, call) {
    call.received((await client.clientStream(call.messages(ClientStreamRequestSchema), call.options)).payload);
  },
  async ServerStream(client, call) {
    const responses = client.serverStream(call.message(ServerStreamRequestSchema), call.options);
    for await (const { payload } of responses) call.received(payload);
  },
  async BidiStream(client, call) {
    const responses = client.bidiStream(call.messages(BidiStreamRequestSchema), call.options);
    for await (const { payload } of responses) call.received(payload);
  },
};

/** Makes the call that a case describes. Rejects only where that cannot be done. */
export async function invoke(request: ClientCompatRequest, transport: Transport): Promise<ClientResponseResult> {
  const { service, method = "" } = request;
  const run = methods[method];
  if (service !== ConformanceService.typeName || run === undefined) throw new Error(`unknown ${service}/${method}`);
  const call = new CaseCall(request);
  try {
    await run(createClient(ConformanceService, transport), call);
  } catch (error) {
    if (!(error instanceof ConnectError)) throw error;
    call.failed(error);
  } finally {
    call.end();
  }
  return call.result;
}
