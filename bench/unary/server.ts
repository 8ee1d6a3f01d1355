// The servers, in a process of their own: only the client's CPU time is measured.
import { startEchoServer } from "../../test/support/servers.ts";

const servers = await Promise.all(Array.from({ length: 4 }, () => startEchoServer({ httpVersion: "2" })));
process.send?.({ ports: servers.map(({ port }) => port) });
process.on("disconnect", () => process.exit(0));
