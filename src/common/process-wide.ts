/**
 * What all copies of this library in a process share: an application may load its ESM and its CommonJS build, and hand
 * what one of them made to the other. Made on first use, because an import does nothing.
 *
 * @param name changes with the shape of the value: copies of different versions share only what both understand.
 */
export function processWide<T extends object>(name: string, make: () => T): () => T {
  const key = Symbol.for(`connect-lb.${name}`);
  let value: T | undefined;
  return () => {
    if (value !== undefined) return value;
    const shared = globalThis as { [key]?: T };
    value = shared[key] ?? make();
    // Hardened runtimes freeze the global object: each copy is by itself there.
    if (shared[key] === undefined && Object.isExtensible(globalThis)) Object.defineProperty(shared, key, { value });
    return value;
  };
}
