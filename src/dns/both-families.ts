import type { Runtime } from "../runtime.ts";
import { type AddressAnswer, type AddressRecord, DnsError, type LookUpLimits } from "./client.ts";

/**
 * How long the other family is waited for where IPv4 is known (RFC 8305 section 3), and where IPv6 is. Without a limit
 * where this machine cannot use what is known: the question for the other one may only have been lost.
 */
const GRACE_MS = { forIpv6: 50, forIpv4: 250 };

type Ask = (type: "A" | "AAAA", limits: LookUpLimits) => Promise<AddressAnswer>;
type Result = AddressAnswer | { readonly kind: "failed"; readonly error: unknown };

/**
 * The addresses of both families, asked for together. A server may know a name by one of them only, say of the other that
 * the name does not exist (dnsmasq), fail, or be silent about it: none of that hides the addresses that there are.
 *
 * IPv4 is the longer waited for, because it is dialled first: an endpoint should not change its address with the weather.
 *
 * @param canUse whether this machine can use addresses of one family.
 * @throws DnsError where one family failed and the other has no address: what is not known may be all there is.
 */
export async function askBothFamilies(
  ask: Ask,
  limits: LookUpLimits,
  runtime: Runtime,
  canUse: (addresses: readonly AddressRecord[]) => boolean,
): Promise<AddressAnswer> {
  const over = new AbortController();
  const within = { ...limits, signal: AbortSignal.any([limits.signal, over.signal]) };
  const results = { A: settled(ask("A", within)), AAAA: settled(ask("AAAA", within)) };
  const sleeping = new AbortController();
  /** `undefined` where the other one has found addresses, and this one takes too long after that. */
  const afterOther = async (type: "A" | "AAAA"): Promise<Result | undefined> => {
    const [other, graceMs] = type === "A" ? (["AAAA", GRACE_MS.forIpv4] as const) : (["A", GRACE_MS.forIpv6] as const);
    const late = results[other].then(async (found) => {
      if (found.kind !== "records" || !canUse(found.records)) return results[type];
      await runtime.sleep(graceMs, AbortSignal.any([sleeping.signal, limits.signal]), true).catch(() => {});
      return undefined;
    });
    return Promise.race([results[type], late]);
  };
  try {
    return merged(await Promise.all([afterOther("A"), afterOther("AAAA")]));
  } finally {
    sleeping.abort();
    over.abort();
  }
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
