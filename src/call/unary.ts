import type { DescMessage, DescMethodUnary, MessageInitShape } from "@bufbuild/protobuf";
import type { UnaryResponse } from "@connectrpc/connect";
import type { Runtime } from "../runtime.ts";
import type { Attempt, Send } from "./attempt.ts";
import type { Call } from "./call.ts";
import { attemptHeader } from "./call-headers.ts";
import type { EndpointChooser } from "./choose-endpoint.ts";
import type { Reporter } from "./reporter.ts";
import type { RetryLoop } from "./retry-loop.ts";
import type { Settler } from "./settle.ts";
import { withinLimits } from "./within-limits.ts";

/** What a call needs of its surroundings. */
export interface CallParts {
  readonly chooser: EndpointChooser;
  readonly loop: RetryLoop;
  readonly settler: Settler;
  readonly runtime: Runtime;
  readonly reporter: Reporter;
  /** A server-streaming call has begun with its first message, not with its response headers. */
  readonly peekStreams: boolean;
  /** Retries say how many attempts came before them (gRFC A6). */
  readonly countsAttempts: boolean;
}

/**
 * A unary call. The usual one, with a good answer in hand and a warm connection, adds one `.then` to what the
 * endpoint's transport does: no policy is entered, no signal is linked, no timer is set.
 *
 * @param now where something came between the call's start and this.
 */
export function callUnary<I extends DescMessage, O extends DescMessage>(
  parts: CallParts,
  call: Call,
  method: DescMethodUnary<I, O>,
  header: HeadersInit | undefined,
  input: MessageInitShape<I>,
  now = call.startedAt,
): Promise<UnaryResponse<I, O>> {
  let first: Attempt | Promise<Attempt>;
  try {
    first = parts.chooser.first(call, now);
  } catch (error) {
    return Promise.reject(parts.loop.unstarted(error, call));
  }
  if (first instanceof Promise || first.connecting !== undefined) {
    return parts.loop.run(first, call, sender(parts, method, header, input));
  }
  return sendWarm(parts, first, method, header, input);
}

function sendWarm<I extends DescMessage, O extends DescMessage>(
  parts: CallParts,
  attempt: Attempt,
  method: DescMethodUnary<I, O>,
  header: HeadersInit | undefined,
  input: MessageInitShape<I>,
): Promise<UnaryResponse<I, O>> {
  const resend = () => sender(parts, method, header, input);
  const recover = (error: unknown) => parts.loop.recover(attempt, error, resend());
  attempt.resend = resend;
  try {
    return sendOnce(parts, attempt, method, header, input).then((response) => {
      parts.settler.succeeded(attempt, attempt.startedAt);
      return response;
    }, recover);
  } catch (error) {
    return recover(error);
  }
}

function sender<I extends DescMessage, O extends DescMessage>(
  parts: CallParts,
  method: DescMethodUnary<I, O>,
  header: HeadersInit | undefined,
  input: MessageInitShape<I>,
): Send<UnaryResponse<I, O>> {
  return {
    async send(attempt) {
      const headers = attemptHeader(parts, attempt.call, header);
      const response = await sendOnce(parts, attempt, method, headers, input);
      parts.settler.succeeded(attempt, attempt.startedAt);
      return response;
    },
    // The input message is kept by the caller's frame, whatever became of an attempt.
    canResend: () => true,
  };
}

function sendOnce<I extends DescMessage, O extends DescMessage>(
  { runtime }: CallParts,
  attempt: Attempt,
  method: DescMethodUnary<I, O>,
  header: HeadersInit | undefined,
  input: MessageInitShape<I>,
): Promise<UnaryResponse<I, O>> {
  const { call, transport, timeoutMs, code } = attempt;
  if (code === undefined) {
    return transport.unary(method, call.signal, timeoutMs, header, input, call.callersValues, attempt);
  }
  const values = code.contextValues(call.contextValues, attempt.endpointState.endpoint);
  const response = transport.unary(method, call.signal, timeoutMs, header, input, values, attempt);
  return withinLimits(response, code.limits(call.signal, timeoutMs), runtime);
}
