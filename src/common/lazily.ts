/** A value that is made when it is first needed: what a first call does not need must not cost its process anything. */
export function lazily<T extends object>(make: () => T): () => T {
  let value: T | undefined;
  return () => {
    value ??= make();
    return value;
  };
}
