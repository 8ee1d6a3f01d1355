import type { ContextKey } from "@connectrpc/connect";
import type { Endpoint } from "../endpoint.ts";

/**
 * Names the server of a call. In an interceptor of an attempt it is the endpoint that the attempt goes to:
 * `request.contextValues.get(endpointKey)`. After a call it is the endpoint that answered, a failed call's included, where
 * the caller gave context values: one object for one call, because the last answer is what it holds.
 *
 * ```ts
 * const contextValues = createContextValues();
 * await users.getUser({ id }, { contextValues });
 * const server = contextValues.get(endpointKey);
 * console.log(server?.address, server?.port);
 * ```
 *
 * Undefined where no server answered: see `callReport(error)`.
 */
// The same in every copy of this library that a process loads, so not made by `createContextKey`.
export const endpointKey: ContextKey<Endpoint | undefined> = {
  id: Symbol.for("connect-lb.endpoint"),
  defaultValue: undefined,
};
