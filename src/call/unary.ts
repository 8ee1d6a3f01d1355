import type { DescMessage, DescMethodUnary, MessageInitShape } from "@bufbuild/protobuf";
import { ConnectError, type UnaryResponse } from "@connectrpc/connect";
import type { Runtime } from "../runtime.ts";
import type { Attempt } from "./attempt.ts";
import type { AttemptLoop, Send } from "./attempt-loop.ts";
import type { Call } from "./call.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { Judge } from "./verdict.ts";

/** What a call needs of its surroundings. */
export interface CallParts {
  readonly dispatcher: Dispatcher;
  readonly loop: AttemptLoop;
  readonly judge: Judge;
  readonly runtime: Runtime;
}

/**
 * A unary call. The usual one, with a good answer in hand and a warm connection, adds one `.then` to what the
 * endpoint's transport does: no policy is entered, no signal is linked, no timer is set.
 */
export function callUnary<I extends DescMessage, O extends DescMessage>(
  { dispatcher, loop, judge }: CallParts,
  call: Call,
  method: DescMethodUnary<I, O>,
  header: HeadersInit | undefined,
  input: MessageInitShape<I>,
): Promise<UnaryResponse<I, O>> {
  const send = ({ transport, timeoutMs }: Attempt) =>
    transport.unary(method, call.signal, timeoutMs, header, input, call.contextValues);
  let attempt: Attempt;
  let sent: Promise<UnaryResponse<I, O>>;
  try {
    const first = dispatcher.first(call, call.startedAt);
    if (first instanceof Promise || first.connecting !== undefined) {
      return loop.run(first, call, settling(send, judge));
    }
    attempt = first;
  } catch (error) {
    return Promise.reject(loop.final(ConnectError.from(error), call));
  }
  try {
    sent = send(attempt);
  } catch (error) {
    return loop.recover(attempt, error, settling(send, judge));
  }
  return sent.then(
    (response) => {
      judge.succeeded(attempt, attempt.startedAt);
      return response;
    },
    (error) => loop.recover(attempt, error, settling(send, judge)),
  );
}

function settling<R>(send: (attempt: Attempt) => Promise<R>, judge: Judge): Send<R> {
  return {
    send: async (attempt) => {
      const response = await send(attempt);
      judge.succeeded(attempt, attempt.startedAt);
      return response;
    },
    // The input message is kept by the caller's frame, whatever became of an attempt.
    replayable: () => true,
  };
}
