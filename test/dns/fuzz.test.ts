import { expect, onTestFinished, test } from "vitest";
import type { LookUpFact } from "../../src/discovery/answer-cache.ts";
import { CachedResolver } from "../../src/discovery/cached-resolver.ts";
import type { Resolver } from "../../src/discovery/resolver.ts";
import { type DnsClient, DnsError } from "../../src/dns/dns-client.ts";
import type { DnsSockets, SocketListener } from "../../src/dns/dns-sockets.ts";
import { createStubResolver } from "../../src/dns/stub-resolver.ts";
import { canonicalIp } from "../../src/net/ip-address.ts";
import { createConsulResolver } from "../../src/schemes/consul/consul-dns.ts";
import { createHostResolver } from "../../src/schemes/dns.ts";
import { createSrvResolver } from "../../src/schemes/srv.ts";
import { collectGarbage } from "../support/collect-garbage.ts";
import { MESSAGES } from "../support/dns-messages.ts";
import { FakeRuntime } from "../support/fake-runtime.ts";
import { mutate, xorshift } from "../support/mutations.ts";

// Mutated answers of real servers through all that reads them: client, aliases, follow-ups, resolvers, checks and the
// directory. Only the sockets and the clock are not real.

const MESSAGES_TO_SEND = Number(process.env.FUZZ_MESSAGES ?? 30_000);
/** Look-ups at a time. */
const LANES = 64;
/** Messages between two forced collections. */
const COLLECT_EVERY = 50_000;
/** Past every TTL and every pause of a directory, so that each round is a look-up. */
const ROUND_MS = 600_000;

const seeds = Object.values(MESSAGES);
const random = xorshift(20_260_202);
const pick = <T>(list: readonly T[]): T => list[random(list.length)] as T;

const TYPES: Readonly<Record<number, "A" | "AAAA" | "SRV">> = { 1: "A", 28: "AAAA", 33: "SRV" };

/** Name, type and class. */
function questionOf(message: Uint8Array): Buffer {
  let end = 12;
  while (message[end] !== 0) end += 1 + (message[end] as number);
  return Buffer.from(message.subarray(12, end + 5));
}

/** The answer that a real server gave to this question, or to another of its type, with this question in its place. */
function seedFor(question: Buffer): Buffer {
  const type = question.readUInt16BE(question.length - 4);
  const own = seeds.filter((seed) => questionOf(seed).equals(question));
  if (own.length > 0 && random(4) > 0) return pick(own);
  const seed = pick(seeds.filter((other) => questionOf(other).readUInt16BE(questionOf(other).length - 4) === type));
  return Buffer.concat([seed.subarray(0, 12), question, seed.subarray(12 + questionOf(seed).length)]);
}

/** What comes back for a query, if anything does. Some answers are whole, or nothing would be followed up. */
function answerTo(query: Uint8Array): Buffer | undefined {
  const chance = random(16);
  if (chance === 0) return undefined;
  const seed = seedFor(questionOf(query));
  const message = chance < 5 ? Buffer.from(seed) : mutate(seed, seeds, random);
  if (message.length >= 2 && chance < 15) message.set(query.subarray(0, 2));
  return message;
}

function inMemorySockets(): DnsSockets & { readonly sent: number; readonly open: number } {
  let sent = 0;
  let open = 0;
  const ask = (query: Uint8Array, listener: SocketListener) => {
    let isOpen = true;
    open++;
    const message = answerTo(query);
    if (message !== undefined) {
      sent++;
      queueMicrotask(() => isOpen && listener.onMessage(message));
    } else if (random(2) === 0) {
      queueMicrotask(() => isOpen && listener.onError(new Error("connect ECONNREFUSED")));
    }
    return () => {
      if (isOpen) open--;
      isOpen = false;
    };
  };
  return {
    messageId: () => random(0x1_0000),
    udp: (_, query, listener) => ask(query, listener),
    tcp: (_, query, listener) => ask(query, listener),
    drain: async () => {},
    get sent() {
      return sent;
    },
    get open() {
      return open;
    },
  };
}

/** A resolver that asks what the seed answers. */
function resolverFor(seed: Buffer, dns: DnsClient, lane: number): Resolver {
  const question = questionOf(seed);
  const name = nameIn(question);
  const sampleSize = lane % 2 === 0 ? 2 : undefined;
  const type = TYPES[question.readUInt16BE(question.length - 4)];
  if (name === "users.service.consul") {
    return createConsulResolver({ target: name, service: "users", dns, overUdp: lane % 4 === 0, family: "auto" });
  }
  if (type === "SRV") return createSrvResolver({ target: name, name, sampleSize, dns, family: "auto" });
  const family = type === "A" ? "ipv4" : "ipv6";
  return createHostResolver({ target: name, host: name, port: 80, sampleSize, dns, family });
}

function nameIn(question: Buffer): string {
  const labels: string[] = [];
  for (let at = 0; question[at] !== 0; at += 1 + (question[at] as number)) {
    labels.push(question.toString("latin1", at + 1, at + 1 + (question[at] as number)));
  }
  return labels.join(".");
}

/** What a look-up may come to; the error of anything else. */
function strange(fact: LookUpFact): unknown {
  if (fact.kind === "failed") {
    const { error } = fact;
    return error instanceof DnsError || `${error}` === "Error: no answer within 5000 ms" ? undefined : error;
  }
  if (fact.kind !== "answered") return undefined;
  return fact.answer.endpoints.find(
    ({ address, port, weight = 1, tier = 0 }) =>
      canonicalIp(address) !== address || !(port > 0 && port < 65_536) || !(weight >= 0) || !(tier >= 0),
  );
}

test(`${MESSAGES_TO_SEND} mutated answers: nothing hangs, nothing but our own errors, no memory kept`, {
  timeout: 600_000,
}, async () => {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  onTestFinished(() => {
    Error.stackTraceLimit = stackTraceLimit;
  });
  const runtime = new FakeRuntime({ seed: 5 });
  const sockets = inMemorySockets();
  const servers = async () => ({ servers: [{ address: "127.0.0.1", port: 53 }] });
  const dns = createStubResolver({ servers, sockets, runtime });
  const counts = { answered: 0, unconfirmed: 0, failed: 0 };
  let pending = 0;
  const directories = Array.from({ length: LANES }, (_, lane) => {
    const onFact = (fact: LookUpFact) => {
      pending--;
      counts[fact.kind]++;
      const problem = strange(fact);
      if (problem !== undefined) throw problem;
    };
    const limits = { minTtlMs: 5_000, maxTtlMs: 300_000, maxStaleMs: 3_600_000 };
    return new CachedResolver(resolverFor(seeds[lane % seeds.length] as Buffer, dns, lane), limits, runtime, {
      onLookUp: onFact,
      onAnswer() {},
    });
  });

  let heapBefore: number | undefined;
  let collectedAt = 0;
  while (sockets.sent < MESSAGES_TO_SEND) {
    runtime.time += ROUND_MS;
    pending = LANES;
    for (const directory of directories) directory.peek(runtime.time);
    // Promises first; then the timers of those that were not answered.
    await new Promise((resolve) => setImmediate(resolve));
    if (pending > 0) await runtime.advance(5_000);
    await new Promise((resolve) => setImmediate(resolve));
    expect({ pending, open: sockets.open, timers: runtime.timers }).toEqual({ pending: 0, open: 0, timers: 0 });
    // Node's own tables of weak references (those of AbortSignal.any) grow with what waits to be collected, and stay so.
    if (sockets.sent > collectedAt + COLLECT_EVERY) {
      collectedAt = sockets.sent;
      await collectGarbage();
    }
    if (heapBefore === undefined && sockets.sent > MESSAGES_TO_SEND / 4) heapBefore = await heapUsed();
  }
  // Half of a megabyte comes and goes; 400 bytes kept of each look-up would be two in the short run.
  expect((await heapUsed()) - (heapBefore as number)).toBeLessThan(1_500_000);
  // Otherwise the mutations would show nothing.
  const lookUps = counts.answered + counts.unconfirmed + counts.failed;
  for (const count of Object.values(counts)) expect(count / lookUps).toBeGreaterThan(0.002);
});

async function heapUsed(): Promise<number> {
  await collectGarbage();
  return process.memoryUsage().heapUsed;
}
