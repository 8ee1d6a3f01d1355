import dnsPacket from "dns-packet";
import { describe, expect, onTestFinished, test } from "vitest";
import { guard, MalformedAnswer, UNSPELLABLE } from "../../src/dns/check-message.ts";
import { hex, MESSAGES } from "../support/dns-messages.ts";
import { mutate, xorshift } from "../support/mutations.ts";

const QUESTION = "0173017400 00210001"; // s.t SRV

describe("refuses what dns-packet would accept", () => {
  test.each([
    // Measured: 400 ms of CPU and 200 MB from 23 bytes.
    ["a TXT that runs past the end, all counts 65535", "00008180 0000 ffff ffff ffff 0000100001000000000002"],
    ["the same with the flags of a query", "00001080 0000 ffff ffff ffff 0000100001000000000002"],
    ["all counts 65535 and nothing else", "12348180 ffff ffff ffff ffff"],
    // "undefined.undefined.undefined.undefined"
    ["an A without data", `12348180 0001 0001 0000 0000 ${QUESTION} c00c000100010000001e0000`],
    // "10.0.0.undefined"
    ["an A of 3 bytes", `12348180 0001 0001 0000 0000 ${QUESTION} c00c000100010000001e00030a0000`],
    ["an A of 16 bytes", `12348180 0001 0001 0000 0000 ${QUESTION} c00c000100010000001e0010${"00".repeat(16)}`],
    ["an AAAA of 15 bytes", `12348180 0001 0001 0000 0000 ${QUESTION} c00c001c00010000001e000f${"00".repeat(15)}`],
    // An SRV of priority 49164 and weight 33, made from the next record.
    [
      "an SRV without data",
      `12348180 0001 0002 0000 0000 ${QUESTION} c00c002100010000001e0000
       c00c002100010000001e000b0001000200500168017400`,
    ],
    [
      "an SRV longer than its target",
      `12348180 0001 0001 0000 0000 ${QUESTION} c00c002100010000001e000c000100020050 01680174 00ff`,
    ],
    ["an SRV past the end", `12348180 0001 0001 0000 0000 ${QUESTION} c00c002100010000001e01f4000100020050 0168017400`],
    ["a CNAME of the wrong length", `12348180 0001 0001 0000 0000 ${QUESTION} c00c000500010000001e0003 0168 00c00c`],
    ["two OPT records", `12348180 0001 0000 0000 0002 ${QUESTION} 00002904d0000000000000 00002904d0000000000000`],
    ["an OPT record in the answer", `12348180 0001 0001 0000 0000 ${QUESTION} 00002904d0000000000000`],
    ["an OPT record with an owner", `12348180 0001 0000 0000 0001 ${QUESTION} c00c002904d0000000000000`],
    ["an OPT option past the end", `12348180 0001 0000 0000 0001 ${QUESTION} 00002904d0000000000005 000a0008ff`],
    ["bytes after the last record", `12348180 0001 0000 0000 0000 ${QUESTION} 00`],
    ["a pointer to itself", "12348180 0001 0000 0000 0000 c00c 0021 0001"],
    ["a pointer into the header", `12348180 0001 0001 0000 0000 ${QUESTION} c00a000100010000001e00047f000001`],
    ["a pointer forward", `12348180 0001 0001 0000 0000 ${QUESTION} c030000100010000001e00047f000001`],
    [
      "a pointer into a record's type",
      `12348180 0001 0002 0000 0000 ${QUESTION} c00c000100010000001e00047f000001
       c017000100010000001e00047f000001`,
    ],
    ["a label of a reserved kind", "12348180 0001 0000 0000 0000 4000 0021 0001"],
    ["a name of more than 255 bytes", `12348180 0001 0000 0000 0000 ${`3f${"61".repeat(63)}`.repeat(4)}00 0021 0001`],
    ["nothing", ""],
    ["a cut header", "1234818000010000000000"],
  ])("%s", (_, bytes) => {
    expect(() => guard(hex(bytes))).toThrow(MalformedAnswer);
  });

  test("a long chain of pointers, at once", () => {
    // Each owner points to the one before it: a thousand names, whose chains dns-packet would walk to the start each time.
    const record = (to: number) => [0xc0 | (to >> 8), to & 0xff, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 127, 0, 0, 1];
    const head = [...hex(`12348180 0001 03e8 0000 0000 ${QUESTION}`)];
    const records = Array.from({ length: 1000 }, (_, i) => record(i === 0 ? 12 : head.length + 16 * (i - 1)));
    expect(() => guard(Buffer.from([...head, ...records.flat()]))).toThrow("too many compression pointers");
  });

  test("more records than the cap", () => {
    const message = hex(`12348180 0001 0bb8 0000 0000 ${QUESTION} ${"c00c000100010000001e00047f000001".repeat(3000)}`);
    expect(() => guard(message)).toThrow("more than 2048 records");
  });
});

describe("accepts what real servers send", () => {
  test.each(Object.entries(MESSAGES))("%s", (_, message) => {
    const { answers = [] } = dnsPacket.decode(guard(message).message as Buffer);
    expect(answers.length).toBe(message.readUInt16BE(6));
  });
});

test("the caller's bytes stay as they are", () => {
  const before = Buffer.from(MESSAGES.consul);
  expect(guard(MESSAGES.consul).message).not.toBe(MESSAGES.consul);
  expect(MESSAGES.consul.equals(before)).toBe(true);
});

test("masks records that dns-packet cannot be trusted with", () => {
  const types = (bytes: string) => {
    return dnsPacket.decode(guard(hex(bytes)).message as Buffer).answers?.map((answer) => answer.type as string);
  };
  // A DNSKEY of protocol 7: dns-packet would throw, and the whole message be lost.
  const dnskey = "c00c003000010000001e00040100 0708";
  const a = "c00c000100010000001e00047f000001";
  expect(types(`12348180 0001 0002 0000 0000 ${QUESTION} ${dnskey} ${a}`)).toEqual(["UNKNOWN_65280", "A"]);
  // A label "a.b": decoded, it could not be told from two labels. A label of invalid UTF-8.
  const dotted = "03612e6200 00010001 0000001e0004 7f000001";
  const binary = "02ffff00 00010001 0000001e0004 7f000001";
  expect(types(`12348180 0001 0003 0000 0000 ${QUESTION} ${dotted} ${binary} ${a}`)?.at(-1)).toBe("A");
  expect(types(`12348180 0001 0002 0000 0000 ${QUESTION} ${dotted} ${binary}`)).not.toContain("A");
  // An A of the class CHAOS has other data.
  expect(types(`12348180 0001 0001 0000 0000 ${QUESTION} c00c000100030000001e0002ffff`)).not.toContain("A");
});

test("tells an SRV or CNAME that leads to a name of no text from what has such a name itself", () => {
  const typesOf = (...records: string[]) => {
    const count = records.length.toString(16).padStart(4, "0");
    const { message } = guard(hex(`12348180 0001 ${count} 0000 0000 ${QUESTION} ${records.join("")}`));
    return dnsPacket.decode(message as Buffer).answers?.map((answer) => answer.type as string);
  };
  const blank = "0361206200"; // "a b"
  expect(typesOf(`c00c002100010000001e000b000000000050${blank}`)).toEqual([UNSPELLABLE.SRV]);
  expect(typesOf(`c00c000500010000001e0005${blank}`)).toEqual([UNSPELLABLE.CNAME]);
  // The owner's name, both names, another class, and a record that has the mask's type to begin with.
  expect(typesOf(`${blank}002100010000001e0009000000000050016800`)).toEqual(["UNKNOWN_65280"]);
  expect(typesOf(`${blank}000500010000001e0005${blank}`)).toEqual(["UNKNOWN_65280"]);
  expect(typesOf(`c00c002100030000001e000b000000000050${blank}`)).toEqual(["UNKNOWN_65280"]);
  expect(typesOf("c00cff2100010000001e0001ff", "c00cff0500010000001e0001ff")).toEqual([
    "UNKNOWN_65280",
    "UNKNOWN_65280",
  ]);
});

/** A million in `npm run test:fuzz`. */
const MUTATIONS = Number(process.env.FUZZ_MESSAGES ?? 50_000);

test("mutations are refused with its own error, or decoded without one", { timeout: 60_000 }, () => {
  const seeds = Object.values(MESSAGES);
  const random = xorshift(20_260_101);
  let accepted = 0;
  // Most of the time would go into stack traces.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  onTestFinished(() => {
    Error.stackTraceLimit = stackTraceLimit;
  });
  for (let i = 0; i < MUTATIONS; i++) {
    const message = mutate(seeds[i % seeds.length] as Buffer, seeds, random);
    let masked: Uint8Array;
    try {
      masked = guard(message).message;
    } catch (error) {
      if (!(error instanceof MalformedAnswer)) throw error;
      continue;
    }
    accepted++;
    const packet = dnsPacket.decode(masked as Buffer);
    if (dnsPacket.decode.bytes !== message.length) throw new Error(`other lengths: ${message.toString("hex")}`);
    for (const { type, ...record } of [...(packet.answers ?? []), ...(packet.additionals ?? [])]) {
      if (type !== "A" && type !== "AAAA" && type !== "SRV") continue;
      if (/undefined|NaN/.test(JSON.stringify(record))) throw new Error(`not decoded: ${message.toString("hex")}`);
    }
  }
  // Otherwise the mutations would show nothing.
  expect(accepted).toBeGreaterThan(MUTATIONS / 10);
  expect(accepted).toBeLessThan((9 * MUTATIONS) / 10);
});
