import * as http from "node:http";
import * as http2 from "node:http2";
import type { ConnectRouter, HandlerContext } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { EchoService } from "./gen/echo_pb.ts";
import { listenOnLoopback } from "./loopback.ts";

export interface ScriptedServer extends Disposable {
  readonly port: number;
  /** Handler executions. */
  readonly calls: number;
  /** Sent on all its connections. */
  readonly bytesSent: number;
}

/** A real server whose unary methods do as the script says: it may throw, and gets the execution's number from 1. */
export async function startScriptedServer(
  script: (execution: number, context: HandlerContext) => void | Promise<void>,
  httpVersion: "2" | "1.1" = "2",
): Promise<ScriptedServer> {
  return start(httpVersion, (router, count) => {
    const answer = async (_request: unknown, context: HandlerContext) => {
      await script(count(), context);
      return {};
    };
    router.service(EchoService, { get: answer, post: answer });
  });
}

/** A real server whose server streams send what the script yields, and end as it ends. */
export async function startScriptedStreams(
  httpVersion: "2" | "1.1",
  script: (execution: number, context: HandlerContext) => AsyncIterable<string>,
): Promise<ScriptedServer> {
  return start(httpVersion, (router, count) =>
    router.service(EchoService, {
      async *serverStream(_request, context) {
        for await (const text of script(count(), context)) yield { text };
      },
    }),
  );
}

async function start(
  httpVersion: "2" | "1.1",
  routes: (router: ConnectRouter, count: () => number) => void,
): Promise<ScriptedServer> {
  let calls = 0;
  const count = () => {
    calls += 1;
    return calls;
  };
  const adapter = connectNodeAdapter({ routes: (router) => routes(router, count) });
  const server = httpVersion === "2" ? http2.createServer(adapter) : http.createServer(adapter);
  server.on("session", (session) => session.on("error", () => {}));
  const { port, sockets, destroy } = await listenOnLoopback(server);
  return {
    port,
    get calls() {
      return calls;
    },
    get bytesSent() {
      return [...sockets].reduce((sum, { bytesWritten }) => sum + bytesWritten, 0);
    },
    [Symbol.dispose]: destroy,
  };
}
