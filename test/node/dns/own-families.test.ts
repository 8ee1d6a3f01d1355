import { networkInterfaces } from "node:os";
import { describe, expect, test, vi } from "vitest";
import { createOwnFamilies } from "../../../src/node/dns/own-families.ts";

vi.mock("node:os", () => ({ networkInterfaces: vi.fn() }));

type Interfaces = ReturnType<typeof networkInterfaces>;
const on = (address: string, internal = false) =>
  ({ family: address.includes(":") ? "IPv6" : "IPv4", address, internal }) as NonNullable<Interfaces[string]>[number];

describe.each([
  ["IPv4 alone", [on("127.0.0.1", true), on("::1", true), on("10.0.0.7")], true, false],
  ["IPv4, and a link-local address", [on("10.0.0.7"), on("fe80::1")], true, false],
  ["IPv6 alone", [on("127.0.0.1", true), on("2001:db8::7")], false, true],
  ["both families", [on("10.0.0.7"), on("2001:db8::7")], true, true],
  ["nothing but loopback", [on("127.0.0.1", true), on("::1", true)], false, false],
])("a machine with %s", (_, interfaces, v4, v6) => {
  test("has these families", () => {
    vi.mocked(networkInterfaces).mockReturnValue({ eth0: interfaces });
    const hasFamily = createOwnFamilies({ now: () => 0 });
    expect([hasFamily(4), hasFamily(6)]).toEqual([v4, v6]);
  });
});

test("is looked at every 5 s at most, and after a clock that was set back", () => {
  const clock = { time: 0, now: () => clock.time };
  const hasFamily = createOwnFamilies(clock);
  vi.mocked(networkInterfaces).mockReturnValue({ eth0: [on("10.0.0.7")] });
  expect(hasFamily(6)).toBe(false);
  vi.mocked(networkInterfaces).mockReturnValue({ eth0: [on("10.0.0.7"), on("2001:db8::7")] });
  const seen = [4_999, 5_000].map((time) => {
    clock.time = time;
    return hasFamily(6);
  });
  vi.mocked(networkInterfaces).mockReturnValue({ eth0: [on("10.0.0.7")] });
  clock.time = 1;
  expect([...seen, hasFamily(6)]).toEqual([false, true, false]);
});
