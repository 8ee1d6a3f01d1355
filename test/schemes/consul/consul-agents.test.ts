import { describe, expect, test } from "vitest";
import type { AddressAnswer } from "../../../src/dns/dns-client.ts";
import type { HttpRequest, HttpResponse } from "../../../src/net/http-get.ts";
import { createConsulAgents } from "../../../src/schemes/consul/consul-agents.ts";
import { FakeRuntime } from "../../support/fake-runtime.ts";

// When which agent is asked, on a clock of its own. What agents may answer, over sockets: consul-http.test.ts.

interface Sent {
  readonly to: string;
  readonly at: number;
  readonly request: HttpRequest;
  answer(status: number, body?: string): void;
  fail(message: string): void;
}

const DEADLINE_MS = 5_000;
/** The part of it that is for the agents. */
const LAST_MS = DEADLINE_MS * 0.9;

function setUp(hosts: readonly string[], dns: (host: string) => Promise<AddressAnswer> = async () => none) {
  const runtime = new FakeRuntime();
  const sent: Sent[] = [];
  const ask = createConsulAgents({
    agents: hosts.map((host) => ({ host, port: 8500 })),
    tls: false,
    credentials: async () => ({ headers: {}, values: [], tokenFrom: undefined }),
    get: (request) =>
      new Promise<HttpResponse>((resolve, reject) => {
        request.signal.addEventListener("abort", () => reject(request.signal.reason));
        sent.push({
          to: request.address,
          at: runtime.time - startedAt,
          request,
          answer: (status, body = "") => resolve({ status, headers: {}, body }),
          fail: (message) => reject(new Error(message)),
        });
      }),
    dns: { srv: () => Promise.reject(new Error("not needed")), addresses: (host) => dns(host) },
  });
  let startedAt = runtime.time;
  const lookUp = (signal = new AbortController().signal) => {
    startedAt = runtime.time;
    sent.length = 0;
    const state: { outcome?: string } = {};
    const { clock, random } = runtime;
    ask("/v1/x", {
      signal,
      deadline: runtime.time + DEADLINE_MS,
      clock,
      random,
      sleep: (ms, abort) => runtime.sleep(ms, abort, true),
      reason: "first",
    }).then(
      ({ response }) => {
        state.outcome = response.body;
      },
      (error: Error) => {
        state.outcome = error.message;
      },
    );
    return state;
  };
  const asked = () => sent.map(({ to, at }) => `${to} at ${at}`);
  const of = (to: string) => sent.findLast((one) => one.to === to) as Sent;
  return { runtime, sent, lookUp, asked, of };
}

const none: AddressAnswer = { kind: "nxdomain", ttlSeconds: 0 };
const found = (...addresses: string[]): AddressAnswer => ({
  kind: "records",
  records: addresses.map((address) => ({ address, ttlSeconds: 1 })),
});

describe("an agent that is slow", () => {
  test("alone: its late answer counts, and it gets no second request", async () => {
    const { runtime, lookUp, asked, of } = setUp(["10.0.0.1"]);
    const look = lookUp();
    await runtime.advance(4_400);
    of("10.0.0.1").answer(200, "late");
    await runtime.advance(0);
    expect(look.outcome).toBe("late");
    expect(asked()).toEqual(["10.0.0.1 at 0"]);
    expect(runtime.timers).toBe(0);
  });

  test("of several: the others are asked as well, one after the other; the first answer counts, and ends the others", async () => {
    const { runtime, sent, lookUp, asked, of } = setUp(["10.0.0.1", "10.0.0.2", "10.0.0.3"]);
    const look = lookUp();
    await runtime.advance(2_500);
    expect(asked()).toEqual(["10.0.0.1 at 0", "10.0.0.2 at 1000", "10.0.0.3 at 2000"]);
    of("10.0.0.1").answer(200, "first");
    await runtime.advance(0);
    expect(look.outcome).toBe("first");
    expect(sent.map(({ request }) => request.signal.aborted)).toEqual([true, true, true]);
    lookUp();
    await runtime.advance(0);
    expect(asked()).toEqual(["10.0.0.1 at 0"]);
  });

  test("many: each is asked before the time is over", async () => {
    const hosts = Array.from({ length: 9 }, (_, i) => `10.0.0.${i + 1}`);
    const { runtime, lookUp, sent } = setUp(hosts);
    lookUp();
    await runtime.advance(LAST_MS);
    expect(sent.map(({ to }) => to)).toEqual(hosts);
  });

  test("for ever: ends with the look-up, all requests aborted, none after it", async () => {
    const { runtime, sent, lookUp, asked } = setUp(["10.0.0.1", "10.0.0.2"]);
    const look = lookUp();
    await runtime.advance(60_000);
    expect(asked()).toEqual(["10.0.0.1 at 0", "10.0.0.2 at 1000"]);
    expect(sent.map(({ request }) => request.timeoutMs)).toEqual([LAST_MS, LAST_MS - 1_000]);
    expect(sent.every(({ request }) => request.signal.aborted)).toBe(true);
    expect(look.outcome).toBe(
      "cannot query Consul: 10.0.0.1:8500: no answer within 4500 ms; 10.0.0.2:8500: no answer within 4500 ms",
    );
  });

  test("a process that was frozen beyond the look-up's end: what has arrived counts, and nothing more is asked", async () => {
    for (const status of [200, 500]) {
      const { runtime, lookUp, asked, of } = setUp(["10.0.0.1", "10.0.0.2"]);
      const look = lookUp();
      await runtime.advance(100);
      runtime.time += 60_000;
      of("10.0.0.1").answer(status, "arrived");
      await runtime.advance(0);
      expect(asked()).toEqual(["10.0.0.1 at 0"]);
      expect(look.outcome).toBe(
        status === 200 ? "arrived" : "cannot query Consul: 10.0.0.1:8500: answered 500 (arrived)",
      );
    }
  });

  test("a look-up that is of no more use ends at once", async () => {
    const { runtime, sent, lookUp } = setUp(["10.0.0.1"]);
    const closing = new AbortController();
    const look = lookUp(closing.signal);
    await runtime.advance(100);
    closing.abort(new Error("closed"));
    await runtime.advance(0);
    expect(look.outcome).toBe("closed");
    expect(sent[0]?.request.signal.aborted).toBe(true);
    expect(runtime.timers).toBe(0);
  });
});

describe("an agent that fails", () => {
  test("is asked again when the others have failed or are silent, three requests in all", async () => {
    const { runtime, lookUp, asked, of } = setUp(["10.0.0.1", "10.0.0.2"]);
    const look = lookUp();
    await runtime.advance(10);
    of("10.0.0.1").answer(500, "no leader");
    await runtime.advance(10);
    expect(asked()).toEqual(["10.0.0.1 at 0", "10.0.0.2 at 10"]);
    // The second one is slow.
    await runtime.advance(1_000);
    expect(asked()).toEqual(["10.0.0.1 at 0", "10.0.0.2 at 10", "10.0.0.1 at 1010"]);
    of("10.0.0.1").fail("hung up");
    await runtime.advance(1_000);
    expect(asked()).toHaveLength(3);
    of("10.0.0.2").answer(200, "second");
    await runtime.advance(0);
    expect(look.outcome).toBe("second");
  });

  test("by refusing is not asked again; a late answer of another one counts", async () => {
    const { runtime, lookUp, asked, of } = setUp(["10.0.0.1", "10.0.0.2"]);
    const look = lookUp();
    await runtime.advance(0);
    of("10.0.0.1").answer(403);
    await runtime.advance(4_000);
    expect(asked()).toEqual(["10.0.0.1 at 0", "10.0.0.2 at 0"]);
    of("10.0.0.2").answer(200, "second");
    await runtime.advance(0);
    expect(look.outcome).toBe("second");
  });
});

describe("agents that are given by name", () => {
  test("both families of it are asked, in the answer's order, the last that answered first", async () => {
    const { runtime, lookUp, asked, of } = setUp(["localhost"], async () => found("127.0.0.1", "::1", "::1"));
    const look = lookUp();
    await runtime.advance(0);
    of("127.0.0.1").fail("connect ECONNREFUSED 127.0.0.1:8500");
    await runtime.advance(0);
    expect(asked()).toEqual(["127.0.0.1 at 0", "::1 at 0"]);
    of("::1").answer(200, "v6");
    await runtime.advance(0);
    expect(look.outcome).toBe("v6");
    lookUp();
    await runtime.advance(0);
    expect(asked()).toEqual(["::1 at 0"]);
    of("::1").answer(200);
    await runtime.advance(0);
    expect(runtime.timers).toBe(0);
  });

  test("its addresses of before are used while DNS fails, and are looked up again each time", async () => {
    const answers: (() => Promise<AddressAnswer>)[] = [
      async () => found("10.0.0.1"),
      () => Promise.reject(new Error("SERVFAIL")),
      async () => none,
      async () => found("10.0.0.2"),
    ];
    const { runtime, lookUp, asked } = setUp(["consul.test"], () =>
      (answers.shift() as () => Promise<AddressAnswer>)(),
    );
    for (const expected of ["10.0.0.1", "10.0.0.1", "10.0.0.1", "10.0.0.2"]) {
      lookUp();
      await runtime.advance(0);
      expect(asked()).toEqual([`${expected} at 0`]);
      await runtime.advance(LAST_MS);
    }
  });

  test("and while DNS is silent, after a while; its late answer counts from then on", async () => {
    let late = (_: AddressAnswer) => {};
    const answers = [
      Promise.resolve(found("10.0.0.1")),
      new Promise<AddressAnswer>((r) => (late = r)),
      new Promise<AddressAnswer>(() => {}),
    ];
    const { runtime, lookUp, asked } = setUp(["consul.test"], () => answers.shift() as Promise<AddressAnswer>);
    lookUp();
    await runtime.advance(LAST_MS);
    lookUp();
    await runtime.advance(999);
    expect(asked()).toEqual([]);
    await runtime.advance(1);
    expect(asked()).toEqual(["10.0.0.1 at 1000"]);
    late(found("10.0.0.2"));
    await runtime.advance(LAST_MS);
    lookUp();
    await runtime.advance(1_000);
    expect(asked()).toEqual(["10.0.0.2 at 1000"]);
  });

  test("a name that nobody knows, or that DNS is silent about, does not hide the next agent", async () => {
    for (const dns of [async () => none, () => new Promise<AddressAnswer>(() => {})]) {
      const { runtime, lookUp, of } = setUp(["consul.test", "10.0.0.2"], dns);
      const look = lookUp();
      await runtime.advance(1_000);
      of("10.0.0.2").answer(200, "second");
      await runtime.advance(0);
      expect(look.outcome).toBe("second");
    }
  });

  test("a name without an address is in the error", async () => {
    const { runtime, lookUp } = setUp(["consul.test"]);
    const look = lookUp();
    await runtime.advance(0);
    expect(look.outcome).toBe("cannot query Consul: consul.test:8500: its name has no address");
  });

  test("of many addresses sixteen are asked, each before the time is over", async () => {
    const addresses = Array.from({ length: 40 }, (_, i) => `10.0.0.${i + 1}`);
    const { runtime, sent, lookUp } = setUp(["consul.test"], async () => found(...addresses));
    lookUp();
    await runtime.advance(LAST_MS);
    expect(sent.map(({ to }) => to)).toEqual(addresses.slice(0, 16));
  });
});
