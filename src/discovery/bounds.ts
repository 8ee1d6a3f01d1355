import { rank } from "../common/rendezvous.ts";
import { type EndpointSpec, placeOf } from "../endpoint.ts";

/** Nobody balances over more endpoints than this; who answers DNS with more may want to fill the memory. */
const MOST_OF_DNS = 1_000;
/** A registry that the user has chosen, with a limit on what it sends, is taken at its word for longer. */
export const MOST_OF_REGISTRY = 10_000;
/** A server has few addresses, however many servers there are. */
const LEAST_OF_A_TARGET = 16;
/** Endpoints of later tiers stand by, so a first tier that is large does not take all the room. */
const RESERVE = 0.1;

/**
 * What a process uses of an answer that is larger than anybody needs: a random part, so that a fleet of processes uses
 * all of it, and the same one each time, so that connections are kept.
 */
export class Bounds {
  /** Drawn where an answer is too large, so that clones of a process's snapshot use parts of their own. */
  #seed: number | undefined;
  /** Endpoints of one answer. */
  readonly most: number;

  constructor(most = MOST_OF_DNS) {
    this.most = most;
  }

  /** The records to follow, each of which gives one endpoint at least; the first tiers first. */
  records<R extends { readonly target: string; readonly port: number; readonly priority: number }>(
    records: readonly R[],
    random: () => number,
  ): readonly R[] {
    return this.#byTier(
      random,
      records,
      (record) => record.priority,
      (record) => `${record.target} ${record.port}`,
    );
  }

  /** The addresses to use of one of so many targets. */
  addresses<A extends { readonly address: string }>(
    addresses: readonly A[],
    targets: number,
    random: () => number,
  ): readonly A[] {
    const most = Math.max(LEAST_OF_A_TARGET, Math.floor(this.most / targets));
    return this.#some(random, addresses, most, ({ address }) => address);
  }

  endpoints(endpoints: readonly EndpointSpec[], random: () => number): readonly EndpointSpec[] {
    return this.#byTier(random, endpoints, ({ tier = 0 }) => tier, placeOf);
  }

  /** Whether so many endpoints are all that can be used. */
  isReached(endpoints: number): boolean {
    return endpoints >= this.most;
  }

  /** Why so many were left out: a reason for each. */
  reasons(count: number): readonly string[] {
    const why = `the answer has more than ${this.most} endpoints: a random part of them is used`;
    return new Array<string>(count).fill(why);
  }

  #byTier<T>(
    random: () => number,
    all: readonly T[],
    tierOf: (one: T) => number,
    keyOf: (one: T) => string,
  ): readonly T[] {
    if (all.length <= this.most) return all;
    const tiers = new Map<number, T[]>();
    for (const one of all) {
      const tier = tierOf(one);
      const members = tiers.get(tier) ?? [];
      members.push(one);
      tiers.set(tier, members);
    }
    const kept: T[] = [];
    for (const [index, tier] of [...tiers.keys()].sort((a, b) => a - b).entries()) {
      const members = tiers.get(tier) as readonly T[];
      const room = this.most - kept.length;
      const later = index === 0 ? Math.min(this.most * RESERVE, all.length - members.length) : 0;
      kept.push(...this.#some(random, members, room - later, keyOf));
    }
    return kept;
  }

  #some<T>(random: () => number, all: readonly T[], count: number, keyOf: (one: T) => string): readonly T[] {
    if (all.length <= count) return all;
    this.#seed ??= Math.floor(random() * 0x1_0000_0000);
    const seed = this.#seed;
    return all
      .map((one) => ({ one, place: rank(seed, keyOf(one)) }))
      .sort((a, b) => a.place - b.place)
      .slice(0, count)
      .map(({ one }) => one);
  }
}
