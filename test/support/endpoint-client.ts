import { type Client, createClient } from "@connectrpc/connect";
import { hostAndPort } from "../../src/endpoint.ts";
import type { EndpointTransport } from "../../src/endpoints/endpoint-transport.ts";
import type { ConnectOptions } from "../../src/net/connect-options.ts";
import type { TlsFilesListener } from "../../src/net/tls-files-change.ts";
import type { TlsOptions } from "../../src/net/tls-options.ts";
import { createNodeEndpointTransports } from "../../src/node/endpoint-transports.ts";
import { causesOf, factAmong, recordFact } from "../../src/resilience/failure-facts.ts";
import { type Clock, systemRuntime } from "../../src/runtime.ts";
import { EchoService } from "./gen/echo_pb.ts";

/** A clock that the test moves. */
export function manualClock(start = 1_000_000): Clock & { time: number } {
  const clock = { time: start, now: () => clock.time };
  return clock;
}

export interface EndpointClientOptions {
  address?: string;
  alternateAddress?: string;
  port: number;
  /** Default: the address. */
  verifiedName?: string;
  protocol?: "connect" | "grpc" | "grpc-web";
  httpVersion?: "2" | "1.1";
  tls?: TlsOptions | false;
  idleMs?: number;
  verifyAfterMs?: number;
  maxAgeMs?: number;
  /** Decides jitter. Default: always 0.5. */
  random?: () => number;
  connectTimeoutMs?: number;
  clock?: Clock;
  connect?: ConnectOptions;
  /** Notified of certificates that were replaced on disk. */
  onTlsFiles?: TlsFilesListener;
}

/** A client on the transport of one endpoint, as the pool would make it. */
export interface EndpointClient {
  readonly client: Client<typeof EchoService>;
  readonly transport: EndpointTransport;
  /** Whether the error is known to be that of a request that was never sent. */
  notSent(error: unknown): boolean;
  /** Whether the error is known to be that of a stale connection. */
  stale(error: unknown): boolean;
  /** What the call layer does before each call. */
  connect(): Promise<void>;
}

export function endpointClient(options: EndpointClientOptions): EndpointClient {
  const { address = "127.0.0.1", port, tls = false, clock = { now: () => Date.now() } } = options;
  const verifiedName = options.verifiedName ?? address;
  const factory = createNodeEndpointTransports({
    protocol: options.protocol ?? "connect",
    httpVersion: options.httpVersion ?? "2",
    interceptors: [],
    idleMs: options.idleMs ?? (options.httpVersion === "1.1" ? 5_000 : 50_000),
    verifyAfterMs: options.verifyAfterMs ?? 1_000,
    maxAgeMs: options.maxAgeMs ?? Number.POSITIVE_INFINITY,
    clock,
    random: options.random ?? (() => 0.5),
    sleep: systemRuntime.sleep,
    ...(options.onTlsFiles && { onTlsFiles: options.onTlsFiles }),
  });
  const transport = factory(
    { address, port, verifiedName, metadata: {} },
    {
      baseUrl: `${tls === false ? "http" : "https"}://${hostAndPort(verifiedName, port)}`,
      verifiedName,
      tls,
      connectTimeoutMs: options.connectTimeoutMs ?? 1000,
      markNotSent: (error) => recordFact(error, "not-sent"),
      alternateAddress: () => options.alternateAddress,
      hasAlternative: () => true,
      connect: options.connect ?? {},
    },
  );
  return {
    client: createClient(EchoService, transport),
    transport,
    notSent: (error) => factAmong(causesOf(error)) === "not-sent",
    stale: (error) => factAmong(causesOf(error)) === "stale",
    async connect() {
      const waiting = transport.connect?.(clock.now());
      if (waiting === undefined) return;
      // The promise does not hold the process, so the one who waits does.
      const hold = setTimeout(() => {}, 10_000);
      await waiting.finally(() => clearTimeout(hold));
    },
  };
}

/** The error that a promise rejects with. */
export async function rejection(promise: PromiseLike<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error("expected a rejection");
}
