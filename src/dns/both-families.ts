import { isLoopback } from "../net/ip-address.ts";
import { OVER, type Runtime } from "../runtime.ts";
import { type AddressAnswer, type AddressRecord, DnsError, type LookUpLimits } from "./dns-client.ts";

/** How long the other family is waited for where IPv4 is known (RFC 8305 section 3), and where IPv6 is. */
const GRACE_MS = { forIpv6: 50, forIpv4: 250 };

type Ask = (type: "A" | "AAAA", limits: LookUpLimits) => Promise<AddressAnswer>;
type Result = AddressAnswer | { readonly kind: "failed"; readonly error: unknown };

/** Whether this machine has an address of that version that leads anywhere. */
export type HasFamily = (version: 4 | 6) => boolean;

/**
 * The addresses of both families. A server may know a name by one of them only, say of the other that the name does not
 * exist (dnsmasq), fail, or be silent about it: none of that hides the addresses that there are.
 *
 * They are asked for together, but where this machine has no IPv6: there, IPv6 is asked for when IPv4 has brought nothing,
 * or nothing but loopback. Who cannot use what is known waits for the other family to the end, because its question may
 * only have been lost; who can waits a little, and for IPv4 the longer, because it is dialled first: an endpoint should
 * not change its address with the weather.
 *
 * @throws DnsError where one family failed and the other has no address: what is not known may be all there is.
 */
export async function askBothFamilies(
  ask: Ask,
  limits: LookUpLimits,
  runtime: Runtime,
  hasFamily: HasFamily,
): Promise<AddressAnswer> {
  const over = new AbortController();
  const within = { ...limits, signal: AbortSignal.any([limits.signal, over.signal]) };
  const pause = (ms: number): Promise<undefined> =>
    runtime.sleep(ms, within.signal, true).then(
      () => undefined,
      () => undefined,
    );
  const isUsable = (records: readonly AddressRecord[]): boolean =>
    isLocal(records) || hasFamily(records.some(({ address }) => address.includes(":")) ? 6 : 4);
  try {
    const v4 = settled(ask("A", within));
    const early = hasFamily(6) ? undefined : await Promise.race([v4, pause(GRACE_MS.forIpv4)]);
    if (early?.kind === "records" && !isLocal(early.records)) return early;
    const v6 = settled(ask("AAAA", within));
    /** `undefined` where the other one has found what can be used, and this one takes too long after that. */
    const afterOther = (own: Promise<Result>, other: Promise<Result>, graceMs: number): Promise<Result | undefined> => {
      const late = other.then((found) => {
        return found.kind === "records" && isUsable(found.records) ? pause(graceMs) : own;
      });
      return Promise.race([own, late]);
    };
    return merged(await Promise.all([afterOther(v4, v6, GRACE_MS.forIpv4), afterOther(v6, v4, GRACE_MS.forIpv6)]));
  } finally {
    over.abort(OVER);
  }
}

function isLocal(records: readonly AddressRecord[]): boolean {
  return records.every(({ address }) => isLoopback(address));
}

function settled(answer: Promise<AddressAnswer>): Promise<Result> {
  return answer.catch((error: unknown) => ({ kind: "failed", error }) as const);
}

function merged(results: readonly (Result | undefined)[]): AddressAnswer {
  const known = results.filter((result) => result !== undefined);
  const records = known.flatMap((result) => (result.kind === "records" ? result.records : []));
  if (records.length > 0) return { kind: "records", records };
  const failed = known.find((result) => result.kind === "failed");
  const empty = known.flatMap((result) => (result.kind === "nodata" || result.kind === "nxdomain" ? [result] : []));
  if (failed === undefined) {
    const kind = empty.every((result) => result.kind === "nxdomain") ? "nxdomain" : "nodata";
    return { kind, ttlSeconds: Math.min(...empty.map((result) => result.ttlSeconds)) };
  }
  if (empty.length === 0 || !(failed.error instanceof Error)) throw failed.error;
  throw new DnsError(`${failed.error.message}; the other family has no address`, { cause: failed.error });
}
