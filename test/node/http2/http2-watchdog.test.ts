import type { ClientHttp2Session } from "node:http2";
import type { Socket } from "node:net";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Http2Liveness } from "../../../src/node/http2/http2-liveness.ts";
import { Http2Watchdog } from "../../../src/node/http2/http2-watchdog.ts";
import { RoundTrip } from "../../../src/node/http2/round-trip.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] }));
afterEach(() => void vi.useRealTimers());

/** A connection with one stream, whose server answers PINGs at once while `answers`. */
function watched() {
  const clock = { now: () => Date.now() };
  const socket = { bytesRead: 0, bytesWritten: 0 };
  const server = { answers: true, pingedAt: [] as number[] };
  const startedAt = clock.now();
  const session = {
    ping(answered: (error: null, ms: number) => void) {
      server.pingedAt.push(clock.now() - startedAt);
      if (server.answers) answered(null, 1);
      return true;
    },
  };
  const connection = {
    heardAt: startedAt,
    busySince: startedAt,
    pings: 0,
    inFlight: 1,
    roundTrip: new RoundTrip(1),
    condemn: vi.fn(),
    liveness: undefined as unknown as Http2Liveness,
  };
  connection.liveness = new Http2Liveness(connection, {
    session: session as unknown as ClientHttp2Session,
    socket: socket as unknown as Socket,
    clock,
    spacesPings: false,
  });
  const onSuspect = vi.fn();
  const watchdog = new Http2Watchdog(connection, clock, onSuspect);
  watchdog.start();
  return { connection, socket, server, watchdog, onSuspect };
}

test("asks after longer and longer silences, and after a second again once something has come", async () => {
  const { connection, server, watchdog } = watched();
  await vi.advanceTimersByTimeAsync(7_500);
  expect(server.pingedAt).toEqual([1_000, 3_000, 7_000]);
  connection.heardAt = Date.now();
  expect(watchdog.state).toBe("asking");
  watchdog.startOver();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(server.pingedAt).toEqual([1_000, 3_000, 7_000, 8_500]);
});

test("has no timer a second after the last stream, nor after one that waited longer", async () => {
  const { connection, watchdog } = watched();
  connection.inFlight = 0;
  await vi.advanceTimersByTimeAsync(1_000);
  expect(watchdog.state).toBe("off");
  expect(vi.getTimerCount()).toBe(0);
  connection.inFlight = 1;
  connection.busySince = Date.now();
  watchdog.start();
  await vi.advanceTimersByTimeAsync(2_000);
  expect(watchdog.state).toBe("asking");
  connection.inFlight = 0;
  watchdog.startOver();
  expect(watchdog.state).toBe("off");
  expect(vi.getTimerCount()).toBe(0);
});

async function after(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
  // What arrived is looked at after two turns of the event loop.
  for (let turns = 0; turns < 4; turns++) await new Promise((resolve) => setImmediate(resolve));
}

test("a PING without an answer makes a suspect, until a byte comes", async () => {
  const { connection, socket, server, watchdog, onSuspect } = watched();
  server.answers = false;
  await after(1_050);
  expect(watchdog.isSuspect).toBe(true);
  expect(onSuspect).toHaveBeenCalledTimes(1);
  await after(19_000);
  expect(watchdog.isSuspect).toBe(true);
  socket.bytesRead = 1;
  expect(watchdog.isSuspect).toBe(false);
  await after(900);
  expect(server.pingedAt).toEqual([1_000]);
  expect(connection.condemn).not.toHaveBeenCalled();
});

test("a suspect that is silent for 20 s is given up", async () => {
  const { connection, server } = watched();
  server.answers = false;
  await after(1_050);
  for (let seconds = 0; seconds < 19; seconds++) await after(1_000);
  expect(connection.condemn).not.toHaveBeenCalled();
  await after(1_000);
  expect(connection.condemn).toHaveBeenCalledTimes(1);
  expect(server.pingedAt).toEqual([1_000]);
});
