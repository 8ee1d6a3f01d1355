import type { ClientHttp2Stream, IncomingHttpHeaders, IncomingHttpStatusHeader } from "node:http2";
import type { DescMessage } from "@bufbuild/protobuf";
import { Code, ConnectError, type UnaryResponse } from "@connectrpc/connect";
import { abortedBy, deadlineExceeded } from "../../errors.ts";
import { causesOf, factAmong, recordFact } from "../../resilience/failure-facts.ts";
import { timerMs } from "../../runtime.ts";
import type { Exchange } from "../exchange.ts";
import { Http2Code } from "../http2-codes.ts";
import { errorOfReset, errorOfStream } from "./stream-errors.ts";

/** The headers of a response, as `node:http2` gives them. */
export type ResponseHeaders = IncomingHttpHeaders & IncomingHttpStatusHeader;

/** What a call reads of its response, as its protocol has it. */
export interface ResponseReader<I extends DescMessage, O extends DescMessage> {
  /** The longest body that it takes, in bytes. */
  readonly mostBytes: number;
  /** The response headers have come. @throws ConnectError if the call has failed with them. */
  begin(headers: ResponseHeaders): void;
  trailers(trailers: IncomingHttpHeaders): void;
  /** The body is complete. A promise only where it is compressed. @throws ConnectError if the call has failed. */
  end(body: Uint8Array): UnaryResponse<I, O> | Promise<UnaryResponse<I, O>>;
}

interface Settle<R> {
  resolve(response: R): void;
  reject(error: unknown): void;
}

const NO_BYTES = new Uint8Array(0);

/**
 * One unary call on an HTTP/2 stream: from the moment it may be sent until it is settled, once. The stream is its
 * connection's (`Http2Connection`), which says what became of the request; this listens to what it answers.
 */
export class UnaryCall<I extends DescMessage, O extends DescMessage> {
  readonly #exchange: Exchange;
  readonly #reader: ResponseReader<I, O>;
  readonly #signal: AbortSignal | undefined;
  /** Undefined once it is settled. */
  #settle: Settle<UnaryResponse<I, O>> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #stream: ClientHttp2Stream | undefined;
  #first: Buffer | undefined;
  #more: Buffer[] | undefined;
  #bytes = 0;
  #isComplete = false;

  constructor(exchange: Exchange, reader: ResponseReader<I, O>, signal: AbortSignal | undefined) {
    this.#exchange = exchange;
    this.#reader = reader;
    this.#signal = signal;
  }

  /**
   * Begins the call's time.
   *
   * @param timeoutMs undefined for no limit.
   */
  run(timeoutMs: number | undefined): Promise<UnaryResponse<I, O>> {
    const response = new Promise<UnaryResponse<I, O>>((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    this.#signal?.addEventListener("abort", this.#onAbort);
    if (timeoutMs !== undefined) this.#timer = setTimeout(this.#onTimeout, timerMs(timeoutMs));
    return response;
  }

  /** It has been answered, or has failed. */
  get isOver(): boolean {
    return this.#settle === undefined;
  }

  /**
   * Sends it.
   *
   * @param body undefined for a request without one.
   */
  send(stream: ClientHttp2Stream, body: Uint8Array | undefined): void {
    if (this.isOver) {
      stream.close(Http2Code.CANCEL);
      return;
    }
    this.#stream = stream;
    stream.on("response", this.#onResponse);
    stream.on("trailers", this.#onTrailers);
    stream.on("data", this.#onData);
    stream.on("end", this.#onEnd);
    stream.on("error", this.#onError);
    stream.on("close", this.#onClose);
    if (body !== undefined) stream.end(body);
  }

  /** Ends it with an error, and its stream if that goes on. */
  readonly fail = (error: unknown): void => {
    const settle = this.#over();
    if (settle === undefined) return;
    const { hasResponse, isForeign } = this.#exchange;
    const isWireError = error instanceof ConnectError && error.isWireError;
    if (!isWireError && factAmong(causesOf(error)) === undefined && !isOfCaller(error)) {
      if (!hasResponse) recordFact(error, "unsendable");
      else if (isForeign) recordFact(error, "foreign");
    }
    // Once it is closed or destroyed this does nothing.
    this.#stream?.close(Http2Code.CANCEL);
    settle.reject(error);
  };

  #over(): Settle<UnaryResponse<I, O>> | undefined {
    const settle = this.#settle;
    if (settle === undefined) return undefined;
    this.#settle = undefined;
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener("abort", this.#onAbort);
    return settle;
  }

  readonly #onAbort = (): void => this.fail(abortedBy(this.#signal as AbortSignal));

  readonly #onTimeout = (): void => this.fail(deadlineExceeded());

  readonly #onResponse = (headers: ResponseHeaders): void => {
    if (this.isOver) return;
    try {
      this.#reader.begin(headers);
    } catch (error) {
      this.fail(error);
    }
  };

  readonly #onTrailers = (trailers: IncomingHttpHeaders): void => this.#reader.trailers(trailers);

  readonly #onData = (chunk: Buffer): void => {
    if (this.isOver) return;
    this.#bytes += chunk.length;
    if (this.#bytes > this.#reader.mostBytes) {
      this.fail(tooLong(this.#reader.mostBytes));
    } else if (this.#first === undefined) {
      this.#first = chunk;
    } else {
      this.#more ??= [this.#first];
      this.#more.push(chunk);
    }
  };

  readonly #onEnd = (): void => {
    // What was reset ends as well; "error" or "close" follows and tells why.
    if (this.isOver || this.#stream?.rstCode !== Http2Code.NO_ERROR || !this.#exchange.hasResponse) return;
    this.#isComplete = true;
    try {
      const response = this.#reader.end(this.#body());
      if (response instanceof Promise) response.then((late) => this.#over()?.resolve(late), this.fail);
      else this.#over()?.resolve(response);
    } catch (error) {
      this.fail(error);
    }
  };

  readonly #onError = (error: Error): void => {
    if (!this.isOver) this.fail(errorOfStream(error));
  };

  readonly #onClose = (): void => {
    if (this.isOver || this.#isComplete) return;
    this.fail(errorOfReset((this.#stream as ClientHttp2Stream).rstCode));
  };

  /** A copy: a message's `bytes` are views of what it was parsed from, and would keep all that one read has brought. */
  #body(): Uint8Array {
    if (this.#first === undefined) return NO_BYTES;
    return new Uint8Array(this.#more === undefined ? this.#first : Buffer.concat(this.#more, this.#bytes));
  }
}

function tooLong(mostBytes: number): ConnectError {
  return new ConnectError(`message size is larger than configured readMaxBytes ${mostBytes}`, Code.ResourceExhausted);
}

/** A deadline or an abort. */
function isOfCaller(error: unknown): boolean {
  return error instanceof ConnectError && (error.code === Code.DeadlineExceeded || error.code === Code.Canceled);
}
