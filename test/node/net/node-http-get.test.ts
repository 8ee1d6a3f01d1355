import { expect, test } from "vitest";
import type { HttpRequest } from "../../../src/net/http-get.ts";
import { nodeHttpGet } from "../../../src/node/net/node-http-get.ts";
import { startCountingListener } from "../../support/counting-listener.ts";
import { startHttpScript } from "../../support/http-script.ts";

const request = (port: number, more: Partial<HttpRequest> = {}): HttpRequest => ({
  address: "127.0.0.1",
  port,
  verifiedName: "agent.test",
  tls: false,
  path: "/x?y",
  headers: {},
  signal: new AbortController().signal,
  timeoutMs: 2_000,
  maxBytes: 100,
  ...more,
});

test("dials the address, names the host, and hands out any status", async () => {
  await using server = await startHttpScript((_, response) => response.writeHead(418, { "x-a": "b" }).end("tea ☕"));
  const response = await nodeHttpGet(request(server.port));
  expect(response).toMatchObject({ status: 418, body: "tea ☕", headers: { "x-a": "b" } });
  expect(server.requests[0]).toMatchObject({ url: "/x?y", headers: { host: `agent.test:${server.port}` } });
});

test("a body up to the limit, and not beyond", async () => {
  await using server = await startHttpScript((_, response) => response.end("x".repeat(100)));
  expect((await nodeHttpGet(request(server.port))).body).toHaveLength(100);
  await expect(nodeHttpGet(request(server.port, { maxBytes: 99 }))).rejects.toThrow("longer than 99 bytes");
});

test("an answer that does not come, or does not end", async () => {
  await using silent = await startHttpScript(() => {});
  await expect(nodeHttpGet(request(silent.port, { timeoutMs: 30 }))).rejects.toThrow("no answer within 30 ms");
  await using endless = await startHttpScript((_, response) => void response.writeHead(200).write("["));
  await expect(nodeHttpGet(request(endless.port, { timeoutMs: 30 }))).rejects.toThrow("no answer within 30 ms");
});

test("a status of 1xx: 103 comes before the answer, and 101 is none", async () => {
  await using early = await startHttpScript((_, response) => {
    response.writeEarlyHints({ link: "</a>; rel=preload" });
    response.end("tea");
  });
  expect(await nodeHttpGet(request(early.port))).toMatchObject({ status: 200, body: "tea" });
  await using odd = await startHttpScript(({ socket }) => {
    socket.end("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n");
  });
  await expect(nodeHttpGet(request(odd.port))).rejects.toThrow("the connection was closed without a response");
});

test("an abort, before and while it runs", async () => {
  const controller = new AbortController();
  await using server = await startHttpScript(() => controller.abort(new Error("enough")));
  await expect(nodeHttpGet(request(server.port, { signal: controller.signal }))).rejects.toThrow("enough");
  await expect(nodeHttpGet(request(server.port, { signal: controller.signal }))).rejects.toThrow("enough");
  expect(server.requests).toHaveLength(1);
});

test.each([0, -1, Number.NEGATIVE_INFINITY, Number.NaN])("with %d ms left nothing is dialled", async (timeoutMs) => {
  await using server = await startCountingListener();
  await expect(nodeHttpGet(request(server.port, { timeoutMs }))).rejects.toThrow("no time is left");
  expect(await server.connections()).toBe(0);
});

test("a header that cannot be sent is a failure, not an uncaught error", async () => {
  await using server = await startHttpScript((_, response) => response.end());
  const failed = nodeHttpGet(request(server.port, { headers: { "x-consul-token": "a\nhunter2" } }));
  await expect(failed).rejects.toThrow(/Invalid character in header content \["x-consul-token"\]/);
});

test("certificates that cannot be read are a failure", async () => {
  await expect(nodeHttpGet(request(1, { tls: { ca: "file:/nowhere/ca.pem" } }))).rejects.toThrow(
    "cannot read file:/nowhere/ca.pem",
  );
});
