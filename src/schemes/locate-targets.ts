import type { Bounds } from "../discovery/bounds.ts";
import type { Resolution, ResolveContext } from "../discovery/resolver.ts";
import type { AddressAnswer, AddressFamily, LookUpLimits } from "../dns/dns-client.ts";
import { canonicalIp } from "../net/ip-address.ts";
import { ofFamily } from "./families.ts";
import { earlier, HostLookUps, type Located, SLOW_MS } from "./look-up-hosts.ts";
import { type Sorted, type TargetRecord, toResolution } from "./srv-endpoints.ts";

export interface TargetsToLocate extends Sorted<TargetRecord> {
  /** The name that was looked up; for messages. */
  readonly asked: string;
  /** What the answer itself says of its targets. */
  readonly known: ReadonlyMap<string, Located>;
  readonly lookUp: (host: string, limits: LookUpLimits) => Promise<AddressAnswer>;
  readonly family: AddressFamily;
  readonly bounds: Bounds;
}

/**
 * Looks up the targets of which nothing is known yet, and makes endpoints of them all. One that is slow is not waited
 * for where others of the best tier can serve: it comes with the resolution's `rest`.
 */
export async function locateTargets(targets: TargetsToLocate, context: ResolveContext): Promise<Resolution> {
  const { asked, known, lookUp, family, bounds } = targets;
  const { random } = context;
  const { records: used, dropped } = targets.records.length > bounds.most ? withinBounds(targets, random) : targets;
  const records = [...used].sort(byPriority);
  const spelled = addressesSpelled(records, family);
  const isMissing = ({ target }: TargetRecord) => !known.has(target) && !spelled.has(target);
  const missing = records.filter(isMissing).map(({ target }) => target);
  if (missing.length === 0) {
    return toResolution(asked, { records, dropped }, new Map([...spelled, ...known]), { bounds, random });
  }
  const limits = earlier(context, context.clock);
  const lookUps = new HostLookUps(missing, {
    lookUp: (host) => lookUp(host, limits),
    family,
    sleep: context.sleep,
    bound: (addresses) => bounds.addresses(addresses, records.length, random),
    hasEnough: (located) => bounds.isReached(countOf(located)),
  });
  const located = () => new Map([...spelled, ...known, ...lookUps.located]);
  const whole = () => toResolution(asked, { records, dropped }, located(), { bounds, random });
  const serves = () => canServe(records, located());
  await lookUps.prompt;
  if (!serves()) {
    await lookUps.until(serves);
    // Those that are as slow as this one may be about to come.
    if (!lookUps.hasEnded) await Promise.race([lookUps.ended, pause(context)]);
  }
  const found = whole();
  if (lookUps.hasEnded || found.kind !== "endpoints") return found;
  const rest = lookUps.ended.then(whole);
  rest.catch(() => {});
  return { ...found, rest };
}

function withinBounds({ records, dropped, bounds }: TargetsToLocate, random: () => number): Sorted<TargetRecord> {
  const used = bounds.records(records, random);
  return { records: used, dropped: [...dropped, ...bounds.reasons(records.length - used.length)] };
}

function pause({ sleep, signal }: ResolveContext): Promise<void> {
  return sleep(SLOW_MS, signal).catch(() => {});
}

/** The first tier's targets are looked up first, should the time not suffice for all. */
function byPriority(a: TargetRecord, b: TargetRecord): number {
  return a.priority - b.priority;
}

/** Targets that are addresses: RFC 2782 wants names, but dnsmasq takes `srv-host=NAME,10.0.0.1,80`, and so does Consul's API. */
function addressesSpelled(records: readonly TargetRecord[], family: AddressFamily): ReadonlyMap<string, Located> {
  const spelled = new Map<string, Located>();
  for (const { target, ttlSeconds } of records) {
    const address = canonicalIp(target);
    if (address === undefined) continue;
    const usable = ofFamily([{ address, ttlSeconds }], family);
    spelled.set(target, usable.length > 0 ? { kind: "addresses", records: usable } : { kind: "none", ttlSeconds });
  }
  return spelled;
}

function countOf(located: ReadonlyMap<string, Located>): number {
  let count = 0;
  for (const found of located.values()) if (found.kind === "addresses") count += found.records.length;
  return count;
}

/**
 * Whether the best tier that may have servers has one; the records are in the order of their tiers. One that stands by does not serve while it is open whether a
 * better one is there.
 */
function canServe(records: readonly TargetRecord[], located: ReadonlyMap<string, Located>): boolean {
  let tier = records[0]?.priority;
  let isOpen = false;
  for (const { priority, target } of records) {
    if (priority !== tier && isOpen) return false;
    tier = priority;
    const found = located.get(target);
    if (found?.kind === "addresses") return true;
    if (found === undefined) isOpen = true;
  }
  return false;
}
