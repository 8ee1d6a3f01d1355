import { processWide } from "../common/process-wide.ts";
import type { Emitter } from "../telemetry/emitter.ts";

/** So many to one target are not meant: who makes one for each request pays for a look-up and a handshake each time. */
const MANY = 10;

/** Transports of this process that have not been closed or collected, by target. */
const liveTransports = processWide("live-transports", () => new Map<string, number>());

/**
 * Closes a transport that nobody can call any more. Nobody needs to close one, so one that is made for each request and
 * forgotten would otherwise keep its connections until the process ends.
 */
const dropped = new FinalizationRegistry<() => void>((close) => close());

export interface LiveTransport {
  /** What every user of the transport, and every call of it, holds; and nothing that `close` needs. */
  readonly owner: object;
  readonly target: string;
  close(): void;
  readonly emit: Emitter["emit"];
}

/** Counts a transport that has been made. @returns what closes it, once. */
export function registerTransport({ owner, target, close, emit }: LiveTransport): () => void {
  const live = liveTransports();
  const count = (live.get(target) ?? 0) + 1;
  live.set(target, count);
  if (count === MANY) emit({ type: "many-transports", transports: count });
  let isClosed = false;
  const closeOnce = (): void => {
    if (isClosed) return;
    isClosed = true;
    const left = (live.get(target) as number) - 1;
    if (left > 0) live.set(target, left);
    else live.delete(target);
    close();
  };
  dropped.register(owner, closeOnce);
  return closeOnce;
}
