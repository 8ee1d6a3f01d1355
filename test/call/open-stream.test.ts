import { expect, test, vi } from "vitest";
import type { Attempt } from "../../src/call/attempt.ts";
import { OpenStream } from "../../src/call/open-stream.ts";
import type { Settler } from "../../src/call/settle.ts";
import { FakeRuntime } from "../support/fake-runtime.ts";

test("a stream that opens after its call is over gives its slot back, once, and waits for no deadline", () => {
  const runtime = new FakeRuntime();
  const aborting = new AbortController();
  const settler = { answered: vi.fn(), cancelled: vi.fn() };
  const attempt = { call: { signal: aborting.signal, remainingMs: () => 1_000 } };
  const openStream = new OpenStream(attempt as unknown as Attempt, settler as unknown as Settler);
  aborting.abort();
  // Until here the attempt's own error would settle it.
  expect(settler.cancelled).not.toHaveBeenCalled();
  openStream.opened(runtime);
  openStream.cancel();
  expect(settler.cancelled).toHaveBeenCalledExactlyOnceWith(attempt);
  expect(settler.answered).not.toHaveBeenCalled();
  expect(runtime.timers).toBe(0);
});
