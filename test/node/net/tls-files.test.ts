import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, rmdirSync, utimesSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { inspect } from "node:util";
import { beforeAll, describe, expect, test } from "vitest";
import type { TlsFilesChange } from "../../../src/net/tls-files-change.ts";
import type { TlsOptions } from "../../../src/net/tls-options.ts";
import {
  type CertificateFolder,
  certificateFolder,
  type Files,
  kubernetesSecret,
} from "../../support/certificate-folder.ts";
import { createTestAuthority, type TestAuthority } from "../../support/certificates.ts";
import { type EndpointClientOptions, endpointClient, manualClock, rejection } from "../../support/endpoint-client.ts";
import { startFaultyRelay } from "../../support/faulty-relay.ts";
import { type EchoServer, startEchoServer } from "../../support/servers.ts";

// Certificates that are files, and are replaced while a transport uses them. The clock is the test's.

const LOOK_EVERY_MS = 30_000;
const LONGEST_USE_MS = 300_000;
const UNTRUSTED = /UNABLE_TO_VERIFY_LEAF_SIGNATURE|unable to verify the first certificate/;

let authority: TestAuthority;
let other: TestAuthority;

beforeAll(async () => {
  authority = await createTestAuthority();
  other = await createTestAuthority("another authority");
});

const wires = [
  { httpVersion: "2", version: "TLSv1.3" },
  { httpVersion: "2", version: "TLSv1.2" },
  { httpVersion: "1.1", version: "TLSv1.3" },
  { httpVersion: "1.1", version: "TLSv1.2" },
] as const;

interface Client {
  readonly clock: { time: number };
  readonly changes: TlsFilesChange[];
  /** The reasons among them. */
  readonly reasons: () => string[];
  call(): Promise<unknown>;
  /** The server ends the connection, and the client makes another one. */
  reconnect(): Promise<unknown>;
}

function clientOf(
  server: EchoServer,
  options: Pick<EndpointClientOptions, "httpVersion" | "tls" | "maxAgeMs">,
): Client {
  const clock = manualClock();
  const changes: TlsFilesChange[] = [];
  const onTlsFiles = (change: TlsFilesChange) => void changes.push(change);
  const { client, connect } = endpointClient({ port: server.port, clock, onTlsFiles, ...options });
  const call = async () => {
    await connect();
    const response = await client.get({});
    // Over HTTP/1.1, a connection is free again a moment after the response has been read.
    if (options.httpVersion === "1.1") await sleep(2);
    return response;
  };
  return {
    clock,
    changes,
    reasons: () => changes.map(({ error }) => (error === undefined ? "in use" : String((error as Error).message))),
    call,
    async reconnect() {
      const { connections } = server;
      server.drain();
      await expect.poll(() => server.open, { interval: 2 }).toBe(0);
      // After a gap, the client looks at what has arrived.
      clock.time += 200;
      const response = await call();
      expect(server.connections).toBe(connections + 1);
      return response;
    },
  };
}

const tlsOf = (folder: CertificateFolder): TlsOptions => ({
  ca: folder.file("ca.crt"),
  cert: folder.file("tls.crt"),
  key: folder.file("tls.key"),
});

async function filesFor(name: string, keyAlgorithm?: "ECDSA" | "RSA") {
  const { cert, key } = await authority.client(name, keyAlgorithm);
  return { "ca.crt": authority.ca, "tls.crt": cert, "tls.key": key };
}

const mutual = async (more: object = {}) => ({
  tls: { ...(await authority.server()), ca: authority.ca, ...more },
  mutualTls: true,
});

describe.each(wires)("over HTTP/$httpVersion and $version", ({ httpVersion, version }) => {
  test("a server whose authority was withdrawn gets calls for five minutes at most", async () => {
    await using server = await startEchoServer({
      httpVersion,
      tls: { ...(await authority.server()), maxVersion: version },
    });
    using folder = certificateFolder({ "ca.crt": authority.ca });
    const { clock, call, reasons } = clientOf(server, { httpVersion, tls: { ca: folder.file("ca.crt") } });
    await call();
    folder.write({ "ca.crt": other.ca });
    const changedAt = clock.time;
    const refused: number[] = [];
    let served = 0;
    while (clock.time < changedAt + LONGEST_USE_MS + 20_000) {
      clock.time += 2_000;
      await call().then(
        () => {
          served += 1;
        },
        (error) => {
          expect(String(error)).toMatch(UNTRUSTED);
          refused.push(clock.time - changedAt);
        },
      );
    }
    // Calls do not fail before the time is over, nor succeed after.
    expect(refused[0]).toBeGreaterThan(LONGEST_USE_MS / 2);
    expect(refused[0]).toBeLessThanOrEqual(LONGEST_USE_MS);
    expect(served).toBe(((refused[0] as number) - 2_000) / 2_000);
    expect(server.calls).toBe(served + 1);
    expect(reasons()).toEqual(["in use"]);
  });

  test("a new connection is refused at once where the authority was withdrawn, and resumes no session", async () => {
    await using server = await startEchoServer({
      httpVersion,
      tls: { ...(await authority.server()), maxVersion: version },
    });
    using folder = certificateFolder({ "ca.crt": authority.ca });
    const { call, reconnect } = clientOf(server, { httpVersion, tls: { ca: folder.file("ca.crt") } });
    await call();
    await reconnect();
    // Node's HTTP/2 resumes none.
    expect(server.resumed).toBe(httpVersion === "1.1" ? 1 : 0);
    folder.write({ "ca.crt": other.ca });
    expect(String(await rejection(reconnect()))).toMatch(UNTRUSTED);
    folder.write({ "ca.crt": `${other.ca}${authority.ca}` });
    const { resumed } = server;
    await call();
    expect(server.resumed).toBe(resumed);
  });

  test("the next connection shows the client certificate that has taken the place of another one", async () => {
    await using server = await startEchoServer({ httpVersion, ...(await mutual({ maxVersion: version })) });
    using folder = certificateFolder(await filesFor("one"));
    const { call, reconnect, changes } = clientOf(server, { httpVersion, tls: tlsOf(folder) });
    await call();
    folder.write(await filesFor("two"));
    await reconnect();
    await reconnect();
    expect(server.clients).toEqual(["one", "two", "two"]);
    expect(changes).toEqual([{ files: [folder.path("ca.crt"), folder.path("tls.crt"), folder.path("tls.key")] }]);
  });
});

describe("connections that exist", () => {
  test.each(["2", "1.1"] as const)("are replaced in time, and no call waits or fails: HTTP/%s", async (httpVersion) => {
    await using server = await startEchoServer({ httpVersion, ...(await mutual()) });
    using folder = certificateFolder(await filesFor("one"));
    const { clock, call, changes } = clientOf(server, { httpVersion, tls: tlsOf(folder) });
    await call();
    folder.write(await filesFor("two"));
    // Before their time is over.
    for (let passedMs = 0; passedMs < 0.9 * LONGEST_USE_MS; passedMs += 2_000) {
      clock.time += 2_000;
      await call();
    }
    expect(server.clients).toEqual(["one", "two"]);
    expect(changes).toHaveLength(1);
    await expect.poll(() => server.open, { interval: 2 }).toBe(1);
  });

  test("with a `maxAgeMs` below five minutes, within that", async () => {
    await using server = await startEchoServer({ httpVersion: "2", tls: await authority.server() });
    using folder = certificateFolder({ "ca.crt": authority.ca });
    const { clock, call } = clientOf(server, { tls: { ca: folder.file("ca.crt") }, maxAgeMs: 60_000 });
    await call();
    folder.write({ "ca.crt": other.ca });
    for (let passedMs = 2_000; passedMs < 60_000; passedMs += 2_000) {
      clock.time += 2_000;
      await call();
    }
    clock.time += 2_000;
    expect(String(await rejection(call()))).toMatch(UNTRUSTED);
  });

  test("a change is noticed by calls alone, every 30 s", async () => {
    await using server = await startEchoServer({ httpVersion: "2", tls: await authority.server() });
    using folder = certificateFolder({ "ca.crt": authority.ca });
    const { clock, call, changes } = clientOf(server, { tls: { ca: folder.file("ca.crt") } });
    await call();
    folder.write({ "ca.crt": `${authority.ca}${other.ca}` });
    for (let passedMs = 0; passedMs < LOOK_EVERY_MS - 1_000; passedMs += 1_000) {
      clock.time += 1_000;
      await call();
    }
    expect(changes).toEqual([]);
    clock.time += 1_000;
    await call();
    expect(changes).toHaveLength(1);
    expect(server.connections).toBe(1);
  });

  test("one that carries a long call is left at once, if nobody has looked at the files for five minutes", async () => {
    await using server = await startEchoServer({ httpVersion: "2", ...(await mutual()) });
    using folder = certificateFolder(await filesFor("one"));
    const clock = manualClock();
    const { client, connect } = endpointClient({ port: server.port, tls: tlsOf(folder), clock });
    await connect();
    const long = client.post({ text: "long", delayMs: 100 });
    await expect.poll(() => server.active, { interval: 2 }).toBe(1);
    folder.write(await filesFor("two"));
    clock.time += LONGEST_USE_MS;
    await connect();
    await client.get({});
    expect(server.clients).toEqual(["one", "two"]);
    expect((await long).text).toBe("long");
  });

  test.each(["2", "1.1"] as const)("a clock that is set back keeps none for longer: HTTP/%s", async (httpVersion) => {
    await using server = await startEchoServer({ httpVersion, tls: await authority.server() });
    using folder = certificateFolder({ "ca.crt": authority.ca });
    const { clock, call, changes } = clientOf(server, { httpVersion, tls: { ca: folder.file("ca.crt") } });
    await call();
    folder.write({ "ca.crt": other.ca });
    for (let passedMs = 0; passedMs < LOOK_EVERY_MS; passedMs += 2_000) {
      clock.time += 2_000;
      await call();
    }
    expect(changes).toHaveLength(1);
    clock.time -= 3_600_000;
    let refused = 0;
    for (let passedMs = 0; passedMs <= LONGEST_USE_MS; passedMs += 2_000) {
      await call().catch(() => {
        refused += 1;
      });
      clock.time += 2_000;
    }
    expect(refused).toBeGreaterThan(0);
    expect(String(await rejection(call()))).toMatch(UNTRUSTED);
  });

  test("one whose dial began with the files before is replaced like any other", async () => {
    await using server = await startEchoServer({ httpVersion: "2", ...(await mutual()) });
    await using relay = await startFaultyRelay(server);
    using folder = certificateFolder(await filesFor("one"));
    const [clock, tls] = [manualClock(), tlsOf(folder)];
    const slow = endpointClient({ port: relay.port, tls, clock });
    const fast = endpointClient({ port: server.port, tls, clock });
    relay.delayMs = 30;
    const connecting = slow.connect();
    folder.write(await filesFor("two"));
    await fast.connect();
    await connecting;
    expect(server.clients).toEqual(["two", "one"]);
    relay.delayMs = 0;
    for (let passedMs = 0; passedMs < LONGEST_USE_MS; passedMs += 2_000) {
      clock.time += 2_000;
      await slow.connect();
      await slow.client.get({});
    }
    expect(server.clients).toEqual(["two", "one", "two"]);
  });

  test("the same certificates in other files replace nothing", async () => {
    await using server = await startEchoServer({ httpVersion: "2", ...(await mutual()) });
    const files = await filesFor("one");
    using folder = kubernetesSecret(files);
    const { clock, call, changes } = clientOf(server, { tls: tlsOf(folder) });
    await call();
    folder.write(files);
    utimesSync(folder.path("tls.crt"), 1, 1);
    for (let passedMs = 0; passedMs < 2 * LONGEST_USE_MS; passedMs += 5_000) {
      clock.time += 5_000;
      await call();
    }
    expect(server.connections).toBe(1);
    expect(changes).toEqual([]);
  });
});

describe("files that cannot be used leave those in use that could", () => {
  const broken: readonly [string, (next: Files, now: Files) => Files, RegExp][] = [
    [
      "a certificate beside the key of another",
      ({ "tls.crt": cert = "" }) => ({ "tls.crt": cert }),
      /tls\.key is not the key of .*tls\.crt$/,
    ],
    [
      "a key beside the certificate of another",
      ({ "tls.key": key = "" }) => ({ "tls.key": key }),
      /tls\.key is not the key of .*tls\.crt$/,
    ],
    ["an empty authority", () => ({ "ca.crt": "" }), /ca\.crt contains no certificate$/],
    ["an authority that is none", () => ({ "ca.crt": "<html>" }), /ca\.crt contains no certificate$/],
    [
      "half of a list of authorities",
      () => ({ "ca.crt": `${authority.ca}${other.ca.slice(0, 300)}` }),
      /ca\.crt ends within a certificate$/,
    ],
    [
      "an authority whose bytes are none",
      () => ({ "ca.crt": other.ca.replace(/\nMII./, "\nAAAA") }),
      /ca\.crt cannot be parsed$/,
    ],
    ["an empty certificate", () => ({ "tls.crt": "" }), /tls\.crt contains no certificate$/],
    [
      "half a certificate",
      ({ "tls.crt": cert = "" }) => ({ "tls.crt": cert.slice(0, 300) }),
      /tls\.crt ends within a certificate$/,
    ],
    [
      "a certificate that lost its line ends",
      (_, { "tls.crt": cert = "" }) => ({ "tls.crt": cert.replace(/\n/g, "\\n") }),
      /tls\.crt cannot be parsed$/,
    ],
    ["an empty key", () => ({ "tls.key": "" }), /tls\.key cannot be parsed$/],
    ["half a key", ({ "tls.key": key = "" }) => ({ "tls.key": key.slice(0, 100) }), /tls\.key cannot be parsed$/],
  ];

  test.each(broken)("%s", async (_, breaks, reason) => {
    await using server = await startEchoServer({ httpVersion: "2", ...(await mutual()) });
    const [one, two] = [await filesFor("one"), await filesFor("two")];
    using folder = certificateFolder(one);
    const { clock, call, reconnect, changes, reasons } = clientOf(server, { tls: tlsOf(folder) });
    await call();
    folder.write(breaks(two, one));
    await reconnect();
    await reconnect();
    clock.time += LOOK_EVERY_MS;
    await call();
    expect(reasons()).toEqual([expect.stringMatching(reason)]);
    const [cert, key] = [two["tls.crt"], two["tls.key"]].map((pem) => pem.split("\n")[1] as string);
    for (const secret of [cert, key, "BEGIN"]) expect(inspect(changes)).not.toContain(secret);
    folder.write(two);
    await reconnect();
    expect(server.clients.at(-1)).toBe("two");
    expect(server.clients.slice(0, -1)).not.toContain("two");
    expect(reasons()).toEqual([expect.anything(), "in use"]);
  });

  test("a certificate beside a key of another algorithm, which OpenSSL takes", async () => {
    await using server = await startEchoServer({ httpVersion: "2", ...(await mutual()) });
    const two = await filesFor("two", "RSA");
    using folder = certificateFolder(await filesFor("one"));
    const { call, reconnect, reasons } = clientOf(server, { tls: tlsOf(folder) });
    await call();
    folder.write({ "tls.crt": two["tls.crt"] });
    await reconnect();
    expect(reasons()).toEqual([expect.stringContaining("is not the key of")]);
    folder.write(two);
    await reconnect();
    expect(server.clients).toEqual(["one", "one", "two"]);
  });

  test.each(["ca.crt", "tls.crt", "tls.key"])("%s is missing for a moment", async (name) => {
    await using server = await startEchoServer({ httpVersion: "2", ...(await mutual()) });
    const [one, two] = [await filesFor("one"), await filesFor("two")];
    using folder = certificateFolder(one);
    const { call, reconnect, reasons } = clientOf(server, { tls: tlsOf(folder) });
    await call();
    folder.remove(name);
    await reconnect();
    await reconnect();
    expect(reasons()).toEqual([expect.stringMatching(`cannot read file:.*${name}$`)]);
    folder.write(one);
    await reconnect();
    expect(reasons()).toEqual([expect.anything(), "in use"]);
    folder.write(two);
    await reconnect();
    expect(reasons()).toEqual([expect.anything(), "in use", "in use"]);
    expect(server.clients).toEqual(["one", "one", "one", "one", "two"]);
  });

  test("a folder in the place of a file", async () => {
    await using server = await startEchoServer({ httpVersion: "2", ...(await mutual()) });
    const [one, two] = [await filesFor("one"), await filesFor("two")];
    using folder = certificateFolder(one);
    const { call, reconnect, reasons } = clientOf(server, { tls: tlsOf(folder) });
    await call();
    folder.remove("tls.key");
    mkdirSync(folder.path("tls.key"));
    await reconnect();
    await reconnect();
    rmdirSync(folder.path("tls.key"));
    folder.write(two);
    await reconnect();
    expect(reasons()).toEqual([expect.stringContaining("cannot read"), "in use"]);
    expect(server.clients).toEqual(["one", "one", "one", "two"]);
  });
});

test.each(["2", "1.1"] as const)("each file of a list of authorities: HTTP/%s", async (httpVersion) => {
  await using server = await startEchoServer({ httpVersion, tls: await authority.server() });
  using folder = certificateFolder({ "a.crt": authority.ca, "b.crt": authority.ca });
  const ca = [folder.file("a.crt"), other.ca, Buffer.from(other.ca), folder.file("b.crt")];
  const { call, reconnect, changes } = clientOf(server, { httpVersion, tls: { ca } });
  await call();
  folder.write({ "a.crt": other.ca });
  await reconnect();
  folder.write({ "b.crt": other.ca });
  expect(String(await rejection(reconnect()))).toMatch(UNTRUSTED);
  const files = [folder.path("a.crt"), folder.path("b.crt")];
  expect(changes).toEqual([{ files }, { files }]);
});

test("a Secret that Kubernetes replaces is one change, whatever its files are called", async () => {
  await using server = await startEchoServer({ httpVersion: "2", ...(await mutual()) });
  using folder = kubernetesSecret(await filesFor("one"));
  const { call, reconnect, reasons } = clientOf(server, { tls: tlsOf(folder) });
  await call();
  for (const name of ["two", "three", "four"]) {
    folder.write(await filesFor(name));
    await reconnect();
  }
  expect(server.clients).toEqual(["one", "two", "three", "four"]);
  expect(reasons()).toEqual(["in use", "in use", "in use"]);
});

test("a pipe is read once: nobody writes to it again", async () => {
  await using server = await startEchoServer({ httpVersion: "2", tls: await authority.server() });
  using folder = certificateFolder({ "ca.crt": authority.ca });
  const pipe = folder.path("pipe");
  execFileSync("sh", ["-c", 'mkfifo "$1"', "sh", pipe]);
  const writer = spawn("sh", ["-c", 'cat "$1" > "$2"', "sh", folder.path("ca.crt"), pipe]);
  const { clock, call, reconnect, changes } = clientOf(server, { tls: { ca: folder.file("pipe") } });
  await call();
  await reconnect();
  clock.time += LOOK_EVERY_MS;
  await call();
  expect(writer.exitCode ?? 0).toBe(0);
  expect(changes).toEqual([]);
});

describe("the first connection", () => {
  test("trusts both of two authorities that no line end separates, which OpenSSL does not", async () => {
    await using server = await startEchoServer({ httpVersion: "2", tls: await authority.server() });
    using folder = certificateFolder({ "ca.crt": `${other.ca.trim()}${authority.ca.trim()}` });
    await clientOf(server, { tls: { ca: folder.file("ca.crt") } }).call();
  });

  test.each(["2", "1.1"] as const)(
    "fails while a file is missing, and succeeds when it is there: HTTP/%s",
    async (httpVersion) => {
      await using server = await startEchoServer({ httpVersion, ...(await mutual()) });
      const { "tls.key": key, ...rest } = await filesFor("one");
      using folder = certificateFolder(rest);
      const { call, changes } = clientOf(server, { httpVersion, tls: tlsOf(folder) });
      for (let tries = 0; tries < 3; tries++) {
        expect(await rejection(call())).toMatchObject({ cause: { code: "ERR_TLS_FILE" } });
      }
      folder.write({ "tls.key": key });
      await call();
      expect(changes).toEqual([]);
    },
  );

  test("fails with half a pair, and succeeds with both", async () => {
    await using server = await startEchoServer({ httpVersion: "2", ...(await mutual()) });
    const [one, two] = [await filesFor("one"), await filesFor("two")];
    using folder = certificateFolder({ ...one, "tls.crt": two["tls.crt"] });
    const { call } = clientOf(server, { tls: tlsOf(folder) });
    expect(await rejection(call())).toMatchObject({ cause: { code: "ERR_OSSL_X509_KEY_VALUES_MISMATCH" } });
    folder.write(two);
    await call();
    expect(server.clients).toEqual(["two"]);
  });
});
