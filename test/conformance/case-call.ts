import { setTimeout as sleep } from "node:timers/promises";
import { create, type DescMessage, type MessageShape } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import type { CallOptions, ConnectError } from "@connectrpc/connect";
import {
  type ClientCompatRequest,
  type ClientResponseResult,
  ClientResponseResultSchema,
} from "./gen/connectrpc/conformance/v1/client_compat_pb.js";
import { StreamType } from "./gen/connectrpc/conformance/v1/config_pb.js";
import { type ConformancePayload, ConformancePayloadSchema } from "./gen/connectrpc/conformance/v1/service_pb.js";
import { fromError, fromHeaders, toHeaders } from "./messages.ts";

/** One case's call: what it sends and when, when it is cancelled, and what came of it. */
export class CaseCall {
  readonly options: CallOptions;
  readonly result: ClientResponseResult = create(ClientResponseResultSchema);
  readonly #request: ClientCompatRequest;
  readonly #caller = new AbortController();
  #over = false;
  #wake: () => void = () => {};

  constructor(request: ClientCompatRequest) {
    this.#request = request;
    this.options = {
      headers: toHeaders(request.requestHeaders),
      signal: this.#caller.signal,
      onHeader: (headers) => {
        this.result.responseHeaders = fromHeaders(headers);
      },
      onTrailer: (trailers) => {
        this.result.responseTrailers = fromHeaders(trailers);
      },
      ...(request.timeoutMs !== undefined && { timeoutMs: request.timeoutMs }),
    };
  }

  /** The message of a call that has one. */
  message<S extends DescMessage>(schema: S): MessageShape<S> {
    const [message, ...others] = this.#unpacked(schema);
    if (message === undefined || others.length > 0) throw new Error("the case should have one request message");
    this.#sent();
    return message;
  }

  /** The messages of a stream; in full duplex each waits for the answer to the one before. */
  async *messages<S extends DescMessage>(schema: S): AsyncGenerator<MessageShape<S>> {
    const { streamType, requestDelayMs, cancel } = this.#request;
    const messages = this.#unpacked(schema);
    this.result.numUnsentRequests = messages.length;
    for (const [index, message] of messages.entries()) {
      await sleep(requestDelayMs);
      if (this.#over) return;
      this.result.numUnsentRequests--;
      yield message;
      if (streamType === StreamType.FULL_DUPLEX_BIDI_STREAM) await this.#answers(index + 1);
    }
    if (cancel?.cancelTiming.case === "beforeCloseSend") this.#caller.abort();
    else this.#sent();
  }

  received(payload: ConformancePayload = create(ConformancePayloadSchema)): void {
    const { payloads } = this.result;
    payloads.push(payload);
    const timing = this.#request.cancel?.cancelTiming;
    if (timing?.case === "afterNumResponses" && timing.value === payloads.length) this.#caller.abort();
    this.#wake();
  }

  failed(error: ConnectError): void {
    this.result.error = fromError(error);
    // An error has headers and trailers as one; where the headers have been seen, the rest are trailers.
    this.result.responseTrailers = fromHeaders(error.metadata);
    if (this.result.responseHeaders.length === 0) this.result.responseHeaders = this.result.responseTrailers;
  }

  end(): void {
    this.#over = true;
    this.#wake();
  }

  /** Every request message is on its way. */
  #sent(): void {
    const timing = this.#request.cancel?.cancelTiming;
    if (timing?.case !== "afterCloseSendMs") return;
    setTimeout(() => this.#caller.abort(), timing.value);
  }

  async #answers(count: number): Promise<void> {
    while (this.result.payloads.length < count && !this.#over) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #unpacked<S extends DescMessage>(schema: S): MessageShape<S>[] {
    return this.#request.requestMessages.map((any) => {
      const message = anyUnpack(any, schema);
      if (message === undefined) throw new Error(`${any.typeUrl} should be a ${schema.typeName}`);
      return message;
    });
  }
}
