import type { EndpointTransport } from "../pool/endpoint-transport.ts";

/** @throws TypeError if a factory of the user's returned something else than a transport. */
export function checkTransport(transport: EndpointTransport): EndpointTransport {
  const { unary, stream } = Object(transport) as Partial<EndpointTransport>;
  if (typeof unary === "function" && typeof stream === "function") return transport;
  throw new TypeError("createEndpointTransport must return a transport, an object with unary() and stream()");
}

/** Stands for the transport of an endpoint for which none can be made: each connect fails with the reason. */
export function unusable(reason: unknown): EndpointTransport {
  // An error of its own for each call: what is recorded of one must not show on another.
  const fail = () => Promise.reject(new Error("no transport can be made for this endpoint", { cause: reason }));
  return { connect: fail, unary: fail, stream: fail };
}
