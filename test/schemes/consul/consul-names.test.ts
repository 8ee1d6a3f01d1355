import { expect, test } from "vitest";
import { consulName } from "../../../src/schemes/consul/consul-names.ts";

test("a service whose name in its domain is too long for a host's is an error", () => {
  const domain = `${"a.".repeat(115)}test`;
  expect(consulName({ service: "users", domain }).authority).toBe(`users.service.${domain}`);
  expect(() => consulName({ service: "much-longer-users", preparedQuery: "q", domain })).toThrow(
    "it is longer than 253 characters",
  );
});

test.each([
  [{ dc: "DC1" }, "users.service.dc1.dc.consul"],
  [{ peer: "p1" }, "users.service.p1.peer.consul"],
  [{ namespace: "team-a" }, "users.service.team-a.ns.consul"],
  [{ partition: "part" }, "users.service.part.ap.consul"],
  [{ namespace: "team-a", partition: "part", dc: "dc1" }, "users.service.team-a.ns.part.ap.dc1.dc.consul"],
  [{ namespace: "team-a", peer: "p1", tag: "v1" }, "v1.users.service.team-a.ns.p1.peer.consul"],
  [{ peer: "p1", domain: "consul.example." }, "users.service.p1.peer.consul.example"],
  [{ preparedQuery: "q", dc: "dc1", domain: "example" }, "q.query.dc1.example"],
])("%j is asked for as %s", (asked, name) => {
  const { domain } = asked as { domain?: string };
  expect(consulName({ service: "users", ...asked })).toMatchObject({
    name,
    authority: `users.service.${domain?.replace(/\.$/, "") ?? "consul"}`,
  });
});

test.each([
  [{ peer: "p1", dc: "dc1" }, /"peer" and "dc" exclude each other/],
  [{ peer: "p1", preparedQuery: "q" }, /a prepared query has its own/],
  [{ namespace: "a", preparedQuery: "q" }, /a prepared query has its own/],
  [{ partition: "a", preparedQuery: "q" }, /a prepared query has its own/],
  [{ peer: "p1.dc1" }, /"p1\.dc1" is not a Consul peer/],
  [{ domain: "a b" }, /"a b" is not a host name/],
])("%j cannot be asked for", (asked, message) => {
  expect(() => consulName({ service: "users", ...asked })).toThrow(message);
});
