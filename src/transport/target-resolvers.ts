import type { Settings } from "../config/resolved-options.ts";
import { Directory } from "../discovery/cached-resolver.ts";
import type { Resolver } from "../discovery/resolver.ts";
import { type Answers, Failover, type FailoverOptions } from "../discovery/with-fallback.ts";
import type { Pool } from "../endpoints/pool.ts";
import type { Runtime } from "../runtime.ts";
import { lookUpEvents, resolvedEvent } from "./look-up-events.ts";

/** Whom a transport asks for endpoints. */
export interface Resolvers {
  readonly resolver: Resolver;
  /** Of `fallbackTarget`. */
  readonly fallback: Resolver | undefined;
}

/** A transport's targets, and the one list that calls get from them. */
export interface Directories {
  readonly first: Directory;
  readonly fallback: Directory | undefined;
  readonly directory: Answers;
}

/**
 * The pool takes over each answer with endpoints when it arrives. One without leaves the pool as it is: calls fail by the
 * answer, and those endpoints keep what is known of them.
 */
export function directoriesOf(
  { ages, emit, hasListener }: Settings,
  resolvers: Resolvers,
  pool: Pool,
  runtime: Runtime,
): Directories {
  const onAnswer = (): void => {
    const { answer } = directory;
    if (answer === undefined || answer.endpoints.length === 0) return;
    const change = pool.update(answer.endpoints, runtime.clock.now());
    if (change !== undefined && hasListener) emit(resolvedEvent(answer, change));
  };
  const directoryOf = (resolver: Resolver, isFallback: boolean): Directory => {
    const onLookUp = hasListener ? lookUpEvents(emit, isFallback) : undefined;
    return new Directory(resolver, ages, runtime, { onLookUp, onAnswer });
  };
  const first = directoryOf(resolvers.resolver, false);
  const fallback = resolvers.fallback && directoryOf(resolvers.fallback, true);
  const serves: FailoverOptions["serves"] = (endpoints, now) => pool.servesWithoutFallback(endpoints, now);
  const directory = fallback ? new Failover({ first, second: fallback, serves, clock: runtime.clock }) : first;
  return { first, fallback, directory };
}
