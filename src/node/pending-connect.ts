import type { Socket } from "node:net";

/**
 * Destroys the socket if `abandoned` aborts while it is being connected. A TCP connect that is pending holds the process
 * even if its socket is unref'd (libuv counts the request); once it is connected, nothing does.
 */
export function abandonWhilePending(socket: Socket, abandoned: AbortSignal | undefined): void {
  if (abandoned === undefined) return;
  const onAbort = () => void socket.destroy(abandoned.reason);
  const leave = () => abandoned.removeEventListener("abort", onAbort);
  socket.once("connect", leave).once("close", leave);
  if (abandoned.aborted) onAbort();
  else abandoned.addEventListener("abort", onAbort, { once: true });
}
