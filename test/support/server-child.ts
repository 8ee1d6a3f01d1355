// A server in a process of its own, which can be stopped and kept busy. Argument: the options of `startEchoServer`.
import { type EchoServerOptions, startEchoServer } from "./servers.ts";

const server = await startEchoServer(JSON.parse(process.argv[2] as string) as EchoServerOptions);
process.on("message", (message: { blockMs?: number }) => {
  if (message.blockMs !== undefined) {
    const until = performance.now() + message.blockMs;
    while (performance.now() < until);
  } else process.send?.({ executions: server.callsByMethod, connections: server.connections });
});
process.on("disconnect", () => process.exit());
process.send?.({ port: server.port });
