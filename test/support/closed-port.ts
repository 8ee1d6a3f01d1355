import { connect } from "node:net";

/** Below the ports that Linux gives to those who ask for any (`net.ipv4.ip_local_port_range`), in which other tests' servers listen. */
const FIRST = 20_000;
const COUNT = 10_000;

/** A port where nothing listens, now or later. */
export async function closedPort(): Promise<number> {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * COUNT);
    if (await isRefused(port)) return port;
  }
}

function isRefused(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(false);
    });
    socket.on("error", () => resolve(true));
  });
}
