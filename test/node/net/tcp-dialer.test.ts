import { once } from "node:events";
import net, { type AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, test, vi } from "vitest";
import { type Dialled, TcpDialer } from "../../../src/node/net/tcp-dialer.ts";
import { startBlackHole } from "../../support/black-hole.ts";
import { closedPort } from "../../support/closed-port.ts";

// One endpoint by two addresses, on the real sockets of loopback.

const open: { close(): void }[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

/** A listener of one family, and how many connections it has taken. */
async function listen(host: "127.0.0.1" | "::1", port = 0) {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => void sockets.add(socket.on("error", () => {}))).listen(port, host);
  await once(server, "listening");
  open.push({
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  });
  return { port: (server.address() as AddressInfo).port, taken: () => sockets.size };
}

function dialer(port: number, address = "127.0.0.1", alternate: string | null = "::1") {
  return new TcpDialer(
    { address, alternateAddress: () => alternate ?? undefined, port, verifiedName: "users.test", tls: false },
    { now: () => performance.now() },
  );
}

function dial(tcp: TcpDialer): Promise<Dialled> {
  return new Promise((resolve, reject) => {
    tcp.dial({
      onConnected(dialled) {
        open.push({ close: () => dialled.socket.destroy() });
        resolve(dialled);
      },
      onFailed: reject,
    });
  });
}

test("the first address is the one that is dialled where it connects: the other one is left alone", async () => {
  const first = await listen("127.0.0.1");
  const other = await listen("::1", first.port);
  expect(await dial(dialer(first.port))).toMatchObject({ address: "127.0.0.1" });
  expect({ first: first.taken(), other: other.taken() }).toEqual({ first: 1, other: 0 });
});

describe("the other address is dialled", () => {
  test("at once where the first one fails", async () => {
    const { port } = await listen("::1");
    vi.useFakeTimers({ toFake: ["setTimeout"] });
    try {
      expect(await dial(dialer(port))).toMatchObject({ address: "::1" });
    } finally {
      vi.useRealTimers();
    }
  });

  test("after 250 ms where the first one is silent, and the first one goes on", async () => {
    using hole = await startBlackHole();
    const { port } = hole;
    await listen("::1", port);
    const startedAt = performance.now();
    const { address, tookMs } = await dial(dialer(port));
    const passedMs = performance.now() - startedAt;
    expect(address).toBe("::1");
    expect(passedMs).toBeGreaterThan(240);
    expect(tookMs).toBeLessThan(passedMs - 200);
  });

  test("first, once it is the one that connected; in the end the first one is found again", async () => {
    const other = await listen("::1");
    const tcp = dialer(other.port);
    await dial(tcp);
    const first = await listen("127.0.0.1", other.port);
    expect(await dial(tcp)).toMatchObject({ address: "::1" });
    expect({ first: first.taken(), address: tcp.address }).toEqual({ first: 0, address: "::1" });
    for (const one of open.splice(0)) one.close();
    const again = await listen("127.0.0.1", other.port);
    expect(await dial(tcp)).toMatchObject({ address: "127.0.0.1" });
    expect(again.taken()).toBe(1);
  });

  test("first, where what the first one connected to was of no use", async () => {
    const { port } = await listen("127.0.0.1");
    await listen("::1", port);
    const tcp = dialer(port);
    const { address } = await dial(tcp);
    tcp.distrust(address);
    expect(await dial(tcp)).toMatchObject({ address: "::1" });
  });
});

test.each([
  ["refuses", undefined],
  ["leads nowhere", "2001:2::1"],
])(
  "a server that is far is reached by its first address, though the other one %s: the first dial goes on",
  async (_, alternate) => {
    using hole = await startBlackHole();
    const connected = dial(dialer(hole.port, "127.0.0.1", alternate));
    await sleep(300);
    hole.open();
    expect(await connected).toMatchObject({ address: "127.0.0.1" });
  },
);

describe("a dial fails", () => {
  test("with what each address said; what a server said counts for more than a missing route", async () => {
    const port = await closedPort();
    // An address of the benchmarking prefix (RFC 5180): no route leads there.
    await expect(dial(dialer(port, "2001:2::1", "127.0.0.1"))).rejects.toMatchObject({
      code: "ECONNREFUSED",
      syscall: "connect",
      message: expect.stringMatching(/^connect E\w+ [\d.:]+; connect E\w+ [\d.:]+$/),
    });
  });

  test("with the error of its one address", async () => {
    const port = await closedPort();
    await expect(dial(dialer(port, "127.0.0.1", null))).rejects.toMatchObject({
      code: "ECONNREFUSED",
      address: "127.0.0.1",
    });
  });

  test("once, when it is cancelled, and leaves no connect behind", async () => {
    using hole = await startBlackHole();
    const failures: Error[] = [];
    const connected = vi.fn();
    const under = dialer(hole.port).dial({ onConnected: connected, onFailed: (error) => void failures.push(error) });
    expect(under.isPending).toBe(true);
    const reason = new Error("nobody waits");
    under.cancel(reason);
    under.cancel(new Error("again"));
    expect({ failures, isPending: under.isPending }).toEqual({ failures: [reason], isPending: false });
    expect(process.getActiveResourcesInfo().filter((name) => name === "TCPConnectWrap")).toEqual([]);
    expect(connected).not.toHaveBeenCalled();
  });
});
