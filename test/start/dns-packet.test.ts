import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";
import { beforeAll, describe, expect, test } from "vitest";
import { dnsPacketAsModules } from "../../build/dns-packet.ts";
import * as sources from "../../src/dns/message.ts";
import { MESSAGES } from "../support/dns-messages.ts";
import { mutate, xorshift } from "../support/mutations.ts";

// The build leaves out parts of dns-packet that are never reached. The suite runs the sources, with all of it.

const root = fileURLToPath(new URL("../../", import.meta.url));
let built: typeof sources;

beforeAll(async () => {
  const outfile = join(root, ".cache/start/message.mjs");
  const entryPoints = [join(root, "src/dns/message.ts")];
  await build({ entryPoints, outfile, bundle: true, format: "esm", platform: "node", plugins: [dnsPacketAsModules] });
  built = await import(pathToFileURL(outfile).href);
});

const QUESTIONS = [
  { name: "_grpc._tcp.users.example.com", type: "SRV" },
  { name: "a.example.com", type: "A" },
  { name: "a.example.com", type: "AAAA" },
] as const;

describe("what the build has of dns-packet", () => {
  test.each(QUESTIONS)("asks for $type as dns-packet does", (question) => {
    for (const edns of [true, false]) {
      expect(built.encodeQuery(question, 0x1234, edns)).toEqual(sources.encodeQuery(question, 0x1234, edns));
    }
  });

  test.each(Object.entries(MESSAGES))("reads %s, and what mutations make of it, as dns-packet does", (_, message) => {
    const random = xorshift(20_261_127);
    for (let count = 0; count < 300; count++) {
      const bytes = count === 0 ? message : Buffer.from(mutate(message, Object.values(MESSAGES), random));
      expect(readBy(built, bytes)).toEqual(readBy(sources, bytes));
    }
  });
});

/** The answer to the message's own question, or the error. */
function readBy({ readAnswer }: typeof sources, bytes: Buffer): unknown {
  const query = { ...questionOf(bytes), edns: true, id: bytes.length < 2 ? 0 : bytes.readUInt16BE(0), bytes };
  try {
    return readAnswer(query, bytes);
  } catch (error) {
    return String(error);
  }
}

/** Its text does not matter, only how long it is. */
function questionOf(bytes: Buffer): sources.Question {
  const end = bytes.indexOf(0, 12);
  return { name: "x".repeat(Math.max(0, end - 13)), type: "SRV" };
}
