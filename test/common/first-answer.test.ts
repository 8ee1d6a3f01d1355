import { expect, test } from "vitest";
import { firstAnswer } from "../../src/common/first-answer.ts";
import { FakeRuntime } from "../support/fake-runtime.ts";

// Who is asked when, and whose answer counts. Time passes when a test says so.

const SILENCE_MS = 100;
const DEADLINE_MS = 1_000;

/** What one of those that are asked does: answers or fails after some milliseconds or when drained, or says nothing. */
type Peer = { readonly afterMs?: number; readonly answer?: string; readonly error?: string } | "silent";

/** Asks these in their order. "wrong" is an answer that is not good enough. */
async function asking(peers: readonly Peer[], { abortAfterMs = Number.POSITIVE_INFINITY } = {}) {
  const runtime = new FakeRuntime();
  const startedAt = runtime.time;
  const untried = peers.entries();
  const askedAt: number[] = [];
  const aborted: unknown[] = [];
  const caller = new AbortController();
  if (abortAfterMs < Number.POSITIVE_INFINITY) void runtime.sleep(abortAfterMs).then(() => caller.abort());
  let drain = () => {};
  const drained = new Promise<void>((resolve) => {
    drain = resolve;
  });
  const result = firstAnswer<number, string, string>({
    next: () => {
      const [index] = untried.next().value ?? [];
      return index;
    },
    async ask(index, signal) {
      askedAt.push(runtime.time - startedAt);
      signal.addEventListener("abort", () => aborted.push(index));
      const peer = peers[index] as Peer;
      if (peer === "silent") return new Promise<never>(() => {});
      await (peer.afterMs === undefined ? drained : runtime.sleep(peer.afterMs, signal));
      if (peer.error !== undefined) throw new Error(peer.error);
      return peer.answer ?? "";
    },
    take(asked) {
      if (asked?.answer === "fatal") throw new Error("fatal");
      return asked?.answer === "wrong" ? undefined : asked?.answer;
    },
    silenceMs: () => SILENCE_MS,
    signal: caller.signal,
    deadline: startedAt + DEADLINE_MS,
    clock: runtime.clock,
    sleep: runtime.sleep,
    async drain() {
      drain();
      await runtime.sleep(0);
    },
  });
  let end: { readonly endedAt: number; readonly timers: number } | undefined;
  const ended = result.then(
    ({ found, unanswered }) => ({ found, unanswered, error: undefined }),
    (error: Error) => ({ found: undefined, unanswered: undefined, error: error.message }),
  );
  void ended.then(() => {
    end = { endedAt: runtime.time - startedAt, timers: runtime.timers };
  });
  await runtime.advance(2 * DEADLINE_MS);
  return { ...(await ended), ...end, askedAt, aborted };
}

test("the first one is enough where it answers in time", async () => {
  const { found, askedAt, endedAt } = await asking([{ afterMs: 99, answer: "A" }, "silent"]);
  expect({ found, askedAt, endedAt }).toEqual({ found: "A", askedAt: [0], endedAt: 99 });
});

test("another one is asked at once where one fails, or answers what is not good enough", async () => {
  const { found, askedAt } = await asking([
    { afterMs: 10, error: "refused" },
    { afterMs: 20, answer: "wrong" },
    { afterMs: 5, answer: "C" },
  ]);
  expect({ found, askedAt }).toEqual({ found: "C", askedAt: [0, 10, 30] });
});

test("another one is asked after a silence, and a late answer of those before it counts", async () => {
  const { found, askedAt, endedAt } = await asking([{ afterMs: 250, answer: "late" }, "silent", "silent", "silent"]);
  expect({ found, askedAt, endedAt }).toEqual({ found: "late", askedAt: [0, 100, 200], endedAt: 250 });
});

test("where all have failed, it ends", async () => {
  const { found, unanswered, endedAt } = await asking([
    { afterMs: 10, error: "refused" },
    { afterMs: 10, error: "refused" },
  ]);
  expect({ found, unanswered, endedAt }).toEqual({ found: undefined, unanswered: [], endedAt: 20 });
});

test("with nobody left to ask, those that are open are waited for until the deadline, and named", async () => {
  const { found, unanswered, endedAt } = await asking(["silent", { afterMs: 50, error: "refused" }, "silent"]);
  expect({ found, unanswered, endedAt }).toEqual({ found: undefined, unanswered: [0, 2], endedAt: DEADLINE_MS });
});

test("what has arrived at the deadline counts, and nobody else is asked", async () => {
  const others = new Array<Peer>(20).fill("silent");
  const good = await asking([{ answer: "A" }, ...others]);
  expect(good).toMatchObject({ found: "A", endedAt: DEADLINE_MS });
  const bad = await asking([{ error: "refused" }, ...others]);
  expect(bad).toMatchObject({ found: undefined, unanswered: [1, 2, 3, 4, 5, 6, 7, 8, 9], endedAt: DEADLINE_MS });
  expect(bad.askedAt).toHaveLength(10);
});

test("nobody is asked after an abort", async () => {
  const { unanswered, askedAt, endedAt } = await asking(["silent", "silent", "silent"], { abortAfterMs: 150 });
  expect({ unanswered, askedAt, endedAt }).toEqual({ unanswered: [0, 1], askedAt: [0, 100], endedAt: 150 });
});

test("an answer that ends it all, by what take() throws", async () => {
  expect(await asking([{ afterMs: 10, answer: "fatal" }, "silent"])).toMatchObject({ error: "fatal", askedAt: [0] });
});

test.each<[string, readonly Peer[]]>([
  ["an answer", ["silent", { afterMs: 10, answer: "B" }]],
  ["failures", [{ afterMs: 10, error: "refused" }]],
  ["silence", ["silent", "silent"]],
])("after %s, everything that was asked is aborted, and no timer is left", async (_, peers) => {
  const { aborted, askedAt, timers } = await asking(peers);
  expect(aborted).toHaveLength(askedAt.length);
  expect(timers).toBe(0);
});
