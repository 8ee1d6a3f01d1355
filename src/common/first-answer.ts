import { type Clock, OVER } from "../runtime.ts";

/** One that was asked, and what came of it. */
export type Asked<Who, Answer> = { readonly who: Who } & (
  | { readonly answer: Answer; readonly error?: never }
  | { readonly error: unknown; readonly answer?: never }
);

/** Several that may know something, whom to ask next, and which answer is good enough. */
export interface FirstAnswerOptions<Who, Answer, Found> {
  /** Whom to ask now, if anybody: called at the start, and after each `take()`. */
  next(): Who | undefined;
  /** The signal aborts when the answer is of no more use. */
  ask(who: Who, signal: AbortSignal): Promise<Answer>;
  /** Takes what came, or undefined after a silence. Anything that it returns is what was looked for. */
  take(asked: Asked<Who, Answer> | undefined): Found | undefined;
  /** So long without an answer or an error is a silence. */
  silenceMs(): number;
  /** Nobody is asked any more when this aborts, or at the deadline. */
  readonly signal: AbortSignal;
  readonly deadline: number;
  readonly clock: Clock;
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  /** Hands out what has arrived, before the last silence is taken for one. */
  drain?(): Promise<void>;
}

/**
 * Asks until an answer is good enough. The next one is asked when one has failed, or none has answered for a while;
 * those before it stay open to the end, so that a late answer counts. Happy Eyeballs (RFC 8305 section 5) for questions.
 *
 * @returns what was found; without that, those that have not answered, if any.
 */
export async function firstAnswer<Who, Answer, Found>(
  options: FirstAnswerOptions<Who, Answer, Found>,
): Promise<{ readonly found?: Found; readonly unanswered: readonly Who[] }> {
  const { signal, deadline, clock } = options;
  const finished = new AbortController();
  const open = new Map<Promise<void>, Who>();
  const outcomes: Asked<Who, Answer>[] = [];
  const isOver = () => signal.aborted || clock.now() >= deadline;

  const start = (who: Who) => {
    const attempt = options
      .ask(who, finished.signal)
      .then(
        (answer) => void outcomes.push({ who, answer }),
        (error: unknown) => void outcomes.push({ who, error }),
      )
      .finally(() => open.delete(attempt));
    open.set(attempt, who);
  };
  /** The next outcome, or undefined after a silence. */
  const outcome = async () => {
    if (outcomes.length === 0) {
      const waited = new AbortController();
      const ms = Math.max(0, Math.min(options.silenceMs(), deadline - clock.now()));
      const silence = options.sleep(ms, AbortSignal.any([signal, waited.signal])).catch(() => {});
      await Promise.race([...open.keys(), silence]);
      waited.abort(OVER);
    }
    if (outcomes.length === 0 && isOver()) await options.drain?.();
    return outcomes.shift();
  };

  try {
    for (;;) {
      const who = isOver() ? undefined : options.next();
      if (who !== undefined) start(who);
      else if (open.size === 0 && outcomes.length === 0) break;
      const next = await outcome();
      if (next === undefined && isOver()) break;
      const found = options.take(next);
      if (found !== undefined) return { found, unanswered: [] };
    }
    return { unanswered: [...open.values()] };
  } finally {
    finished.abort(OVER);
  }
}
