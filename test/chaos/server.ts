// One server process of the chaos: EchoService over HTTP/2 with TLS, HTTP/2 in cleartext, and HTTP/1.1. It appends the
// text of each request that it executes to a file, at once, so that the file survives whatever is done to the process.
// Argument: JSON of `ServerArguments`.
import { openSync, writeSync } from "node:fs";
import * as http from "node:http";
import * as http2 from "node:http2";
import type { AddressInfo, Server, Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { ConnectRouter } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { type EchoRequest, EchoService } from "../support/gen/echo_pb.ts";

export interface ServerArguments {
  readonly file: string;
  readonly cert: string;
  readonly key: string;
}

const { file, cert, key } = JSON.parse(process.argv[2] as string) as ServerArguments;
const executions = openSync(file, "a");
const sockets = new Set<Socket>();
const sessions = new Set<http2.ServerHttp2Session>();

function executed({ text }: EchoRequest): void {
  writeSync(executions, `${text}\n`);
}

function routes(router: ConnectRouter): void {
  const unary = async (request: EchoRequest) => {
    executed(request);
    await sleep(Math.random() * 20);
    return { text: request.text };
  };
  router.service(EchoService, {
    get: unary,
    post: unary,
    async *serverStream(request) {
      executed(request);
      for (let message = 0; message < request.count; message++) {
        await sleep(request.intervalMs);
        yield { text: request.text };
      }
    },
  });
}

const adapter = connectNodeAdapter({ routes });
const servers: Server[] = [
  http2.createSecureServer({ cert, key }, adapter),
  http2.createServer(adapter),
  http.createServer(adapter),
];
for (const server of servers) {
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
  });
  server.on("session", (session: http2.ServerHttp2Session) => {
    sessions.add(session);
    session.on("error", () => {});
    session.on("close", () => sessions.delete(session));
  });
  for (const event of ["sessionError", "tlsClientError", "clientError"]) server.on(event, () => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
}

process.on("message", (what: "reset" | "goaway" | "leave") => {
  if (what === "reset") for (const socket of sockets) socket.resetAndDestroy();
  if (what !== "reset") for (const session of sessions) session.close();
  if (what !== "leave") return;
  for (const server of servers) server.close();
  // What is under way is finished; then the process is gone.
  setTimeout(() => process.exit(), 1_000);
});
process.on("disconnect", () => process.exit());
process.send?.(servers.map((server) => (server.address() as AddressInfo).port));
