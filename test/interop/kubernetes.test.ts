import { setTimeout as sleep } from "node:timers/promises";
import { createClient } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type BalancedTransportOptions, callReport, createBalancedTransport } from "../../src/node.ts";
import { rejection } from "../support/endpoint-client.ts";
import { EchoService } from "../support/gen/echo_pb.ts";
import { type EchoServer, startEchoServer } from "../support/servers.ts";
import { lookUp } from "./look-up.ts";
import { corednsOf } from "./servers/coredns.ts";
import { type KubernetesApi, type Slice, startKubernetesApi } from "./servers/kubernetes-api.ts";
import { type RealServer, startServer } from "./servers/process.ts";

// Headless services, as CoreDNS's kubernetes plugin tells of them. The API behind it is ours.

const CLUSTER = "cluster.local";
const nameOf = (service: string) => `_grpc._tcp.${service}.shop.svc.${CLUSTER}`;

let api: KubernetesApi;
let coredns: RealServer<unknown>;
let pods: EchoServer[];
beforeAll(async () => {
  pods = await Promise.all(
    [1, 2, 3].map((n) => startEchoServer({ name: `pod-${n}`, httpVersion: "2", address: `127.0.0.${n}` })),
  );
  api = await startKubernetesApi();
  api.setClusterIp("ready", "127.0.0.1");
  const plugin = `kubernetes ${CLUSTER} {\n  endpoint http://127.0.0.1:${api.port}\n }`;
  coredns = await startServer(corednsOf, { [CLUSTER]: plugin }, `ready.shop.svc.${CLUSTER}`);
});
afterAll(async () => {
  for (const pod of pods ?? []) pod.kill();
  await coredns?.stop();
  await api?.[Symbol.asyncDispose]();
});

/** A slice for each pod, because each has a port of its own. */
const slicesOf = (numbers: readonly number[], ready = true): Slice[] =>
  numbers.map((n) => {
    const { address, port } = pods[n - 1] as EchoServer;
    return { port, pods: [{ address, ready }] };
  });

function clientOf(service: string, options: Partial<BalancedTransportOptions> = {}) {
  const target = `srv://${coredns.address}/${nameOf(service)}`;
  const transport = createBalancedTransport({ target, tls: false, ...options });
  return { transport, client: createClient(EchoService, transport) };
}

/** CoreDNS learns of a change a few milliseconds later. */
async function known<T>(condition: () => Promise<T | undefined>): Promise<T> {
  for (const deadline = Date.now() + 5_000; ; ) {
    const value = await condition().catch(() => undefined);
    if (value !== undefined) return value;
    if (Date.now() > deadline) throw new Error("CoreDNS has not heard of it");
    await sleep(10);
  }
}

async function endpoints(name: string, count: number) {
  return known(async () => {
    const found = await lookUp(coredns, name);
    return found.kind === "endpoints" && found.endpoints.length === count ? found : undefined;
  });
}

describe("the answers", () => {
  test.each([
    [3, 33],
    [7, 14],
    [60, 1],
    [150, 1],
  ])("%i pods are all there, each with weight %i", async (count, weight) => {
    const addresses = Array.from({ length: count }, (_, i) => `127.1.0.${i + 1}`);
    api.setPods(`of-${count}`, [{ port: 80, pods: addresses.map((address) => ({ address })) }]);
    const found = await endpoints(nameOf(`of-${count}`), count);
    expect(found.ttlMs).toBe(5_000);
    expect(found.endpoints).toEqual(
      expect.arrayContaining(
        addresses.map((address) => {
          const name = `${address.replaceAll(".", "-")}.of-${count}.shop.svc.${CLUSTER}`;
          return { address, port: 80, name, weight, tier: 0 };
        }),
      ),
    );
  });

  test("pods of a StatefulSet have their own names", async () => {
    api.setPods("stateful", [{ port: 80, pods: [{ address: "127.1.0.1", hostname: "users-0" }] }]);
    const { endpoints: found } = await endpoints(nameOf("stateful"), 1);
    expect(found[0]?.name).toBe(`users-0.stateful.shop.svc.${CLUSTER}`);
  });

  test("a pod that is not ready is left out", async () => {
    const some = [{ address: "127.1.0.1" }, { address: "127.1.0.2", ready: false }];
    api.setPods("partly", [{ port: 80, pods: some }]);
    expect((await endpoints(nameOf("partly"), 1)).endpoints).toMatchObject([{ address: "127.1.0.1", weight: 100 }]);
  });

  test("without a port's name, all ports are mixed up", async () => {
    const served = [{ address: "127.1.0.1" }, { address: "127.1.0.2" }];
    api.setPods("ports", [
      { port: 80, pods: served },
      { port: 81, portName: "metrics", pods: served },
    ]);
    expect((await endpoints(`ports.shop.svc.${CLUSTER}`, 4)).endpoints.map(({ weight }) => weight)).toEqual([
      25, 25, 25, 25,
    ]);
    expect((await endpoints(nameOf("ports"), 2)).endpoints.map(({ port }) => port)).toEqual([80, 80]);
  });

  test("with two families, a pod is there twice, unless one family is asked for", async () => {
    api.setPods("dual", [
      { port: 80, pods: [{ address: "127.1.0.1" }] },
      { port: 80, pods: [{ address: "fd00::61" }] },
    ]);
    await endpoints(nameOf("dual"), 2);
    const one = await lookUp(coredns, nameOf("dual"), { family: "ipv4" });
    expect(one).toMatchObject({ endpoints: [{ address: "127.1.0.1" }] });
  });

  test("a service with an address of its own is one endpoint", async () => {
    api.setClusterIp("virtual", "127.1.0.9");
    expect((await endpoints(nameOf("virtual"), 1)).endpoints).toMatchObject([{ address: "127.1.0.9", port: 80 }]);
  });
});

describe("calls", () => {
  const ages = { minTtlMs: 100, maxTtlMs: 100 };

  test("pods come and go without a failed call", async () => {
    api.setPods("users", slicesOf([1, 2]));
    await endpoints(nameOf("users"), 2);
    const { client } = clientOf("users", { dns: ages });
    const answers: string[] = [];
    const callUntil = async (isOver: () => boolean) => {
      const deadline = Date.now() + 5_000;
      while (!isOver()) {
        answers.push((await client.get({})).server);
        if (Date.now() > deadline) throw new Error(`the last calls were answered by ${answers.slice(-50)}`);
        await sleep(1);
      }
    };
    await callUntil(() => new Set(answers).size === 2);
    // One more, as in a rolling update.
    api.setPods("users", slicesOf([1, 2, 3]));
    await callUntil(() => answers.includes("pod-3"));
    // One less: it leaves the slices, and ends.
    api.setPods("users", slicesOf([2, 3]));
    (pods[0] as EchoServer).drain();
    const seen = answers.length;
    await callUntil(() => answers.length >= seen + 100 && !answers.slice(-100).includes("pod-1"));
  });

  test("no ready pod: the last ones are called until that is confirmed", async () => {
    api.setPods("fading", slicesOf([2]));
    await endpoints(nameOf("fading"), 1);
    const { client, transport } = clientOf("fading", { dns: ages });
    await client.get({});
    api.setPods("fading", slicesOf([2], false));
    await known(async () => ((await lookUp(coredns, nameOf("fading"))).kind === "empty" ? true : undefined));
    await transport.refresh();
    expect(await client.get({})).toMatchObject({ server: "pod-2" });
  });

  test("no ready pod from the start is one clear error, until there is one", async () => {
    api.setPods("starting", slicesOf([3], false));
    const { client, transport } = clientOf("starting");
    const error = await rejection(client.get({}));
    expect(`${callReport(error)?.lookUpError ?? transport.snapshot().answer?.reason}`).toContain("(NXDOMAIN)");
    api.setPods("starting", slicesOf([3]));
    await endpoints(nameOf("starting"), 1);
    await transport.refresh();
    expect(await client.get({})).toMatchObject({ server: "pod-3" });
  });
});
