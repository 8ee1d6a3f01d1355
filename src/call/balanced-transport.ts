import type {
  DescMessage,
  DescMethod,
  DescMethodStreaming,
  DescMethodUnary,
  MessageInitShape,
} from "@bufbuild/protobuf";
import {
  type ConnectError,
  type ContextValues,
  createContextValues,
  type StreamResponse,
  type Transport,
  type UnaryResponse,
} from "@connectrpc/connect";
import { createMethodUrl, runStreamingCall, runUnaryCall } from "@connectrpc/connect/protocol";
import type { Settings } from "../config/settings.ts";
import type { Resolver } from "../discovery/resolver.ts";
import { invalidCall, transportClosed } from "../errors.ts";
import type { Platform } from "../platform.ts";
import { quoted } from "../quoted.ts";
import { LONGEST_TIMER_MS } from "../runtime.ts";
import { type Snapshot, takeSnapshot } from "../telemetry/snapshot.ts";
import { type Assembly, assemble } from "./assemble.ts";
import { Call } from "./call.ts";
import type { Resolvers } from "./directories.ts";
import { headerProblem } from "./headers.ts";
import { registerTransport } from "./live-transports.ts";
import { underPolicy } from "./policy.ts";
import { callStream } from "./stream.ts";
import { callUnary } from "./unary.ts";
import { type WarmUpOptions, warmUp } from "./warm-up.ts";
import { withinLimits } from "./within-limits.ts";

/** A Connect transport that finds its own servers. Creating one does no I/O; nobody needs to close it. */
export interface BalancedTransport extends Transport {
  /** What the transport knows now: the endpoints, their health and load, the age of the answer. Plain JSON. */
  snapshot(): Snapshot;
  /**
   * Looks up now, whatever the age of the answer.
   * @throws what the look-up failed with; the signal's reason if it aborts.
   */
  refresh(options?: { readonly signal?: AbortSignal }): Promise<void>;
  /**
   * Looks up and connects, for instance in a Lambda's init phase, so that the first call finds warm connections.
   * Over HTTP/1.1 it looks up only: connections are made by calls there.
   *
   * @throws ConnectError if nothing can be looked up or no endpoint can be reached.
   */
  warmUp(options?: WarmUpOptions): Promise<void>;
  /** New calls fail with `Unavailable`; running ones finish. */
  close(): void;
  /** The same as `close()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** An attempt ends a call by itself, with a report; only interceptors and policies that hang are ended from here. */
const GRACE_MS = 5;

/** Made by `create.ts`, from checked options. */
export class Balanced implements BalancedTransport {
  readonly #settings: Settings;
  readonly #resolver: Resolver;
  readonly #parts: Assembly;
  readonly #close: () => void;
  #closed = false;

  constructor(settings: Settings, resolvers: Resolvers, platform: Platform) {
    this.#settings = settings;
    this.#resolver = resolvers.resolver;
    this.#parts = assemble(settings, resolvers, platform);
    const { directory, pool } = this.#parts;
    this.#close = registerTransport({
      owner: this.#parts,
      target: resolvers.resolver.target,
      close() {
        directory.close();
        pool.close();
      },
      emit: settings.emit,
    });
  }

  unary<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    signal: AbortSignal | undefined,
    timeoutMs: number | undefined,
    header: HeadersInit | undefined,
    input: MessageInitShape<I>,
    contextValues?: ContextValues,
  ): Promise<UnaryResponse<I, O>> {
    const { interceptors, policy, defaultTimeoutMs } = this.#settings;
    const limit = timeoutMs ?? defaultTimeoutMs;
    const problem = this.#problem(limit, header);
    if (problem !== undefined) return Promise.reject(problem);
    const { runtime } = this.#parts;
    const startedAt = runtime.clock.now();
    if (interceptors.length === 0 && policy === undefined) {
      return callUnary(this.#parts, new Call(method, signal, limit, contextValues, startedAt), method, header, input);
    }
    const send = (
      callSignal: AbortSignal | undefined,
      callHeader: HeadersInit | undefined,
      message: MessageInitShape<I>,
      values: ContextValues | undefined,
    ): Promise<UnaryResponse<I, O>> =>
      underPolicy(policy, callSignal, (policySignal) => {
        const call = new Call(method, policySignal, limit, values, startedAt);
        return callUnary(this.#parts, call, method, callHeader, message, runtime.clock.now());
      });
    const pending =
      interceptors.length === 0
        ? send(signal, header, input, contextValues)
        : runUnaryCall<I, O>({
            interceptors,
            ...limitsOf(signal, limit),
            req: { ...this.#request(method, header, contextValues), stream: false, method, message: input },
            next: (req) => send(req.signal, req.header, req.message as MessageInitShape<I>, req.contextValues),
          });
    return withinLimits(pending, { signal, timeoutMs: positive(limit), graceMs: GRACE_MS }, runtime);
  }

  stream<I extends DescMessage, O extends DescMessage>(
    method: DescMethodStreaming<I, O>,
    signal: AbortSignal | undefined,
    timeoutMs: number | undefined,
    header: HeadersInit | undefined,
    input: AsyncIterable<MessageInitShape<I>>,
    contextValues?: ContextValues,
  ): Promise<StreamResponse<I, O>> {
    const { interceptors, defaultTimeoutMs } = this.#settings;
    const limit = timeoutMs ?? defaultTimeoutMs;
    const problem = this.#problem(limit, header);
    if (problem !== undefined) return Promise.reject(problem);
    const { runtime } = this.#parts;
    const startedAt = runtime.clock.now();
    const send = (
      callSignal: AbortSignal | undefined,
      callHeader: HeadersInit | undefined,
      messages: AsyncIterable<MessageInitShape<I>>,
      values: ContextValues | undefined,
    ): Promise<StreamResponse<I, O>> => {
      const call = new Call(method, callSignal, limit, values, startedAt);
      return callStream(this.#parts, call, method, callHeader, messages, runtime.clock.now());
    };
    if (interceptors.length === 0) return send(signal, header, input, contextValues);
    const pending = runStreamingCall<I, O>({
      interceptors,
      ...limitsOf(signal, limit),
      req: { ...this.#request(method, header, contextValues), stream: true, method, message: input },
      next: (req) => send(req.signal, req.header, req.message as AsyncIterable<MessageInitShape<I>>, req.contextValues),
    });
    return withinLimits(pending, { signal, timeoutMs: positive(limit), graceMs: GRACE_MS }, runtime);
  }

  snapshot(): Snapshot {
    const { first, fallback, pool, budget, runtime } = this.#parts;
    return takeSnapshot(first, fallback, pool, budget, runtime.clock.now());
  }

  async refresh({ signal }: { readonly signal?: AbortSignal } = {}): Promise<void> {
    if (this.#closed) throw transportClosed();
    const { directory, dispatcher, runtime } = this.#parts;
    await directory.refresh(signal);
    // Now rather than with the next call, so that snapshot() shows it.
    const { answer } = directory;
    if (answer !== undefined && answer.endpoints.length > 0) dispatcher.eligible(answer, runtime.clock.now());
  }

  async warmUp(options: WarmUpOptions = {}): Promise<void> {
    if (this.#closed) throw transportClosed();
    await warmUp(this.#parts, options, this.#settings.connectTimeoutMs);
  }

  close(): void {
    this.#closed = true;
    this.#close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  /** Why a call cannot even be started. */
  #problem(timeoutMs: number | undefined, header: HeadersInit | undefined): ConnectError | undefined {
    if (this.#closed) return transportClosed();
    if (timeoutMs !== undefined && (typeof timeoutMs !== "number" || Number.isNaN(timeoutMs))) {
      return invalidCall(
        `timeoutMs must be a number of milliseconds, not ${typeof timeoutMs === "string" ? quoted(timeoutMs) : String(timeoutMs)}`,
      );
    }
    const problem = header === undefined ? undefined : headerProblem(header);
    return problem === undefined ? undefined : invalidCall(problem);
  }

  /** The request as interceptors of the whole call see it: the URL shows the verified name, not an endpoint. */
  #request(method: DescMethod, header: HeadersInit | undefined, contextValues: ContextValues | undefined) {
    const { tls, pathPrefix } = this.#settings;
    const named =
      tls !== false && tls.serverName !== undefined && tls.serverName !== "target" ? tls.serverName : undefined;
    const host = named ?? this.#resolver.authority ?? "localhost";
    const baseUrl = `${tls === false ? "http" : "https"}://${host.includes(":") ? `[${host}]` : host}${pathPrefix}`;
    return {
      service: method.parent,
      requestMethod: "POST",
      url: createMethodUrl(baseUrl, method),
      header: new Headers(header),
      contextValues: contextValues ?? createContextValues(),
    };
  }
}

/** connect-es takes 0 and below for a deadline that has passed in its `runUnaryCall`, and for none elsewhere. */
function positive(timeoutMs: number | undefined): number | undefined {
  return timeoutMs === undefined || timeoutMs <= 0 ? undefined : Math.min(timeoutMs, LONGEST_TIMER_MS);
}

function limitsOf(signal: AbortSignal | undefined, limit: number | undefined) {
  const timeoutMs = positive(limit);
  return { ...(signal === undefined ? {} : { signal }), ...(timeoutMs === undefined ? {} : { timeoutMs }) };
}
