import type { ResolvedOptions } from "../config/resolved-options.ts";
import { CachedResolver } from "../discovery/cached-resolver.ts";
import type { Resolver } from "../discovery/resolver.ts";
import { type AnswerSource, WithFallback, type WithFallbackOptions } from "../discovery/with-fallback.ts";
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
export interface TargetResolvers {
  readonly first: CachedResolver;
  readonly fallback: CachedResolver | undefined;
  readonly answers: AnswerSource;
}

/**
 * The pool takes over each answer with endpoints when it arrives. One without leaves the pool as it is: calls fail by the
 * answer, and those endpoints keep what is known of them.
 */
export function targetResolversOf(
  { ages, emit, hasListener }: ResolvedOptions,
  resolvers: Resolvers,
  pool: Pool,
  runtime: Runtime,
): TargetResolvers {
  const onAnswer = (): void => {
    const { answer } = answers;
    if (answer === undefined || answer.endpoints.length === 0) return;
    const change = pool.update(answer.endpoints, runtime.clock.now());
    if (change !== undefined && hasListener) emit(resolvedEvent(answer, change));
  };
  const cachedResolverOf = (resolver: Resolver, isFallback: boolean): CachedResolver => {
    const onLookUp = hasListener ? lookUpEvents(emit, isFallback) : undefined;
    return new CachedResolver(resolver, ages, runtime, { onLookUp, onAnswer });
  };
  const first = cachedResolverOf(resolvers.resolver, false);
  const fallback = resolvers.fallback && cachedResolverOf(resolvers.fallback, true);
  const serves: WithFallbackOptions["serves"] = (endpoints, now) => pool.servesWithoutFallback(endpoints, now);
  const answers = fallback ? new WithFallback({ first, second: fallback, serves, clock: runtime.clock }) : first;
  return { first, fallback, answers };
}
