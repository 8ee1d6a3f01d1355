import type { ClientHttp2Stream, IncomingHttpHeaders } from "node:http2";
import type { DescMessage } from "@bufbuild/protobuf";
import { ConnectError, type UnaryResponse } from "@connectrpc/connect";
import type { CallUnderWay } from "../../endpoints/endpoint-transport.ts";
import { abortedBy, deadlineExceeded } from "../../errors.ts";
import { timerMs } from "../../runtime.ts";
import { type Exchange, isGood, mayBeForeign, recordCause } from "../exchange.ts";
import { Http2Code } from "../http2/http2-codes.ts";
import { cancelStream } from "../http2/http2-failure.ts";
import { NO_BYTES, type ResponseHeaders, type ResponseReader } from "./response.ts";
import { errorOfReset, errorOfStream } from "./stream-errors.ts";

interface Settle<R> {
  resolve(response: R): void;
  reject(error: unknown): void;
}

/**
 * One unary call on an HTTP/2 stream: from the moment it may be sent until it is settled, once. The stream is its
 * connection's (`Http2Connection`), which says what became of the request; this listens to what it answers.
 */
export class UnaryCall<I extends DescMessage, O extends DescMessage> implements Exchange {
  readonly call: CallUnderWay | undefined;
  isDoubted = false;
  hasResponse = false;
  /** Its response may be another program's. */
  isForeign = false;
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

  constructor(call: CallUnderWay | undefined, reader: ResponseReader<I, O>, signal: AbortSignal | undefined) {
    this.call = call;
    call?.carriedBy(this);
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
    stream.on("trailers", this.#onTrailers);
    stream.on("data", this.#onData);
    stream.on("end", this.#onEnd);
    stream.on("error", this.#onError);
    stream.on("close", this.#onClose);
    if (body !== undefined) stream.end(body);
  }

  /** Ends it with an error, and records what its connection cannot know of that. */
  readonly fail = (reason: unknown): void => {
    if (this.isOver) return;
    const error = ConnectError.from(reason);
    recordCause(error, this);
    this.#end(error);
  };

  /** Ends it with an error, and its stream if that goes on. */
  #end(error: ConnectError): void {
    const settle = this.#over();
    // Once it is closed or destroyed this does nothing.
    this.#stream?.close(Http2Code.CANCEL);
    settle?.reject(error);
  }

  opened(stream: ClientHttp2Stream): void {
    this.#stream = stream;
  }

  answered(headers: ResponseHeaders, isKnown: boolean): void {
    this.hasResponse = true;
    this.isForeign = !isKnown && mayBeForeign(headers);
    if (this.isOver) return;
    try {
      const isPlain = this.#reader.begin(headers);
      this.call?.onResponse(isPlain || isGood(headers));
    } catch (error) {
      this.fail(error);
    }
  }

  takeBack(reason: Error): void {
    if (this.#stream === undefined) this.fail(errorOfStream(reason));
    // Its error comes back as that of the stream.
    else cancelStream(this.#stream, reason);
  }

  #over(): Settle<UnaryResponse<I, O>> | undefined {
    const settle = this.#settle;
    if (settle === undefined) return undefined;
    this.#settle = undefined;
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener("abort", this.#onAbort);
    return settle;
  }

  readonly #onAbort = (): void => this.#end(abortedBy(this.#signal as AbortSignal));

  readonly #onTimeout = (): void => this.#end(deadlineExceeded());

  readonly #onTrailers = (trailers: IncomingHttpHeaders): void => this.#reader.trailers(trailers);

  readonly #onData = (chunk: Buffer): void => {
    if (this.isOver) return;
    this.#bytes += chunk.length;
    if (this.#first === undefined) {
      this.#first = chunk;
    } else {
      this.#more ??= [this.#first];
      this.#more.push(chunk);
    }
    if (this.#bytes > this.#reader.mostBytes) this.fail(this.#reader.tooLong(this.#body()));
  };

  readonly #onEnd = (): void => {
    // What was reset ends as well; "error" or "close" follows and tells why.
    if (this.isOver || this.#stream?.rstCode !== Http2Code.NO_ERROR || !this.hasResponse) return;
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
