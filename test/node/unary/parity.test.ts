import { expect, test } from "vitest";
import { connectAnswers } from "./connect-answers.ts";
import { grpcAnswers } from "./grpc-answers.ts";
import { observe } from "./parity-case.ts";
import { nameOf } from "./paths.ts";
import { requests } from "./requests.ts";

// Unary calls over HTTP/2 end alike on the own path and on connect-node's: for the caller, for the server, and in what
// they leave behind. Where the own path is to be different, the case says so.

test.each([...connectAnswers(), ...grpcAnswers(), ...requests()])("$name: $ends", async (parityCase) => {
  const standard = await observe("connect-node", parityCase);
  const own = await observe("own", parityCase);
  expect.soft(nameOf(own.end)).toBe(parityCase.ends);
  expect(withoutPorts(own)).toEqual(withoutPorts(parityCase.differs?.(standard) ?? standard));
  expect(own.left).toEqual({ listeners: 0, timers: 0 });
});

/** Each server has a port of its own. */
function withoutPorts<T>(observed: T): T {
  return JSON.parse(JSON.stringify(observed).replace(/127\.0\.0\.1:\d+/g, "127.0.0.1")) as T;
}
