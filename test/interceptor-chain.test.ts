import { create } from "@bufbuild/protobuf";
import {
  Code,
  ConnectError,
  createContextKey,
  createContextValues,
  type Interceptor,
  type UnaryRequest,
  type UnaryResponse,
} from "@connectrpc/connect";
import { runUnaryCall } from "@connectrpc/connect/protocol";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { intercept } from "../src/interceptor-chain.ts";
import { systemRuntime } from "../src/runtime.ts";
import { EchoRequestSchema, EchoResponseSchema, EchoService } from "./support/gen/echo_pb.ts";

// The contract of an interceptor is connect-es': each case runs under its own chain and under ours, and both must log
// the same.

type Request = UnaryRequest<typeof EchoRequestSchema, typeof EchoResponseSchema>;
type Response = UnaryResponse<typeof EchoRequestSchema, typeof EchoResponseSchema>;
type Log = (entry: unknown) => void;

interface Surroundings {
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
  /** What the transport does; default: it answers. */
  readonly transport?: (request: Request) => Promise<Response>;
}

interface Case {
  readonly interceptors: (log: Log) => Interceptor[];
  /** Made anew for each of the two chains. */
  readonly surroundings?: () => Surroundings;
}

const method = EchoService.method.post;
const key = createContextKey("nothing");

const answer = (text: string): Response => ({
  stream: false,
  service: EchoService,
  method,
  header: new Headers({ "x-response": "1" }),
  trailer: new Headers({ "x-trailer": "1" }),
  message: create(EchoResponseSchema, { text }),
});

const unary = (
  fn: (next: (request: Request) => Promise<Response>, request: Request) => Promise<Response>,
): Interceptor => ((next: (request: Request) => Promise<Response>) => (request: Request) => fn(next, request)) as never;

const shown = (error: unknown) =>
  error instanceof ConnectError
    ? { code: Code[error.code], message: error.rawMessage, cause: error.cause, metadata: [...error.metadata] }
    : { thrown: error };

const cases: Record<string, Case> = {
  "each is made anew for a call, the last one first": {
    interceptors: (log) =>
      ["a", "b", "c"].map((name) => (next) => {
        log(`made ${name}`);
        return (request) => {
          log(`before ${name}`);
          return next(request).finally(() => log(`after ${name}`));
        };
      }),
  },
  "one sees the whole request": {
    interceptors: (log) => [
      unary((next, request) => {
        const { stream, service, method: asked, requestMethod, url, message, header } = request;
        log([stream, service.typeName, asked.name, requestMethod, url, message.text, [...header]]);
        log(Object.keys(request).sort());
        return next(request);
      }),
    ],
  },
  "headers that one sets, appends to and deletes": {
    interceptors: () => [
      unary((next, request) => {
        request.header.set("x-set", "1");
        request.header.append("x-given", "2");
        request.header.delete("x-gone");
        return next(request);
      }),
    ],
  },
  "a copy of the request with other headers": {
    interceptors: (log) => [
      unary((next, request) => next({ ...request, header: new Headers({ "x-other": "1" }) })),
      unary((next, request) => {
        log([...request.header]);
        return next(request);
      }),
    ],
  },
  "a member that one assigns": {
    interceptors: () => [
      unary((next, request) => {
        Object.assign(request, { header: new Headers({ "x-assigned": "1" }) });
        return next(request);
      }),
    ],
  },
  "a copy of the request with another message": {
    interceptors: () => [
      unary((next, request) => next({ ...request, message: create(EchoRequestSchema, { text: "other" }) })),
    ],
  },
  "another signal": {
    interceptors: () => [unary((next, request) => next({ ...request, signal: AbortSignal.abort("mine") }))],
  },
  "context values that one sets for the next": {
    interceptors: (log) => [
      unary((next, request) => {
        request.contextValues.set(key, "something");
        return next(request);
      }),
      unary((next, request) => {
        log(request.contextValues.get(key));
        return next(request);
      }),
    ],
  },
  "another response": {
    interceptors: () => [unary(async (next, request) => (await next(request)) && answer("other"))],
  },
  "a copy of the response": {
    interceptors: () => [
      unary(async (next, request) => ({ ...(await next(request)), trailer: new Headers({ x: "1" }) })),
    ],
  },
  "one answers in place of the transport": { interceptors: () => [unary(async () => answer("cached"))] },
  "one calls the transport twice": {
    interceptors: () => [unary(async (next, request) => (await next(request)) && next(request))],
  },
  "the signal after a success": {
    interceptors: (log) => [
      unary(async (next, request) => {
        const { signal } = request;
        signal.addEventListener("abort", () => log(["aborted", (signal.reason as Error).name]));
        const response = await next(request);
        log(signal.aborted);
        return response;
      }),
    ],
  },
  "the signal after an error": {
    interceptors: (log) => [
      unary((next, request) => {
        const { signal } = request;
        signal.addEventListener("abort", () => log(["aborted", shown(signal.reason)]));
        return next(request);
      }),
    ],
    surroundings: () => ({ transport: () => Promise.reject(new ConnectError("busy", Code.Unavailable)) }),
  },
  "the caller has aborted before": {
    interceptors: (log) => [
      unary((next, request) => {
        log([request.signal.aborted, request.signal.reason]);
        return next(request);
      }),
    ],
    surroundings: () => ({ signal: AbortSignal.abort("enough") }),
  },
  "the caller aborts meanwhile": {
    interceptors: (log) => [
      unary((next, request) => {
        const { signal } = request;
        signal.addEventListener("abort", () => log(["aborted", signal.reason]));
        return next(request);
      }),
    ],
    surroundings: () => {
      const controller = new AbortController();
      setTimeout(() => controller.abort("enough"), 20);
      return { signal: controller.signal, transport: hanging };
    },
  },
  "the deadline passes meanwhile": {
    interceptors: (log) => [
      unary((next, request) => {
        const { signal } = request;
        signal.addEventListener("abort", () => log(["aborted", shown(signal.reason)]));
        return next(request);
      }),
    ],
    surroundings: () => ({ timeoutMs: 50, transport: hanging }),
  },
  "one that reads the signal late": {
    interceptors: (log) => [
      unary(async (next, request) => {
        await new Promise((resolve) => setTimeout(resolve, 30));
        const { signal } = request;
        signal.addEventListener("abort", () => log(["aborted after", Date.now()]));
        return next(request);
      }),
    ],
    surroundings: () => ({ timeoutMs: 50, transport: hanging }),
  },
  "one that takes all the time": {
    interceptors: () => [
      unary(async (next, request) => {
        await new Promise((resolve) => setTimeout(resolve, 60));
        return next(request);
      }),
    ],
    surroundings: () => ({ timeoutMs: 50 }),
  },
  "a transport that fails": {
    interceptors: () => [unary((next, request) => next(request))],
    surroundings: () => ({ transport: () => Promise.reject(new TypeError("broken")) }),
  },
  "one that turns an error into an answer": {
    interceptors: () => [unary((next, request) => next(request).catch(() => answer("default")))],
    surroundings: () => ({ transport: () => Promise.reject(new ConnectError("busy", Code.Unavailable)) }),
  },
  ...Object.fromEntries(
    [new Error("a bug"), new ConnectError("no token", Code.Unauthenticated, { "x-why": "1" }), "a text", undefined].map(
      (thrown) => [`one that rejects with ${thrown}`, { interceptors: () => [unary(() => Promise.reject(thrown))] }],
    ),
  ),
};

const hanging = (request: Request): Promise<Response> =>
  new Promise((_resolve, reject) => {
    request.signal.addEventListener("abort", () => reject(request.signal.reason));
  });

async function run({ interceptors, surroundings }: Case, chain: "connect-es" | "ours"): Promise<unknown[]> {
  const entries: unknown[] = [];
  const log: Log = (entry) => entries.push(entry);
  const startedAt = Date.now();
  const {
    signal,
    timeoutMs,
    transport = async ({ message }: Request) => answer(message.text),
  } = surroundings?.() ?? {};
  const contextValues = createContextValues();
  const url = "https://users.example.com/test.EchoService/Post";
  const header = () => new Headers({ "x-given": "1", "x-gone": "1" });
  const sent = (request: Request, seen: Headers, aborted = request.signal.aborted): Promise<Response> => {
    log(["sent", [...seen], request.message, request.contextValues === contextValues, aborted]);
    return transport(request);
  };
  const response =
    chain === "ours"
      ? intercept(
          interceptors(log),
          { method, url, message: { text: "hello" }, contextValues, signal, timeoutMs, header },
          systemRuntime,
          (passed) => sent(passed.request, passed.header ?? header(), passed.signal?.aborted ?? false),
        )
      : runUnaryCall<typeof EchoRequestSchema, typeof EchoResponseSchema>({
          interceptors: interceptors(log),
          ...(signal !== undefined && { signal }),
          ...(timeoutMs !== undefined && { timeoutMs }),
          req: {
            stream: false,
            service: EchoService,
            method,
            requestMethod: "POST",
            url,
            header: header(),
            contextValues,
            message: { text: "hello" },
          },
          next: (request) => sent(request, request.header),
        });
  const settled = response.then(
    ({ message, trailer }) => log(["answered", message, [...trailer]]),
    (error) => log(["failed", shown(error)]),
  );
  await vi.advanceTimersByTimeAsync(100);
  await settled;
  return entries.map((entry) =>
    Array.isArray(entry) && typeof entry[1] === "number" ? [entry[0], entry[1] - startedAt] : entry,
  );
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("connect-es' contract", () => {
  test.each(Object.entries(cases))("%s", async (_, each) => {
    expect(await run(each, "ours")).toEqual(await run(each, "connect-es"));
  });
});

test("one that throws at once fails the call like any other: connect-es would throw at its caller", async () => {
  const failing: Interceptor = () => () => {
    throw new Error("a bug");
  };
  expect(await run({ interceptors: () => [failing] }, "ours")).toEqual([
    ["failed", expect.objectContaining({ code: "Unknown", message: "a bug" })],
  ]);
});

describe("nothing is made that no interceptor reads", () => {
  const through: Interceptor = (next) => (request) => next(request);
  const made = (interceptors: Interceptor[], signal?: AbortSignal) => {
    const header = vi.fn(() => new Headers());
    const send = vi.fn(async (_passed: { header: unknown; signal: unknown }) => answer("hello"));
    const given = { method, url: "", message: {}, contextValues: createContextValues(), signal, timeoutMs: 50, header };
    return { header, send, done: intercept(interceptors, given, systemRuntime, send) };
  };

  test("the transport gets the caller's signal, no headers are made, no timer runs", async () => {
    const caller = new AbortController();
    const { header, send, done } = made([through, through], caller.signal);
    await done;
    expect(header).not.toHaveBeenCalled();
    expect(send.mock.lastCall?.[0]).toMatchObject({ header: undefined, signal: caller.signal });
    expect(vi.getTimerCount()).toBe(0);
  });

  test("what is made is made once, and leaves no listener and no timer", async () => {
    const caller = new AbortController();
    const [added, removed] = [
      vi.spyOn(caller.signal, "addEventListener"),
      vi.spyOn(caller.signal, "removeEventListener"),
    ];
    const reading: Interceptor = (next) => (request) => {
      expect(request.signal).toBe(request.signal);
      expect(request.header).toBe(request.header);
      return next(request);
    };
    const { header, done } = made([reading, reading], caller.signal);
    await done;
    expect(header).toHaveBeenCalledOnce();
    expect(added).toHaveBeenCalledOnce();
    expect(removed).toHaveBeenCalledWith(...(added.mock.lastCall as Parameters<typeof removed>));
    expect(vi.getTimerCount()).toBe(0);
  });
});
