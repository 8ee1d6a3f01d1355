import { expect, test, vi } from "vitest";
import { tlsOptions } from "../../../src/node/net/open-socket.ts";
import { createTestAuthority } from "../../support/certificates.ts";
import { endpointClient } from "../../support/endpoint-client.ts";
import { startEchoServer } from "../../support/servers.ts";

test.each(["2", "1.1"] as const)(
  "a server that is named by an IP address is verified by it, without SNI and the warning that Node has for it: HTTP/%s",
  async (httpVersion) => {
    const authority = await createTestAuthority();
    await using server = await startEchoServer({ httpVersion, tls: await authority.server({ ip: ["127.0.0.1"] }) });
    const warn = vi.spyOn(process, "emitWarning");
    try {
      const { client } = endpointClient({ port: server.port, httpVersion, tls: { ca: authority.ca } });
      expect((await client.get({ text: "verified" })).text).toBe("verified");
      expect(warn.mock.calls).toEqual([]);
    } finally {
      warn.mockRestore();
    }
  },
);

test("the name to send is left out for an IP address, and hides one that an agent has taken from elsewhere", () => {
  // Deno's http2 makes an URL of an empty string, and throws.
  for (const address of ["127.0.0.1", "::1"]) {
    expect({ servername: "other.test", ...tlsOptions(address, {}) }.servername).toBeUndefined();
  }
  expect(tlsOptions("users.test", {}).servername).toBe("users.test");
});
