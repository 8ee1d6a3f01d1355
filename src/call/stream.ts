import type { DescMessage, DescMethodStreaming, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import type { StreamResponse } from "@connectrpc/connect";
import type { Runtime } from "../runtime.ts";
import type { Attempt, Send } from "./attempt.ts";
import { BufferedInput } from "./buffered-input.ts";
import type { Call } from "./call.ts";
import { attemptHeader } from "./call-headers.ts";
import { OpenStream } from "./open-stream.ts";
import type { CallParts } from "./unary.ts";
import { UserCode } from "./user-code.ts";
import { withinLimits } from "./within-limits.ts";

/**
 * A streaming call. Another attempt is made only before `stream()` has resolved, and only if every request message can
 * be sent again; afterwards the stream is its endpoint's until it ends. Servers send their errors behind the response
 * headers (in the end of the stream, in trailers), so a call that is to be repeated for them must peek.
 */
export async function callStream<I extends DescMessage, O extends DescMessage>(
  parts: CallParts,
  call: Call,
  method: DescMethodStreaming<I, O>,
  header: HeadersInit | undefined,
  input: AsyncIterable<MessageInitShape<I>>,
  now = call.startedAt,
): Promise<StreamResponse<I, O>> {
  const { chooser, loop, settler, runtime } = parts;
  const onlyAnswers = method.methodKind === "server_streaming";
  const request = new BufferedInput(input, onlyAnswers);
  const send: Send<StreamResponse<I, O>> = {
    canResend: () => request.canResend,
    async send(attempt: Attempt) {
      const openStream = new OpenStream(attempt, settler);
      attempt.code ??= new UserCode(undefined, false);
      attempt.code.input = request;
      try {
        const response = await bounded(
          attempt.transport.stream(
            method,
            openStream.controller.signal,
            attempt.timeoutMs,
            attemptHeader(parts, call, header),
            request.forAttempt(),
            attempt.code.contextValues(call.contextValues, attempt.endpointState.endpoint),
            attempt,
          ),
          attempt,
        );
        const messages = attempt.code.isBounded ? endingWith(openStream, response.message, runtime) : response.message;
        // Never in a bidirectional stream: its server may wait for the client's next message.
        const message = onlyAnswers && parts.peekStreams ? await bounded(peeked(messages), attempt) : messages;
        openStream.opened(runtime);
        // The rest is the child's: its `trailer` is filled when the stream ends, so the object itself is passed on.
        return { ...response, message: holdingOpen(message, openStream, parts, call) };
      } catch (error) {
        openStream.abandon(error);
        throw error;
      }
    },
  };
  const bounded = <T>(pending: Promise<T>, { code, timeoutMs }: Attempt): Promise<T> =>
    code?.isBounded ? withinLimits(pending, code.limits(call.signal, timeoutMs), runtime) : pending;
  try {
    // Inside an async function: what throws at once rejects too.
    return await loop.run((async () => chooser.first(call, now))(), call, send);
  } catch (error) {
    request.end();
    throw error;
  }
}

/** Messages from code of the user's: their reader does not wait for one when the stream is over. */
function endingWith<T>(openStream: OpenStream, messages: AsyncIterable<T>, runtime: Runtime): AsyncIterable<T> {
  const iterator = messages[Symbol.asyncIterator]();
  const limits = { signal: openStream.controller.signal, timeoutMs: undefined };
  return { [Symbol.asyncIterator]: () => ({ next: () => withinLimits(iterator.next(), limits, runtime) }) };
}

/** The messages, once the first one has come, or their end. Rejects if an error comes before. */
async function peeked<T>(messages: AsyncIterable<T>): Promise<AsyncIterable<T>> {
  const iterator = messages[Symbol.asyncIterator]();
  let first: IteratorResult<T> | undefined = await iterator.next();
  const next = async (): Promise<IteratorResult<T>> => {
    const result = first ?? iterator.next();
    first = undefined;
    return result;
  };
  return { [Symbol.asyncIterator]: () => ({ next }) };
}

/** Cancels an open stream whose messages nobody can read any more. */
const abandoned = new FinalizationRegistry<OpenStream>((openStream) => openStream.cancel());

/** The response messages; they keep the open stream until they end. */
function holdingOpen<T extends DescMessage>(
  messages: AsyncIterable<MessageShape<T>>,
  openStream: OpenStream,
  { loop, runtime }: CallParts,
  call: Call,
): AsyncIterable<MessageShape<T>> {
  const inner = messages[Symbol.asyncIterator]();
  const iterable: AsyncIterable<MessageShape<T>> = {
    [Symbol.asyncIterator]: () => iterator,
  };
  const iterator: AsyncIterator<MessageShape<T>> & { readonly owner: unknown } = {
    // Whoever holds only the iterator still reads: the iterable must live as long.
    owner: iterable,
    next: () =>
      inner.next().then(
        (result) => {
          if (result.done === true) openStream.succeed(runtime.clock.now());
          return result;
        },
        async (error) => {
          const { userError, because } = await openStream.fail(error);
          throw loop.final(userError, call, because);
        },
      ),
    return: async () => {
      openStream.cancel();
      return { done: true, value: undefined };
    },
  };
  abandoned.register(iterable, openStream);
  return iterable;
}
