import { OVER, type Runtime } from "../runtime.ts";
import type { Resolution, ResolveContext, Resolver } from "./resolver.ts";

/** One look-up, all its queries included, is given up after this. */
export const LOOK_UP_LIMIT_MS = 5_000;
/** The resolver's own limit is earlier by this, so that it can still say which of its servers gave no answer. */
const LAST_WORD_MS = 100;

/** Asks a resolver once, within the limit: rejects with what it throws, or when the limit passes, or when `closed` aborts. `servers` takes those that it asks. */
export async function lookUp(
  resolver: Resolver,
  reason: ResolveContext["reason"],
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
