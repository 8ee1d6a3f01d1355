// The server, in a process of its own: only the client's CPU time is measured.
import { startEchoServer } from "../../test/support/servers.ts";

const server = await startEchoServer({ httpVersion: "2" });
process.send?.({ port: server.port });
process.on("disconnect", () => process.exit(0));
