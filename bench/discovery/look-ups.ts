import { nodePlatform } from "../../src/node/node-platform.ts";
import { systemRuntime } from "../../src/runtime.ts";
import { parseTarget, resolverOf } from "../../src/schemes/parse-target.ts";
import { type Estimate, estimate, quantile, shuffled } from "../statistics.ts";
import type { Registry } from "./registry.ts";

export interface LookUpTimes {
  readonly ms: Estimate;
  readonly p99Ms: number;
  /** To the first registry's in the same round. */
  readonly ratio: Estimate;
}

/** How long one look-up takes, as the transport makes it: each registry once a round, in a shuffled order. */
export async function timeLookUps(
  registries: readonly Registry[],
  service: string,
  instances: number,
  rounds: number,
): Promise<LookUpTimes[]> {
  const times = new Map<Registry, number[]>(registries.map((registry) => [registry, []]));
  const resolvers = new Map(
    registries.map((registry) => [registry, resolverOf(parseTarget(registry.target(service)), {}, nodePlatform)]),
  );
  for (let round = -20; round < rounds; round++) {
    for (const registry of shuffled(registries)) {
      const { clock, random, sleep } = systemRuntime;
      const { signal } = new AbortController();
      const startedAt = performance.now();
      const resolution = await resolvers
        .get(registry)
        ?.resolve({ signal, deadline: clock.now() + 5_000, clock, random, sleep, reason: "forced" });
      const ms = performance.now() - startedAt;
      const found = resolution?.kind === "endpoints" ? resolution.endpoints.length : 0;
      if (found !== instances) throw new Error(`${registry.name} names ${found} of ${instances} instances`);
      if (round >= 0) times.get(registry)?.push(ms);
    }
  }
  const base = times.get(registries[0] as Registry) as number[];
  return registries.map((registry) => {
    const own = times.get(registry) as number[];
    const ratios = own.map((ms, round) => ms / (base[round] as number));
    return { ms: estimate(own), p99Ms: quantile(own, 0.99), ratio: estimate(ratios) };
  });
}
