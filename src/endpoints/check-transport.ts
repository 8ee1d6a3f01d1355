import type { EndpointTransport, EndpointTransportFactory } from "./endpoint-transport.ts";

/**
 * A factory of the user's, whose result is checked.
 *
 * @param onFailed called with what it throws, or with a TypeError where it returns something else than a transport.
 */
export function checkedFactory(
  factory: EndpointTransportFactory,
  onFailed: (error: unknown) => void,
): EndpointTransportFactory {
  return (endpoint, context) => {
    try {
      return checkTransport(factory(endpoint, context));
    } catch (error) {
      onFailed(error);
      throw error;
    }
  };
}

function checkTransport(transport: EndpointTransport): EndpointTransport {
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
