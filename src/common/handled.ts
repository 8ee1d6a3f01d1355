/** A promise whose failure is no unhandled rejection: code that waits for it gets the failure, and none has to wait. */
export function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}
