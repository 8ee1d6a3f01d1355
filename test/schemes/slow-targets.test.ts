import { describe, expect, test } from "vitest";
import type { Resolution } from "../../src/discovery/resolver.ts";
import { type AddressAnswer, type DnsClient, DnsError } from "../../src/dns/dns-client.ts";
import { createSrvResolver } from "../../src/schemes/srv.ts";
import { createStaticResolver } from "../../src/schemes/static.ts";
import { FakeRuntime, settled } from "../support/fake-runtime.ts";

// Targets whose addresses come late, or never: what has been found serves, and the rest joins it.

/** After how many milliseconds a target's address comes, or its look-up fails. */
type Look = { readonly afterMs: number; readonly fails?: true };
type Zone = Readonly<Record<string, Look & { readonly priority?: number }>>;

const DEADLINE_MS = 1_000;
/** Look-ups of targets end so much earlier than the look-up as a whole. */
const SILENT: Look = { afterMs: 0.9 * DEADLINE_MS, fails: true };

function dnsOf(zone: Zone, runtime: FakeRuntime): DnsClient {
  const names = Object.keys(zone);
  return {
    srv: async () => ({
      kind: "records",
      records: Object.entries(zone).map(([target, { priority = 0 }]) => {
        return { priority, weight: 1, port: 80, target: `${target}.test`, ttlSeconds: 30 };
      }),
      addresses: new Map(),
    }),
    async addresses(name): Promise<AddressAnswer> {
      const target = name.replace(".test", "");
      const { afterMs, fails } = zone[target] as Look;
      if (afterMs > 0) await runtime.sleep(afterMs, undefined, true);
      if (fails) throw new DnsError("cannot look up: no answer");
      return { kind: "records", records: [{ address: `10.0.0.${names.indexOf(target) + 1}`, ttlSeconds: 60 }] };
    },
  };
}

interface Step {
  readonly afterMs: number;
  readonly shown: string;
}

const show = (resolution: Resolution) => {
  if (resolution.kind !== "endpoints") return resolution.kind;
  const names = resolution.endpoints.map(({ name = "" }) => name.replace(".test", ""));
  return `${names.join(" ")} for ${(resolution.ttlMs ?? 0) / 1_000} s`;
};

/** What a look-up gives at first, and what joins later. */
async function lookUp(zone: Zone, sampleSize?: number) {
  const runtime = new FakeRuntime();
  const resolver = createSrvResolver({
    target: "test",
    name: "_grpc._tcp.users.test",
    dns: dnsOf(zone, runtime),
    family: "auto",
    sampleSize,
  });
  return await followed(resolver.resolve, runtime);
}

async function followed(resolve: ReturnType<typeof createSrvResolver>["resolve"], runtime: FakeRuntime) {
  const startedAt = runtime.time;
  const steps: Record<string, Step> = {};
  const note = (name: string) => (shown: string) => {
    steps[name] = { afterMs: runtime.time - startedAt, shown };
  };
  void resolve({
    signal: new AbortController().signal,
    deadline: startedAt + DEADLINE_MS,
    clock: runtime.clock,
    random: runtime.random,
    sleep: (ms, signal) => runtime.sleep(ms, signal, true),
    reason: "first",
  }).then(
    (first) => {
      note("first")(show(first));
      if (first.kind === "endpoints") void first.rest?.then(show).then(note("rest"), () => note("rest")("failed"));
    },
    () => note("first")("failed"),
  );
  await settled();
  for (let ms = 0; ms < 2 * DEADLINE_MS; ms += 10) await runtime.advance(10);
  return { ...steps, timers: runtime.timers };
}

describe("of an SRV answer", () => {
  const PROMPT: Look = { afterMs: 0 };
  test.each<[string, Zone, Step, Step | undefined]>([
    ["all are there", { a: PROMPT, b: PROMPT }, { afterMs: 0, shown: "a b for 30 s" }, undefined],
    [
      "one is late",
      { a: PROMPT, b: { afterMs: 600 }, c: PROMPT },
      { afterMs: 100, shown: "a c for 5 s" },
      { afterMs: 600, shown: "a b c for 30 s" },
    ],
    [
      "one is silent",
      { a: PROMPT, b: SILENT, c: PROMPT },
      { afterMs: 100, shown: "a c for 5 s" },
      { afterMs: 900, shown: "a c for 5 s" },
    ],
    ["one is a little slow", { a: PROMPT, b: { afterMs: 90 } }, { afterMs: 90, shown: "a b for 30 s" }, undefined],
    ["all are slow", { a: { afterMs: 300 }, b: { afterMs: 320 } }, { afterMs: 320, shown: "a b for 30 s" }, undefined],
    [
      "all are slow, one of them very",
      { a: { afterMs: 300 }, b: { afterMs: 700 } },
      { afterMs: 400, shown: "a for 5 s" },
      { afterMs: 700, shown: "a b for 30 s" },
    ],
    [
      "the first tier is silent: the second one serves when that has failed",
      { a: SILENT, b: { ...PROMPT, priority: 1 } },
      { afterMs: 900, shown: "b for 5 s" },
      undefined,
    ],
    [
      "the first tier fails late",
      { a: { afterMs: 400, fails: true }, b: { ...PROMPT, priority: 1 }, c: { ...SILENT, priority: 1 } },
      { afterMs: 500, shown: "b for 5 s" },
      { afterMs: 900, shown: "b for 5 s" },
    ],
    [
      "the second tier is silent",
      { a: PROMPT, b: { ...SILENT, priority: 1 } },
      { afterMs: 100, shown: "a for 5 s" },
      { afterMs: 900, shown: "a for 5 s" },
    ],
    ["all are silent", { a: SILENT, b: SILENT }, { afterMs: 900, shown: "failed" }, undefined],
  ])("%s", async (_, zone, first, rest) => {
    expect(await lookUp(zone)).toEqual({ first, ...(rest !== undefined && { rest }), timers: 0 });
  });

  test("which is a sample of a larger one, all are waited for: half a sample would count as two", async () => {
    expect(await lookUp({ a: { afterMs: 0 }, b: { afterMs: 600 } }, 2)).toMatchObject({
      first: { afterMs: 600, shown: "a b for 30 s" },
    });
  });
});

test("of a list, what is found serves as well", async () => {
  const runtime = new FakeRuntime();
  const dns = dnsOf({ a: { afterMs: 0 }, b: SILENT }, runtime);
  const entries = ["a.test:80", "b.test:80"];
  const resolver = createStaticResolver({ target: "test", entries, dns: () => dns, family: "auto" });
  expect(await followed(resolver.resolve, runtime)).toMatchObject({ first: { afterMs: 100, shown: "a for 5 s" } });
});
