import { isTimeLimit, withTimeLimit } from "../resilience/policies.ts";
import { elapsedMs, isWithin, OVER, type Runtime } from "../runtime.ts";
import type { Resolution, ResolveContext, Resolver } from "./resolver.ts";

/** One look-up, all its queries included, is given up after this. */
export const LOOK_UP_LIMIT_MS = 5_000;
/** The resolver's own limit is earlier by this, so that it can still say which of its servers gave no answer. */
const LAST_WORD_MS = 100;
/**
 * One that still runs by then was frozen with the process: its timer would have ended it. What it asked is lost, so that
 * it would fail whoever joins it. The rest is for a busy event loop, whose timers are late.
 */
const FROZEN_AFTER_MS = LOOK_UP_LIMIT_MS + 250;

type Reason = ResolveContext["reason"];

/** A look-up that has ended. */
export interface EndedLookUp {
  readonly reason: Reason;
  readonly durationMs: number;
  /** Those that the resolver said it asked. */
  readonly servers: readonly string[];
}

/** What a look-up came to. */
export type LookUpResult =
  | Resolution
  | {
      readonly kind: "failed";
      readonly error: unknown;
      /** At its limit, where the process was frozen beyond that. */
      readonly failedAt: number;
    };

/** Notified of what look-ups come to, before those who wait for them go on. */
export interface LookUpsListener {
  /** Must not throw. */
  onEnd(result: LookUpResult, ended: EndedLookUp): void;
  /** All of what the last result had a part of. Where this throws, that part is all that there is. */
  onRest(whole: Resolution): void;
}

/** The look-ups of one resolver: one at a time, for all who wait for it. */
export class LookUps {
  readonly #resolver: Resolver;
  readonly #runtime: Runtime;
  readonly #listener: LookUpsListener;
  readonly #closed = new AbortController();
  #running: Promise<void> | undefined;
  #startedAt = Number.NEGATIVE_INFINITY;
  /** How many were started. What an overtaken one finds is dropped. */
  #started = 0;

  constructor(resolver: Resolver, runtime: Runtime, listener: LookUpsListener) {
    this.#resolver = resolver;
    this.#runtime = runtime;
    this.#listener = listener;
  }

  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  /** When the last one was started. */
  get startedAt(): number {
    return this.#startedAt;
  }

  /** False if one is under way already. In place of one that was frozen another one is started, for all who wait. */
  start(reason: Reason, now: number): boolean {
    if (this.#running !== undefined && isWithin(FROZEN_AFTER_MS, this.#startedAt, now)) return false;
    this.#startedAt = now;
    this.#running = this.#run(reason, ++this.#started);
    return true;
  }

  /** Waits for the one that is under way, up to `ms`; rejects only when the signal aborts. */
  async wait(ms: number, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    const running = this.#running;
    if (running === undefined || ms <= 0) return;
    try {
      await withTimeLimit(Math.min(ms, 2 * FROZEN_AFTER_MS), running, signal);
    } catch (error) {
      signal?.throwIfAborted();
      if (!isTimeLimit(error)) throw error;
    }
  }

  close(): void {
    this.#closed.abort(new Error("the transport was closed"));
  }

  /** Never rejects. */
  async #run(reason: Reason, number: number): Promise<void> {
    const { clock } = this.#runtime;
    const startedAt = clock.now();
    const servers = new Set<string>();
    const result = await lookUp(this.#resolver, reason, this.#runtime, this.#closed.signal, servers).catch(
      (error: unknown) => {
        const failedAt = Math.min(clock.now(), startedAt + LOOK_UP_LIMIT_MS);
        return { kind: "failed", error, failedAt } as const;
      },
    );
    // Those who have waited for it wait for the one that took its place.
    if (number !== this.#started) return this.#running;
    this.#running = undefined;
    const durationMs = elapsedMs(startedAt, clock.now());
    this.#listener.onEnd(result, { reason, durationMs, servers: [...servers] });
    if (result.kind === "endpoints" && result.rest !== undefined) void this.#waitForRest(result.rest, number);
  }

  /** Never rejects: without the rest, what is known goes on serving. */
  async #waitForRest(rest: Promise<Resolution>, number: number): Promise<void> {
    await rest.then((whole) => number === this.#started && this.#listener.onRest(whole)).catch(() => {});
  }
}

/** Asks a resolver once, within the limit: rejects with what it throws, or when the limit passes, or when `closed` aborts. `servers` takes those that it asks. */
export async function lookUp(
  resolver: Resolver,
  reason: Reason,
  runtime: Runtime,
  closed: AbortSignal,
  servers: Set<string> = new Set(),
): Promise<Resolution> {
  const { clock, random } = runtime;
  const done = new AbortController();
  const expired = new AbortController();
  const onClose = () => expired.abort(closed.reason);
  closed.addEventListener("abort", onClose, { once: true });
  // The timer holds no process: a call that waits does that with its own.
  runtime.sleep(LOOK_UP_LIMIT_MS, done.signal, true).then(
    () => expired.abort(new Error(`no answer within ${LOOK_UP_LIMIT_MS} ms`)),
    () => {},
  );
  const aborted = new Promise<never>((_, reject) => {
    expired.signal.addEventListener("abort", () => reject(expired.signal.reason), { once: true });
  });
  const context = {
    signal: expired.signal,
    deadline: clock.now() + LOOK_UP_LIMIT_MS - LAST_WORD_MS,
    clock,
    random,
    sleep: (ms: number, signal?: AbortSignal) => runtime.sleep(ms, signal, true),
    reason,
    asked: (server: string) => void servers.add(server),
  };
  const end = () => {
    done.abort(OVER);
    closed.removeEventListener("abort", onClose);
  };
  try {
    // A resolver that throws where it should reject fails like any other.
    const asked = (async () => resolver.resolve(context))();
    const found = await Promise.race([asked, aborted]);
    if (found.kind !== "endpoints" || found.rest === undefined) {
      end();
      return found;
    }
    const rest = Promise.race([found.rest, aborted]).finally(end);
    rest.catch(() => {});
    return { ...found, rest };
  } catch (error) {
    end();
    throw error;
  }
}
