import { type AddressInfo, createServer, type Socket, connect as tcpConnect } from "node:net";
import { FlightCounter } from "./flights.ts";

/** What happens to connections at a relay; each fault is one that real networks and load balancers show. */
export interface FaultyRelay extends AsyncDisposable {
  readonly address: string;
  readonly port: number;
  /** Connections accepted so far. */
  readonly connections: number;
  /** Connections open now. */
  readonly open: number;
  /** Round trips that clients have begun so far, over all connections. */
  readonly flights: number;
  /** Milliseconds that each chunk is held back, in both directions. Default 0. */
  delayMs: number;
  /** What passes in each direction of a connection. Default: no limit. */
  bytesPerMs: number;
  /** Ends every connection politely, from the server's side: FIN. */
  fin(): void;
  /** Resets every connection: RST. */
  reset(): void;
  /** Resets each open connection when something comes on it: a NAT or a restarted host that has forgotten it. */
  resetOnData(): void;
  /** Forgets every connection without a word, as a NAT does: what comes from now on is swallowed, and nothing is sent. */
  silence(): void;
  /** Holds back what comes on the open connections, until `resume()`: a server that is stopped for a while. */
  pause(): void;
  resume(): void;
  /** Accepts new connections and never answers on them; `false` ends that. */
  blackHole(on: boolean): void;
  /** Resets new connections as soon as they are accepted; `false` ends that. */
  resetAtAccept(on: boolean): void;
  /** Stops listening, so that new connections are refused. Settles when it is so. Open connections go on. */
  refuse(): Promise<void>;
  /** Listens again, on the same port. */
  listen(): Promise<void>;
}

/** A TCP relay on loopback in front of a server. */
export async function startFaultyRelay(target: { address: string; port: number }): Promise<FaultyRelay> {
  const pairs = new Set<Pair>();
  let connections = 0;
  let flightsOfClosed = 0;
  let mode: "relay" | "black-hole" | "reset" = "relay";
  let delayMs = 0;
  let bytesPerMs = Number.POSITIVE_INFINITY;
  const paused: Socket[] = [];

  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) => {
    connections += 1;
    client.on("error", () => {});
    client.setNoDelay(true);
    if (mode === "reset") {
      client.resetAndDestroy();
      return;
    }
    const pair: Pair = { client, upstream: undefined, flights: new FlightCounter() };
    pairs.add(pair);
    client.prependListener("data", (chunk) => pair.flights.sent(chunk));
    client.on("close", () => {
      pairs.delete(pair);
      flightsOfClosed += pair.flights.count;
      pair.upstream?.destroy();
    });
    if (mode === "black-hole") {
      client.on("data", () => {});
      client.resume();
      return;
    }
    const upstream = tcpConnect({ host: target.address, port: target.port, allowHalfOpen: true, noDelay: true });
    pair.upstream = upstream;
    upstream.on("error", () => client.resetAndDestroy());
    forward(client, upstream);
    forward(upstream, client, () => pair.flights.delivered());
    client.resume();
  });

  // Not pipe(): it knows no delay, and a silenced pair must go on reading without forwarding.
  function forward(from: Socket, to: Socket, delivered = () => {}): void {
    const pass = (action: () => void) => {
      if (delayMs > 0) setTimeout(action, delayMs);
      else action();
    };
    const deliver = (chunk: Buffer) => {
      if (bytesPerMs < Number.POSITIVE_INFINITY) {
        from.pause();
        setTimeout(() => from.resume(), chunk.length / bytesPerMs);
      }
      delivered();
      if (to.writable) to.write(chunk);
    };
    from.on("data", (chunk) => pass(() => deliver(chunk)));
    from.on("end", () => pass(() => to.end()));
  }

  const listenOn = (port: number) =>
    new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, "127.0.0.1", () => {
        server.off("error", reject);
        resolve();
      });
    });
  await listenOn(0);
  const { address, port } = server.address() as AddressInfo;

  // Each fault detaches the server first, so that nothing but the fault itself reaches the client.
  function detach(pair: Pair): void {
    pair.client
      .removeAllListeners("data")
      .removeAllListeners("end")
      .on("data", (chunk) => pair.flights.sent(chunk));
    pair.client.resume();
    pair.upstream?.removeAllListeners("data").removeAllListeners("end").destroy();
  }
  function refuse(): Promise<void> {
    // The callback of close() waits for open connections; the port is free as soon as the handle is closed.
    if (server.listening) server.close();
    return new Promise((resolve) => setImmediate(resolve));
  }

  return {
    address,
    port,
    get connections() {
      return connections;
    },
    get open() {
      return pairs.size;
    },
    get flights() {
      return [...pairs].reduce((sum, pair) => sum + pair.flights.count, flightsOfClosed);
    },
    get delayMs() {
      return delayMs;
    },
    set delayMs(ms) {
      delayMs = ms;
    },
    get bytesPerMs() {
      return bytesPerMs;
    },
    set bytesPerMs(bytes) {
      bytesPerMs = bytes;
    },
    fin() {
      for (const pair of pairs) {
        detach(pair);
        pair.client.end();
        pair.client.on("end", () => pair.client.destroy());
      }
    },
    reset() {
      for (const pair of pairs) {
        detach(pair);
        pair.client.resetAndDestroy();
      }
    },
    resetOnData() {
      for (const pair of pairs) {
        detach(pair);
        // The host is at the other end of the way.
        pair.client.once("data", () => setTimeout(() => pair.client.resetAndDestroy(), 2 * delayMs));
      }
    },
    silence() {
      for (const pair of pairs) detach(pair);
    },
    pause() {
      for (const { client, upstream } of pairs) paused.push(client.pause(), ...(upstream ? [upstream.pause()] : []));
    },
    resume() {
      for (const socket of paused.splice(0)) socket.resume();
    },
    blackHole(on) {
      mode = on ? "black-hole" : "relay";
    },
    resetAtAccept(on) {
      mode = on ? "reset" : "relay";
    },
    refuse,
    listen: () => listenOn(port),
    async [Symbol.asyncDispose]() {
      for (const pair of pairs) pair.client.destroy();
      await refuse();
    },
  };
}

interface Pair {
  readonly client: Socket;
  upstream: Socket | undefined;
  readonly flights: FlightCounter;
}
