import { getEventListeners } from "node:events";
import { type MessageInitShape, toJson } from "@bufbuild/protobuf";
import { Code, ConnectError, type Transport, type UnaryResponse } from "@connectrpc/connect";
import { expect, vi } from "vitest";
import type { ConnectOptions } from "../../../src/net/connect-options.ts";
import type { UnaryClientOptions } from "../../../src/node/unary/unary-client.ts";
import { causesOf, factAmong } from "../../../src/resilience/failure-facts.ts";
import { endpointClient } from "../../support/endpoint-client.ts";
import { type EchoRequestSchema, EchoResponseSchema, EchoService } from "../../support/gen/echo_pb.ts";

/** The own path of unary calls, and that of connect-node, which is its standard. */
export type Path = "own" | "connect-node";
export type Protocol = "connect" | "grpc";

const next = vi.hoisted(() => ({ path: "own" as Path }));

vi.mock("../../../src/node/unary/unary-client.ts", async (importOriginal) => {
  const { UnaryClient } = await importOriginal<typeof import("../../../src/node/unary/unary-client.ts")>();
  const { ConnectNodeUnary } = await import("../../support/connect-node-unary.ts");
  function UnaryClientOfPath(options: UnaryClientOptions) {
    return next.path === "own" ? new UnaryClient(options) : new ConnectNodeUnary(options);
  }
  return { UnaryClient: UnaryClientOfPath };
});

export function clientOf(path: Path, port: number, protocol: Protocol, connect: ConnectOptions = {}) {
  next.path = path;
  return endpointClient({ port, protocol, connect });
}

/** A unary call, as a transport takes it. */
export interface UnaryInput {
  readonly method: "get" | "post";
  readonly message: MessageInitShape<typeof EchoRequestSchema>;
  readonly timeoutMs?: number;
  readonly header?: HeadersInit;
  readonly signal?: AbortSignal;
}

export function send(transport: Transport, { method, signal, timeoutMs, header, message }: UnaryInput) {
  return transport.unary(EchoService.method[method], signal, timeoutMs, header, message);
}

/** How a call ended, as its caller sees it. */
export type End =
  | { readonly message: unknown; readonly header: Fields; readonly trailer: Fields }
  | {
      /** Its name, or the class of an error that is no ConnectError. */
      readonly code: string;
      readonly rawMessage: string;
      readonly isWireError: boolean;
      readonly details: unknown;
      readonly metadata: Fields;
      /** What the client itself knows of the request. */
      readonly fact: string | undefined;
    };

type Fields = readonly (readonly [name: string, value: string])[];

export async function endOf(
  call: Promise<UnaryResponse<typeof EchoRequestSchema, typeof EchoResponseSchema>>,
): Promise<End> {
  try {
    const { message, header, trailer } = await call;
    return { message: toJson(EchoResponseSchema, message), header: [...header], trailer: [...trailer] };
  } catch (error) {
    const { code, rawMessage, isWireError, details, metadata } = ConnectError.from(error);
    const fact = factAmong(causesOf(error));
    expect((error as Error).cause).not.toBe(error);
    const name = error instanceof ConnectError ? Code[code] : (error as Error).name;
    return { code: name, rawMessage, isWireError, details, metadata: [...metadata], fact };
  }
}

/** "ok", or the name of the error's code. */
export function nameOf(end: End): string {
  return "code" in end ? end.code : "ok";
}

/** Counts what calls leave behind: listeners on the caller's signal, and timers that hold the process. */
export class Leftovers implements Disposable {
  readonly #signal: AbortSignal;
  readonly #timers = vi.spyOn(globalThis, "setTimeout");

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  count(): { listeners: number; timers: number } {
    const timers = this.#timers.mock.results.map(({ value }) => value as NodeJS.Timeout & { _destroyed: boolean });
    return {
      listeners: getEventListeners(this.#signal, "abort").length,
      timers: timers.filter((timer) => !timer._destroyed && timer.hasRef()).length,
    };
  }

  [Symbol.dispose](): void {
    this.#timers.mockRestore();
  }
}

/** Nothing is left under way: a connection with a stream on it would stay open. */
export async function expectClosed(transport: { close?(): void }, open: () => number): Promise<void> {
  transport.close?.();
  await expect.poll(open, { interval: 2 }).toBe(0);
}
