/** No connection in time. It may still be made. In the shape of the kernel's own error. */
export class ConnectTimeoutError extends Error {
  override readonly name = "ConnectTimeoutError";
  readonly code = "ETIMEDOUT";
  readonly syscall = "connect";
}

export function connectTimeout(ms: number): ConnectTimeoutError {
  return new ConnectTimeoutError(`no connection within ${ms} ms`);
}
