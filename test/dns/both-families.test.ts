import { describe, expect, test } from "vitest";
import { askBothFamilies } from "../../src/dns/both-families.ts";
import { type AddressAnswer, DnsError } from "../../src/dns/dns-client.ts";
import { FakeRuntime, settled } from "../support/fake-runtime.ts";

// The addresses of a name: what one family comes to does not hide the other.

type Said = AddressAnswer | Error | "silence" | { readonly afterMs: number; readonly answer: AddressAnswer };

const found = (...addresses: string[]): AddressAnswer => ({
  kind: "records",
  records: addresses.map((address) => ({ address, ttlSeconds: 30 })),
});
const nothing = (kind: "nxdomain" | "nodata", ttlSeconds = 5): AddressAnswer => ({ kind, ttlSeconds });
const failure = new DnsError("cannot look up: SERVFAIL");

/** What comes of two answers, and after how long. */
async function asked(said: { A: Said; AAAA: Said }, usable: "both" | "IPv4" | "IPv6" = "both") {
  const runtime = new FakeRuntime();
  const signals: AbortSignal[] = [];
  const types: string[] = [];
  const startedAt = runtime.time;
  const deadline = startedAt + 5_000;
  const result = askBothFamilies(
    async (type, limits) => {
      signals.push(limits.signal);
      types.push(type);
      const answer = said[type];
      if (answer === "silence") {
        await runtime.sleep(limits.deadline - runtime.time, limits.signal);
        throw new DnsError(`cannot look up ${type}: no answer`);
      }
      if (answer instanceof Error) throw answer;
      if (!("afterMs" in answer)) return answer;
      await runtime.sleep(answer.afterMs, limits.signal);
      return answer.answer;
    },
    { signal: new AbortController().signal, deadline },
    runtime,
    (version) => usable === "both" || usable === `IPv${version}`,
  ).then(
    (answer) => ({ answer, tookMs: runtime.time - startedAt }),
    (error: Error) => ({ error: error.message, tookMs: runtime.time - startedAt }),
  );
  let ended: Awaited<typeof result> | undefined;
  void result.then((value) => {
    ended = value;
  });
  while (ended === undefined) {
    await settled();
    if (ended === undefined) await runtime.advance(10);
  }
  await settled();
  return {
    ...ended,
    types: types.join(" "),
    timers: runtime.timers,
    open: signals.filter((signal) => !signal.aborted).length,
  };
}

describe("a name's addresses", () => {
  test.each<[string, Said, Said, readonly string[], number]>([
    ["of both families", found("10.0.0.1"), found("2001:db8::1"), ["10.0.0.1", "2001:db8::1"], 0],
    ["of IPv4 alone", found("10.0.0.1"), nothing("nodata"), ["10.0.0.1"], 0],
    ["of IPv6 alone", nothing("nodata"), found("2001:db8::1"), ["2001:db8::1"], 0],
    ["of IPv6, where IPv4 is said not to exist", nothing("nxdomain"), found("2001:db8::1"), ["2001:db8::1"], 0],
    ["of IPv4, where IPv6 is said not to exist", found("10.0.0.1"), nothing("nxdomain"), ["10.0.0.1"], 0],
    ["of IPv6, where IPv4 fails", failure, found("2001:db8::1"), ["2001:db8::1"], 0],
    ["of IPv4, where IPv6 fails", found("10.0.0.1"), failure, ["10.0.0.1"], 0],
    ["of IPv4, where nobody answers for IPv6", found("10.0.0.1"), "silence", ["10.0.0.1"], 50],
    ["of IPv6, where nobody answers for IPv4", "silence", found("2001:db8::1"), ["2001:db8::1"], 250],
    [
      "of IPv4 with a late IPv6",
      found("10.0.0.1"),
      { afterMs: 40, answer: found("2001:db8::1") },
      ["10.0.0.1", "2001:db8::1"],
      40,
    ],
    [
      "of IPv6 with a late IPv4",
      { afterMs: 240, answer: found("10.0.0.1") },
      found("2001:db8::1"),
      ["10.0.0.1", "2001:db8::1"],
      240,
    ],
    [
      "of a server that is slow about everything",
      { afterMs: 900, answer: found("10.0.0.1") },
      { afterMs: 900, answer: nothing("nodata") },
      ["10.0.0.1"],
      900,
    ],
  ])("%s", async (_, A, AAAA, addresses, tookMs) => {
    const result = await asked({ A, AAAA });
    expect(result).toMatchObject({ answer: { kind: "records" }, tookMs, timers: 0, open: 0 });
    expect(
      "answer" in result && result.answer.kind === "records" && result.answer.records.map((one) => one.address),
    ).toEqual(addresses);
  });

  test.each<[string, Said, Said, object]>([
    ["neither is there", nothing("nodata", 7), nothing("nodata", 3), { answer: nothing("nodata", 3) }],
    ["neither is said to exist", nothing("nxdomain", 7), nothing("nxdomain", 9), { answer: nothing("nxdomain", 7) }],
    ["one says that the name exists", nothing("nxdomain"), nothing("nodata"), { answer: nothing("nodata") }],
    ["both fail", failure, failure, { error: failure.message }],
  ])("are none where %s", async (_, A, AAAA, result) => {
    expect(await asked({ A, AAAA })).toMatchObject({ ...result, tookMs: 0 });
  });

  test.each<[string, Said, Said]>([
    ["IPv4", failure, nothing("nxdomain")],
    ["IPv6", nothing("nodata"), failure],
  ])(
    "are not known where %s fails and the other has none: a look-up that failed, not an empty answer",
    async (_, A, AAAA) => {
      const result = await asked({ A, AAAA });
      expect(result).toHaveProperty("error");
      expect("error" in result && result.error).toMatch(/SERVFAIL; the other family has no address/);
    },
  );
});

describe("where the machine has one family only, that one is waited for: its question may have been lost", () => {
  const late = (answer: AddressAnswer) => ({ afterMs: 1_010, answer });
  test.each<[string, "IPv4" | "IPv6", Said, Said, readonly string[], number]>([
    ["IPv4", "IPv4", late(found("10.0.0.1")), found("2001:db8::1"), ["10.0.0.1", "2001:db8::1"], 1_010],
    ["IPv6", "IPv6", found("10.0.0.1"), late(found("2001:db8::1")), ["10.0.0.1", "2001:db8::1"], 1_010],
    ["IPv4, which never comes", "IPv4", "silence", found("2001:db8::1"), ["2001:db8::1"], 5_000],
    ["IPv6, which never comes", "IPv6", found("10.0.0.1"), "silence", ["10.0.0.1"], 5_000],
    ["not for loopback, IPv6", "IPv4", "silence", found("::1"), ["::1"], 500],
  ])("%s", async (_, usable, A, AAAA, addresses, tookMs) => {
    const result = await asked({ A, AAAA }, usable);
    expect(result).toMatchObject({ types: "A AAAA", tookMs, timers: 0, open: 0 });
    expect(
      "answer" in result && result.answer.kind === "records" && result.answer.records.map((one) => one.address),
    ).toEqual(addresses);
  });
});

describe("a machine without IPv6 asks for it only", () => {
  test.each<[string, Said, Said, string, number]>([
    ["not at all, where IPv4 has addresses", found("10.0.0.1"), found("2001:db8::1"), "A", 0],
    ["where they are loopback", found("127.0.0.1"), found("::1"), "A AAAA", 0],
    ["where there are none", nothing("nxdomain"), found("2001:db8::1"), "A AAAA", 0],
    ["where IPv4 fails", failure, found("2001:db8::1"), "A AAAA", 0],
    ["where IPv4 takes more than 250 ms", { afterMs: 300, answer: found("10.0.0.1") }, "silence", "A AAAA", 350],
  ])("%s", async (_, A, AAAA, types, tookMs) => {
    const result = await asked({ A, AAAA }, "IPv4");
    expect(result).toMatchObject({ answer: { kind: "records" }, types, tookMs, timers: 0, open: 0 });
  });
});
