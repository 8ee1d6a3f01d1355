// transport/ is what users hold: it creates a balanced transport from its options, joins the parts of one
// (`assemble.ts` reads as the way of a call), keeps its endpoints in step with the answers of its targets, and closes
// it. It may know every room but Node's. It must not decide anything about an attempt: call/ does.

import type {
  DescMessage,
  DescMethod,
  DescMethodStreaming,
  DescMethodUnary,
  MessageInitShape,
} from "@bufbuild/protobuf";
import type { ConnectError, ContextValues, StreamResponse, Transport, UnaryResponse } from "@connectrpc/connect";
import { Call } from "../call/call.ts";
import { callersFields } from "../call/call-headers.ts";
import { callStream } from "../call/stream.ts";
import { callUnary } from "../call/unary.ts";
import { WholeCalls } from "../call/whole-call.ts";
import { quotedUnlessSecret } from "../common/secret.ts";
import type { ResolvedOptions } from "../config/resolved-options.ts";
import { invalidCall, transportClosed } from "../errors.ts";
import type { HeaderFields } from "../net/header-fields.ts";
import type { Platform } from "../platform.ts";
import { type Snapshot, takeSnapshot } from "../telemetry/snapshot.ts";
import { type Assembly, assemble } from "./assemble.ts";
import { registerTransport } from "./live-transports.ts";
import type { Resolvers } from "./target-resolvers.ts";
import { type WarmUpOptions, warmUp } from "./warm-up.ts";

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

/** Made by `create.ts`, from checked options. */
export class Balanced implements BalancedTransport {
  readonly #settings: ResolvedOptions;
  readonly #parts: Assembly;
  readonly #wholeCalls: WholeCalls;
  readonly #close: () => void;
  #closed = false;

  constructor(settings: ResolvedOptions, resolvers: Resolvers, platform: Platform) {
    this.#settings = settings;
    this.#parts = assemble(settings, resolvers, platform);
    const { target, authority } = resolvers.resolver;
    this.#wholeCalls = new WholeCalls({ settings, parts: this.#parts, target, authority });
    const { answers, pool } = this.#parts;
    this.#close = registerTransport({
      owner: this.#parts,
      target,
      close() {
        answers.close();
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
    const fields = header === undefined ? undefined : callersFields(header);
    const problem = this.#problem(method, limit, fields);
    if (problem !== undefined || typeof fields === "string") return Promise.reject(problem);
    if (interceptors.length > 0 || policy !== undefined) {
      return this.#wholeCalls.unary(method, signal, limit, fields, input, contextValues);
    }
    const call = new Call(method, signal, limit, contextValues, this.#parts.runtime.clock.now());
    return callUnary(this.#parts, call, method, fields, input);
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
    const fields = header === undefined ? undefined : callersFields(header);
    const problem = this.#problem(method, limit, fields);
    if (problem !== undefined || typeof fields === "string") return Promise.reject(problem);
    if (interceptors.length > 0) {
      return this.#wholeCalls.stream(method, signal, limit, fields, input, contextValues);
    }
    const call = new Call(method, signal, limit, contextValues, this.#parts.runtime.clock.now());
    return callStream(this.#parts, call, method, fields, input);
  }

  snapshot(): Snapshot {
    const { first, fallback, pool, budget, runtime } = this.#parts;
    return takeSnapshot(first, fallback, pool, budget, runtime.clock.now());
  }

  async refresh({ signal }: { readonly signal?: AbortSignal } = {}): Promise<void> {
    if (this.#closed) throw transportClosed();
    await this.#parts.answers.refresh(signal);
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
  #problem(
    method: DescMethod,
    timeoutMs: number | undefined,
    fields: HeaderFields | string | undefined,
  ): ConnectError | undefined {
    const problem = this.#closed ? transportClosed() : invalidRequest(timeoutMs, fields);
    if (problem !== undefined) {
      this.#parts.reporter.failed(problem, { method, failures: undefined }, this.#closed ? "closed" : "request");
    }
    return problem;
  }
}

/** Three years: what is more was meant as a moment, in milliseconds since 1970, as grpc-js has its deadlines. */
const LONGEST_DURATION_MS = 1e11;

/** @param fields the call's headers, or what is wrong with them. */
function invalidRequest(
  timeoutMs: number | undefined,
  fields: HeaderFields | string | undefined,
): ConnectError | undefined {
  if (timeoutMs !== undefined && (typeof timeoutMs !== "number" || Number.isNaN(timeoutMs))) {
    return invalidCall(
      `timeoutMs must be a number of milliseconds, not ${typeof timeoutMs === "string" ? quotedUnlessSecret(timeoutMs) : String(timeoutMs)}`,
    );
  }
  if (timeoutMs !== undefined && timeoutMs > LONGEST_DURATION_MS && timeoutMs !== Number.POSITIVE_INFINITY) {
    return invalidCall(
      `timeoutMs is a duration in milliseconds, not a timestamp: write timestamp - Date.now(), not ${timeoutMs}`,
    );
  }
  return typeof fields === "string" ? invalidCall(fields) : undefined;
}
