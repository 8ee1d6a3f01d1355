import type { AddressAnswer, AddressFamily, AddressRecord, LookUpLimits } from "../dns/client.ts";
import type { Clock } from "../runtime.ts";

/** What is known of a host after its look-up. */
export type Located =
  | { readonly kind: "addresses"; readonly records: readonly AddressRecord[] }
  | { readonly kind: "none"; readonly ttlSeconds: number }
  | { readonly kind: "failed"; readonly error: unknown };

/** Recursive resolvers leave the additional section away, so there may be a question per target; AWS drops bursts. */
const CONCURRENCY = 8;

/** Looks up each host once, a few at a time. Never rejects: one bad target must not hide the others. */
export async function locateHosts(
  hosts: Iterable<string>,
  lookUp: (host: string) => Promise<AddressAnswer>,
): Promise<Map<string, Located>> {
  const queue = [...new Set(hosts)];
  const located = new Map<string, Located>();
  const worker = async () => {
    for (let host = queue.shift(); host !== undefined; host = queue.shift()) {
      located.set(host, await locate(host, lookUp));
    }
  };
  await Promise.all(Array.from({ length: Math.min(CONCURRENCY, queue.length) }, worker));
  return located;
}

async function locate(host: string, lookUp: (host: string) => Promise<AddressAnswer>): Promise<Located> {
  try {
    const answer = await lookUp(host);
    if (answer.kind === "records") return { kind: "addresses", records: answer.records };
    return { kind: "none", ttlSeconds: answer.ttlSeconds };
  } catch (error) {
    return { kind: "failed", error };
  }
}

/** The addresses of the wanted family; "auto" is IPv4 where there is any, else IPv6. */
export function ofFamily(records: readonly AddressRecord[], family: AddressFamily): readonly AddressRecord[] {
  const v6 = records.filter((record) => record.address.includes(":"));
  const v4 = records.filter((record) => !record.address.includes(":"));
  if (family === "auto") return v4.length > 0 ? v4 : v6;
  return family === "ipv6" ? v6 : v4;
}

/**
 * Ends a little before the look-up as a whole does: the targets that were found by then are worth more than the
 * timeout of one that was not.
 */
export function earlier(limits: LookUpLimits, clock: Clock): LookUpLimits {
  const now = clock.now();
  return { signal: limits.signal, deadline: now + (limits.deadline - now) * 0.9 };
}
