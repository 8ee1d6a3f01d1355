import type { Settings } from "../config/settings.ts";
import type { Answer, LookUpFact } from "../discovery/answer.ts";
import { Directory } from "../discovery/directory.ts";
import { whyDropped } from "../discovery/dropped.ts";
import { type Answers, Failover } from "../discovery/failover.ts";
import type { EndedLookUp } from "../discovery/look-up.ts";
import type { Resolver } from "../discovery/resolver.ts";
import type { Pool } from "../pool/pool.ts";
import type { Reconciled } from "../pool/reconcile.ts";
import type { Runtime } from "../runtime.ts";

/** Whom a transport asks for endpoints. */
export interface Resolvers {
  readonly resolver: Resolver;
  /** Of `fallbackTarget`. */
  readonly fallback: Resolver | undefined;
}

/** One target with its directory, which tells the transport's listener what its look-ups came to. */
class TargetDirectory {
  readonly target: string;
  readonly directory: Directory;
  lookUpError: unknown;

  /** @param onAnswer called when another answer is in use. */
  constructor(
    resolver: Resolver,
    isFallback: boolean,
    { ages, emit }: Settings,
    runtime: Runtime,
    onAnswer: () => void,
  ) {
    const { target } = resolver;
    this.target = target;
    const source = isFallback ? ({ fallback: true } as const) : {};
    let lastDropped = "";
    const toldCleartext = new Set<string>();
    const onLookUp = (fact: LookUpFact, { reason, durationMs, servers }: EndedLookUp): void => {
      emit({ type: "looked-up", reason, result: resultOf(fact), durationMs, servers, ...source });
      for (const server of fact.kind === "answered" ? fact.cleartextTokens : []) {
        if (toldCleartext.has(server)) continue;
        toldCleartext.add(server);
        emit({ type: "token-in-cleartext", server, ...source });
      }
      this.lookUpError = fact.kind === "failed" ? fact.error : undefined;
      if (fact.kind === "failed") {
        emit({ type: "resolve-failed", error: fact.error, stale: this.answer !== undefined, ...source });
      } else if (fact.kind === "unconfirmed") {
        emit({ type: "unconfirmed-empty", reason: fact.reason, ...source });
      } else if (fact.answer.endpoints.length === 0) {
        emit({ type: "empty", reason: fact.answer.reason ?? "", ...source });
      } else {
        // A registry may list the same useless record for weeks: what each look-up finds anew is told once.
        const reason = fact.dropped.length === 0 ? "" : whyDropped(fact.dropped);
        if (reason !== "" && reason !== lastDropped) {
          emit({ type: "records-dropped", dropped: fact.dropped.length, reason, ...source });
        }
        lastDropped = reason;
      }
    };
    this.directory = new Directory(resolver, ages, runtime, { onLookUp, onAnswer });
  }

  get answer(): Answer | undefined {
    return this.directory.answer;
  }
}

function resultOf(fact: LookUpFact): "endpoints" | "empty" | "failed" {
  if (fact.kind === "failed") return "failed";
  return fact.kind === "answered" && fact.answer.endpoints.length > 0 ? "endpoints" : "empty";
}

/** A transport's targets, and the one list that calls get from them. */
export interface Directories {
  readonly first: TargetDirectory;
  readonly fallback: TargetDirectory | undefined;
  readonly directory: Answers;
}

/**
 * The pool takes over each answer with endpoints when it arrives. One without leaves the pool as it is: calls fail by the
 * answer, and those endpoints keep what is known of them.
 *
 * @param onUpdate called when an answer changed the endpoints.
 */
export function directoriesOf(
  settings: Settings,
  resolvers: Resolvers,
  pool: Pool,
  runtime: Runtime,
  onUpdate: (answer: Answer, change: Reconciled) => void,
): Directories {
  const onAnswer = (): void => {
    const { answer } = directories.directory;
    if (answer === undefined || answer.endpoints.length === 0) return;
    const change = pool.update(answer.endpoints, runtime.clock.now());
    if (change !== undefined) onUpdate(answer, change);
  };
  const directories = directoriesWith(settings, resolvers, pool, runtime, onAnswer);
  return directories;
}

function directoriesWith(
  settings: Settings,
  resolvers: Resolvers,
  pool: Pool,
  runtime: Runtime,
  onAnswer: () => void,
): Directories {
  const first = new TargetDirectory(resolvers.resolver, false, settings, runtime, onAnswer);
  if (resolvers.fallback === undefined) return { first, fallback: undefined, directory: first.directory };
  const fallback = new TargetDirectory(resolvers.fallback, true, settings, runtime, onAnswer);
  const directory = new Failover({
    first: first.directory,
    second: fallback.directory,
    serves: (endpoints, now) => pool.servesWithoutFallback(endpoints, now),
    clock: runtime.clock,
  });
  return { first, fallback, directory };
}
