import { create } from "@bufbuild/protobuf";
import { WireType } from "@bufbuild/protobuf/wire";
import { Code, createClient, createRouterTransport } from "@connectrpc/connect";
import { compressionBrotli, compressionGzip } from "@connectrpc/connect-node";
import { describe, expect, test } from "vitest";
import { type BalancedTransportOptions, createBalancedTransport, type EndpointContext } from "../../src/node.ts";
import { rejection } from "../support/endpoint-client.ts";
import { EchoRequestSchema, EchoService } from "../support/gen/echo_pb.ts";
import { startWireServer, type WireServer } from "../support/wire-server.ts";

// Options of the wire, by what a real server receives and what its client makes of the answer.

type Wire = Required<Pick<BalancedTransportOptions, "protocol" | "httpVersion">>;

const WIRES: readonly Wire[] = [
  { protocol: "connect", httpVersion: "2" },
  { protocol: "connect", httpVersion: "1.1" },
  { protocol: "grpc", httpVersion: "2" },
  { protocol: "grpc-web", httpVersion: "2" },
  { protocol: "grpc-web", httpVersion: "1.1" },
];

function clientOf({ port }: WireServer, options: Partial<BalancedTransportOptions>) {
  return createClient(
    EchoService,
    createBalancedTransport({ target: `static:///127.0.0.1:${port}`, tls: false, ...options }),
  );
}

const LONG = "a".repeat(50_000);

/** A request with a field that the server's schema does not have. */
const unknownField = () => {
  const request = create(EchoRequestSchema, { text: "known" });
  request.$unknown = [{ no: 99, wireType: WireType.Varint, data: Uint8Array.of(7) }];
  return request;
};

describe.each(WIRES)("over $protocol on HTTP/$httpVersion", (wire) => {
  test.each([
    [undefined, ""],
    ["/", ""],
    ["/api", "/api"],
    ["/api/", "/api"],
    ["/api/v1//", "/api/v1"],
  ])("pathPrefix %j comes before the method, with one slash between", async (pathPrefix, expected) => {
    using server = await startWireServer(wire.httpVersion, expected);
    const client = clientOf(server, { ...wire, ...(pathPrefix === undefined ? {} : { pathPrefix }) });
    expect((await client.get({ text: "found" })).text).toBe("found");
    expect(server.requests.map(({ path }) => path)).toEqual([`${expected}/connectlb.test.v1.EchoService/Get`]);
  });

  test("connect.readMaxBytes: a longer response fails with ResourceExhausted, a shorter one does not", async () => {
    using server = await startWireServer(wire.httpVersion);
    const client = clientOf(server, { ...wire, connect: { readMaxBytes: 100 } });
    expect((await client.get({ text: "short" })).text).toBe("short");
    expect(await rejection(client.get({ text: LONG }))).toMatchObject({ code: Code.ResourceExhausted });
    expect(server.calls).toBe(2);
  });

  test("connect.writeMaxBytes: a longer request fails with ResourceExhausted and is not executed", async () => {
    using server = await startWireServer(wire.httpVersion);
    const client = clientOf(server, { ...wire, connect: { writeMaxBytes: 100 } });
    expect((await client.post({ text: "short" })).text).toBe("short");
    expect(await rejection(client.post({ text: LONG }))).toMatchObject({ code: Code.ResourceExhausted });
    expect(server.calls).toBe(1);
  });

  test("connect.binaryOptions: unknown fields are neither written nor read", async () => {
    using server = await startWireServer(wire.httpVersion);
    const unknown = async (binaryOptions: object) => {
      const response = await clientOf(server, { ...wire, connect: { binaryOptions } }).get(unknownField());
      return response.$unknown?.length ?? 0;
    };
    expect(await unknown({})).toBe(1);
    const all = server.requests.at(-1)?.body.length as number;
    expect(await unknown({ readUnknownFields: false })).toBe(0);
    expect(server.requests.at(-1)?.body).toHaveLength(all);
    expect(await unknown({ writeUnknownFields: false })).toBe(0);
    expect(server.requests.at(-1)?.body.length).toBeLessThan(all);
  });

  test("connect.useBinaryFormat: false sends JSON, as connect.jsonOptions say", async () => {
    using server = await startWireServer(wire.httpVersion);
    const sent = async (connect: NonNullable<BalancedTransportOptions["connect"]>) => {
      await clientOf(server, { ...wire, connect }).post({ text: "x", delayMs: 1 });
      const { header, body } = server.requests.at(-1) as WireServer["requests"][number];
      return `${header.get("content-type")} ${body.toString("latin1")}`;
    };
    expect(await sent({})).not.toContain("json");
    expect(await sent({ useBinaryFormat: false })).toMatch(/json .*"delayMs":1/);
    const jsonOptions = { useProtoFieldName: true };
    expect(await sent({ useBinaryFormat: false, jsonOptions })).toMatch(/json .*"delay_ms":1/);
  });

  test("connect.sendCompression compresses what has at least connect.compressMinBytes", async () => {
    using server = await startWireServer(wire.httpVersion);
    const bytes = async (text: string, connect: NonNullable<BalancedTransportOptions["connect"]>) => {
      await clientOf(server, { ...wire, connect }).post({ text });
      return server.requests.at(-1)?.body.length as number;
    };
    const sendCompression = compressionGzip;
    expect(await bytes(LONG, {})).toBeGreaterThan(LONG.length);
    expect(await bytes(LONG, { sendCompression })).toBeLessThan(1_000);
    expect(await bytes(LONG, { sendCompression, compressMinBytes: 100_000 })).toBeGreaterThan(LONG.length);
    const short = "a".repeat(600);
    expect(await bytes(short, { sendCompression })).toBeGreaterThan(short.length);
    expect(await bytes(short, { sendCompression, compressMinBytes: 500 })).toBeLessThan(short.length);
  });

  test.each([
    ["by default", {}, "gzip,br"],
    ["as asked", { acceptCompression: [compressionBrotli] }, "br"],
    ["not at all", { acceptCompression: [] }, null],
  ])("connect.acceptCompression is announced %s", async (_, connect, expected) => {
    using server = await startWireServer(wire.httpVersion);
    await clientOf(server, { ...wire, connect }).get({ text: LONG });
    const header = server.requests[0]?.header;
    expect(header?.get(wire.protocol === "connect" ? "accept-encoding" : "grpc-accept-encoding")).toBe(expected);
  });
});

test.each(["2", "1.1"] as const)("connect.useHttpGet sends what has no side effects as GET, on HTTP/%s", async (v) => {
  using server = await startWireServer(v);
  for (const connect of [{}, { useHttpGet: true }]) {
    const client = clientOf(server, { httpVersion: v, connect });
    expect((await client.get({ text: "x" })).text).toBe("x");
    await client.post({});
  }
  expect(server.requests.map(({ method }) => method)).toEqual(["POST", "POST", "GET", "POST"]);
});

test("interceptors see the path prefix in the URL, and transports of the user's own get it with Connect's options", async () => {
  const urls: string[] = [];
  const contexts: EndpointContext[] = [];
  const connect = { readMaxBytes: 100, useBinaryFormat: false };
  const transport = createBalancedTransport({
    target: {
      target: "test",
      authority: "users.test",
      resolve: async () => ({ kind: "endpoints", endpoints: [{ address: "127.0.0.1", port: 8443 }], ttlMs: 60_000 }),
    },
    pathPrefix: "/api//",
    connect,
    connectTimeoutMs: 1_234,
    interceptors: [
      (next) => (request) => {
        urls.push(request.url);
        return next(request);
      },
    ],
    createEndpointTransport: (_, context) => {
      contexts.push(context);
      return createRouterTransport((router) => router.service(EchoService, { get: () => ({}) }));
    },
  });
  await createClient(EchoService, transport).get({});
  expect(urls).toEqual(["https://users.test/api/connectlb.test.v1.EchoService/Get"]);
  expect(contexts).toMatchObject([
    { baseUrl: "https://users.test:8443/api", connect, connectTimeoutMs: 1_234, tls: {} },
  ]);
});
