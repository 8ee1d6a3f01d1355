import { setTimeout as sleep } from "node:timers/promises";
import { Code, ConnectError, type ConnectRouter, type HandlerContext } from "@connectrpc/connect";
import { type EchoRequest, EchoService } from "./gen/echo_pb.ts";

/** What the handlers of one server have seen. */
export interface EchoCounters {
  /** Handler executions, by the method's local name ("get", "serverStream", ...). */
  readonly calls: Record<string, number>;
  /** Handlers that are running now. */
  active: number;
}

/** Handlers that do as the request tells. Metadata sent as `x-echo` comes back as header and as trailer. */
export function echoRoutes(server: string, counters: EchoCounters): (router: ConnectRouter) => void {
  const answer = (text: string) => ({ text, server });

  function begin(context: HandlerContext): void {
    const method = context.method.localName;
    counters.calls[method] = (counters.calls[method] ?? 0) + 1;
    counters.active += 1;
    const echo = context.requestHeader.get("x-echo");
    if (echo !== null) {
      context.responseHeader.set("x-echo", echo);
      context.responseTrailer.set("x-echo-trailer", echo);
    }
  }

  async function unary(request: EchoRequest, context: HandlerContext) {
    begin(context);
    try {
      await obey(request, context.signal);
      return answer(request.text);
    } finally {
      counters.active -= 1;
    }
  }

  return (router) =>
    router.service(EchoService, {
      get: unary,
      post: unary,
      async *serverStream(request, context) {
        begin(context);
        try {
          await obey(request, context.signal);
          for (let sent = 0; sent < request.count; sent++) {
            if (sent > 0 && request.intervalMs > 0) await pause(request.intervalMs, context.signal);
            yield answer(`${request.text}${sent}`);
          }
        } finally {
          counters.active -= 1;
        }
      },
      async clientStream(requests, context) {
        begin(context);
        try {
          const texts: string[] = [];
          for await (const request of requests) {
            await obey(request, context.signal);
            texts.push(request.text);
          }
          return answer(texts.join(","));
        } finally {
          counters.active -= 1;
        }
      },
      async *bidiStream(requests, context) {
        begin(context);
        try {
          for await (const request of requests) {
            await obey(request, context.signal);
            yield answer(request.text);
          }
        } finally {
          counters.active -= 1;
        }
      },
    });
}

async function obey(request: EchoRequest, signal: AbortSignal): Promise<void> {
  if (request.delayMs > 0) await pause(request.delayMs, signal);
  if (request.failCode !== 0) throw new ConnectError("told to fail", request.failCode as Code);
}

/** Ends with the call, so that no handler outlives a client that went away. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal });
  } catch {
    throw new ConnectError("the call ended while the handler waited", Code.Canceled);
  }
}
