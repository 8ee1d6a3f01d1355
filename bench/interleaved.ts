import { type Estimate, estimate, shuffled } from "./statistics.ts";

/** One side of a comparison: makes `calls` calls, `concurrency` at a time. */
export interface Subject {
  readonly name: string;
  run(calls: number, concurrency: number): Promise<void>;
}

/** CPU time per call of each subject, in µs, and what it takes more than the first subject in the same round. */
export interface Comparison {
  readonly name: string;
  readonly cpuUs: Estimate;
  readonly extraUs: Estimate;
  readonly ratio: Estimate;
  /** CPU time per call in each round, in µs. */
  readonly rounds: readonly number[];
}

/** What one subject costs as a multiple of another one, within a round. */
export function ratioOf({ rounds }: Comparison, base: Comparison): Estimate {
  return estimate(rounds.map((cost, round) => cost / (base.rounds[round] as number)));
}

const SLICE_CPU_US = 250_000;

/**
 * Judges by CPU time, because wall time on a small machine measures the neighbours. Every round runs every subject
 * once, in a shuffled order; differences are taken within a round.
 */
export async function compare(
  subjects: readonly Subject[],
  concurrency: number,
  rounds: number,
  sliceCpuUs = SLICE_CPU_US,
): Promise<Comparison[]> {
  const calls = await callsPerSlice(subjects, concurrency, sliceCpuUs);
  const costs = new Map<Subject, number[]>(subjects.map((subject) => [subject, []]));
  for (let round = 0; round < rounds; round++) {
    for (const subject of shuffled(subjects)) {
      costs.get(subject)?.push(await slice(subject, calls, concurrency));
    }
  }
  const base = costs.get(subjects[0] as Subject) as number[];
  return subjects.map((subject) => {
    const own = costs.get(subject) as number[];
    return {
      name: subject.name,
      cpuUs: estimate(own),
      extraUs: estimate(own.map((cost, round) => cost - (base[round] as number))),
      ratio: estimate(own.map((cost, round) => cost / (base[round] as number))),
      rounds: own,
    };
  });
}

async function callsPerSlice(subjects: readonly Subject[], concurrency: number, sliceCpuUs: number): Promise<number> {
  let calls = 2_048;
  for (let warmUp = 0; warmUp < 3; warmUp++) {
    for (const subject of subjects) {
      const cost = await slice(subject, calls, concurrency);
      if (subject === subjects[0]) calls = Math.ceil(sliceCpuUs / cost / concurrency) * concurrency;
    }
  }
  return calls;
}

async function slice(subject: Subject, calls: number, concurrency: number): Promise<number> {
  // The young garbage of the subject before, or it would be billed to this one. A full collection would throw away
  // optimised code with it, and the slice would measure the compiler.
  globalThis.gc?.({ type: "minor" });
  await subject.run(Math.ceil(calls / 10), concurrency);
  const before = process.cpuUsage();
  await subject.run(calls, concurrency);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / calls;
}

/** Runs `call` that often, keeping `concurrency` under way. */
export async function keepBusy(calls: number, concurrency: number, call: () => Promise<unknown>): Promise<void> {
  let left = calls;
  const worker = async () => {
    while (left-- > 0) await call();
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
}
