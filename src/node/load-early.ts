/**
 * Loads modules of Node's, which the build leaves to their first use (build/builtins.ts), when a transport is made. A
 * Lambda makes it in its init phase, which has more CPU than the first invocation.
 */
export function loadEarly(...modules: readonly string[]): void {
  for (const module of modules) process.getBuiltinModule(module);
}
