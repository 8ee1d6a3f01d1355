import type { CachedResolverListener } from "../../src/discovery/cached-resolver.ts";

/** Nobody listens to what a directory's look-ups come to. */
export const noListener: CachedResolverListener = { onLookUp() {}, onAnswer() {} };
