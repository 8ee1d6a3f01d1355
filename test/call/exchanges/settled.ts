import { setTimeout as sleep, setImmediate as turn } from "node:timers/promises";

export type Settled<T> =
  | { readonly kind: "value"; readonly value: T }
  | { readonly kind: "error"; readonly error: unknown }
  | { readonly kind: "hung" };

/** How a promise ends, or that it does not in so many milliseconds. */
export async function settled<T>(promise: Promise<T>, limitMs: number): Promise<Settled<T>> {
  const end = promise.then(
    (value) => ({ kind: "value", value }) as const,
    (error: unknown) => ({ kind: "error", error }) as const,
  );
  const controller = new AbortController();
  const hung = sleep(limitMs, undefined, { signal: controller.signal })
    // On a busy machine the limit and what should have come before it are late together.
    .then(() => turns(20))
    .then(() => ({ kind: "hung" }) as const);
  hung.catch(() => {});
  const first = await Promise.race([end, hung]);
  controller.abort();
  return first;
}

/** Turns of the event loop: what has been written on loopback has then been read at its other end. */
export async function turns(count = 3): Promise<void> {
  for (let i = 0; i < count; i++) await turn();
}
