import { create } from "@bufbuild/protobuf";
import { type Client, Code, ConnectError, type Transport } from "@connectrpc/connect";
import type { EndpointTransportFactory } from "../../src/public.ts";
import { EchoResponseSchema, type EchoService } from "../support/gen/echo_pb.ts";

/** Endpoints without sockets, for counts of calls so many that only the balancing matters. */
export function inMemory() {
  const counts = new Map<string, number>();
  const refusing = new Set<string>();

  const createTransport: EndpointTransportFactory = (endpoint, context) => {
    const unary: Transport["unary"] = async (method) => {
      if (refusing.has(endpoint.address)) {
        const error = new ConnectError("refused", Code.Unavailable);
        context.markNotSent(error);
        throw error;
      }
      counts.set(endpoint.address, (counts.get(endpoint.address) ?? 0) + 1);
      // Others get their turn, so that calls overlap.
      await new Promise((resolve) => setImmediate(resolve));
      const message = create(EchoResponseSchema) as never;
      return { stream: false, service: method.parent, method, header: new Headers(), trailer: new Headers(), message };
    };
    return { unary, stream: () => Promise.reject(new Error("not used")) };
  };

  return {
    create: createTransport,
    /** Calls that the endpoint answered. */
    calls: (address: string) => counts.get(address) ?? 0,
    /** From now on, connections to the endpoint cannot be made. */
    refuse: (address: string) => void refusing.add(address),
    async callMany(client: Client<typeof EchoService>, calls: number, concurrency: number): Promise<void> {
      let left = calls;
      const caller = async () => {
        while (left-- > 0) await client.get({});
      };
      await Promise.all(Array.from({ length: concurrency }, caller));
    },
  };
}
