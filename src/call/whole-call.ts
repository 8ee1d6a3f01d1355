import type {
  DescMessage,
  DescMethod,
  DescMethodStreaming,
  DescMethodUnary,
  MessageInitShape,
} from "@bufbuild/protobuf";
import {
  ConnectError,
  type ContextValues,
  createContextValues,
  type StreamResponse,
  type UnaryResponse,
} from "@connectrpc/connect";
import { createMethodUrl, runStreamingCall } from "@connectrpc/connect/protocol";
import type { ResolvedOptions } from "../config/resolved-options.ts";
import { bracketed } from "../endpoint.ts";
import { intercept } from "../interceptor-chain.ts";
import { LONGEST_TIMER_MS } from "../runtime.ts";
import { callReport } from "../telemetry/call-report.ts";
import { baseUrl } from "./base-url.ts";
import { Call } from "./call.ts";
import { callStream } from "./stream.ts";
import { type CallParts, callUnary } from "./unary.ts";
import { underPolicy } from "./user-policy.ts";
import { whyEnded } from "./why-ended.ts";
import { withinLimits } from "./within-limits.ts";

/** An attempt ends a call by itself, with a report; only interceptors and policies that hang are ended from here. */
const GRACE_MS = 5;

export interface WholeCallOptions {
  readonly settings: ResolvedOptions;
  readonly parts: CallParts;
  readonly target: string;
  /** The resolver's. */
  readonly authority: string | undefined;
}

/** Runs the user's interceptors and policy round a call, all of its attempts together. */
export class WholeCalls {
  readonly #options: WholeCallOptions;
  #baseUrl: string | undefined;

  constructor(options: WholeCallOptions) {
    this.#options = options;
  }

  /** @param limit of the call, in milliseconds, as in Connect. */
  unary<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    signal: AbortSignal | undefined,
    limit: number | undefined,
    header: HeadersInit | undefined,
    input: MessageInitShape<I>,
    contextValues: ContextValues | undefined,
  ): Promise<UnaryResponse<I, O>> {
    const { settings, parts } = this.#options;
    const { interceptors, policy } = settings;
    const { clock } = parts.runtime;
    const startedAt = clock.now();
    let last: Call | undefined;
    const send: SendUnary<I, O> = (callSignal, callHeader, message, values) =>
      underPolicy(policy, callSignal, (policySignal) => {
        last = new Call(method, policySignal, limit, values, startedAt);
        return callUnary(parts, last, method, callHeader, message, clock.now());
      });
    const pending =
      interceptors.length === 0
        ? send(signal, header, input, contextValues)
        : this.#intercepted(method, signal, limit, header, input, contextValues, send);
    return this.#ended(pending, signal, limit, () => last ?? { method, failures: undefined });
  }

  #intercepted<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    signal: AbortSignal | undefined,
    limit: number | undefined,
    header: HeadersInit | undefined,
    message: MessageInitShape<I>,
    contextValues: ContextValues | undefined,
    send: SendUnary<I, O>,
  ): Promise<UnaryResponse<I, O>> {
    const { settings, parts } = this.#options;
    const given = {
      method,
      url: this.#url(method),
      message,
      contextValues: contextValues ?? createContextValues(),
      signal,
      timeoutMs: positive(limit),
      header: () => new Headers(header),
    };
    return intercept(settings.interceptors, given, parts.runtime, (passed) =>
      send(passed.signal, passed.header ?? header, passed.request.message, passed.request.contextValues),
    );
  }

  stream<I extends DescMessage, O extends DescMessage>(
    method: DescMethodStreaming<I, O>,
    signal: AbortSignal | undefined,
    limit: number | undefined,
    header: HeadersInit | undefined,
    input: AsyncIterable<MessageInitShape<I>>,
    contextValues: ContextValues | undefined,
  ): Promise<StreamResponse<I, O>> {
    const { settings, parts } = this.#options;
    const { clock } = parts.runtime;
    const startedAt = clock.now();
    let last: Call | undefined;
    const pending = runStreamingCall<I, O>({
      interceptors: settings.interceptors,
      ...limitsOf(signal, limit),
      req: {
        stream: true,
        service: method.parent,
        method,
        requestMethod: "POST",
        url: this.#url(method),
        header: new Headers(header),
        contextValues: contextValues ?? createContextValues(),
        message: input,
      },
      next: (req) => {
        last = new Call(method, req.signal, limit, req.contextValues, startedAt);
        const messages = req.message as AsyncIterable<MessageInitShape<I>>;
        return callStream(parts, last, method, req.header, messages, clock.now());
      },
    });
    return this.#ended(pending, signal, limit, () => last ?? { method, failures: undefined });
  }

  /** The call's end within its limits. An error that no attempt has reported gets its report here. */
  async #ended<R>(
    pending: Promise<R>,
    signal: AbortSignal | undefined,
    limit: number | undefined,
    last: () => Pick<Call, "method" | "failures">,
  ): Promise<R> {
    const { parts, target } = this.#options;
    try {
      return await withinLimits(pending, { signal, timeoutMs: positive(limit), graceMs: GRACE_MS }, parts.runtime);
    } catch (error) {
      // The error of an interceptor's own call to another target has a report of its own, which says nothing of this one.
      if (typeof error === "object" && error !== null && callReport(error)?.target !== target) {
        const stopped = error instanceof ConnectError ? whyEnded(error, signal, "interceptor") : "interceptor";
        parts.reporter.failed(error, last(), stopped);
      }
      throw error;
    }
  }

  /** The URL that interceptors of the whole call see: it has the verified name, not an endpoint. */
  #url(method: DescMethod): string {
    const { settings, authority } = this.#options;
    const { tls } = settings;
    const named =
      tls !== false && tls.serverName !== undefined && tls.serverName !== "target" ? tls.serverName : undefined;
    this.#baseUrl ??= baseUrl(settings, bracketed(named ?? authority ?? "localhost"));
    return createMethodUrl(this.#baseUrl, method);
  }
}

type SendUnary<I extends DescMessage, O extends DescMessage> = (
  signal: AbortSignal | undefined,
  header: HeadersInit | undefined,
  message: MessageInitShape<I>,
  contextValues: ContextValues | undefined,
) => Promise<UnaryResponse<I, O>>;

/** connect-es takes 0 and below for a deadline that has passed in its `runUnaryCall`, and for none elsewhere. */
function positive(timeoutMs: number | undefined): number | undefined {
  return timeoutMs === undefined || timeoutMs <= 0 ? undefined : Math.min(timeoutMs, LONGEST_TIMER_MS);
}

function limitsOf(signal: AbortSignal | undefined, limit: number | undefined) {
  const timeoutMs = positive(limit);
  return { ...(signal === undefined ? {} : { signal }), ...(timeoutMs === undefined ? {} : { timeoutMs }) };
}
