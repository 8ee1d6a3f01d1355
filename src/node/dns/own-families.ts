import { networkInterfaces } from "node:os";
import type { HasFamily } from "../../dns/both-families.ts";
import { isLinkLocal } from "../../net/ip-address.ts";
import { type Clock, isWithin } from "../../runtime.ts";

/** It takes a tenth of a millisecond, and each target of an answer asks. */
const LOOK_EVERY_MS = 5_000;

/** As AI_ADDRCONFIG of getaddrinfo (RFC 3493 section 6.1): loopback and link-local addresses lead nowhere. */
export function createOwnFamilies(clock: Clock): HasFamily {
  let last: { readonly at: number; readonly versions: ReadonlySet<4 | 6> } | undefined;
  return (version) => {
    const now = clock.now();
    if (last === undefined || !isWithin(LOOK_EVERY_MS, last.at, now)) last = { at: now, versions: look() };
    return last.versions.has(version);
  };
}

function look(): ReadonlySet<4 | 6> {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const outside = all.filter(({ internal, address }) => !internal && !isLinkLocal(address));
  return new Set(outside.map(({ family }) => (family === "IPv6" ? 6 : 4)));
}
