import { createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import type { HandlerContext } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { EchoService } from "./gen/echo_pb.ts";

export interface ScriptedServer extends Disposable {
  readonly port: number;
  /** Handler executions. */
  readonly calls: number;
}

/** A real HTTP/2 server whose unary methods do as the script says: it may throw, and gets the execution's number from 1. */
export async function startScriptedServer(
  script: (execution: number, context: HandlerContext) => void | Promise<void>,
): Promise<ScriptedServer> {
  let calls = 0;
  const answer = async (_request: unknown, context: HandlerContext) => {
    calls += 1;
    await script(calls, context);
    return {};
  };
  const routes = connectNodeAdapter({ routes: (router) => router.service(EchoService, { get: answer, post: answer }) });
  const server = createServer(routes);
  const sessions = new Set<{ destroy(): void }>();
  server.on("session", (session) => {
    sessions.add(session);
    session.on("error", () => {});
    session.on("close", () => sessions.delete(session));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    get calls() {
      return calls;
    },
    [Symbol.dispose]() {
      server.close();
      for (const session of sessions) session.destroy();
    },
  };
}
