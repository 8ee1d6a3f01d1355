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
  /** Calls a second. */
  readonly perSecond: Estimate;
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
  firstCalls = 2_048,
): Promise<Comparison[]> {
  const calls = await callsPerSlice(subjects, concurrency, sliceCpuUs, firstCalls);
  const costs = new Map<Subject, Cost[]>(subjects.map((subject) => [subject, []]));
  for (let round = 0; round < rounds; round++) {
    for (const subject of shuffled(subjects)) {
      costs.get(subject)?.push(await slice(subject, calls, concurrency));
    }
  }
  const cpuOf = (subject: Subject) => (costs.get(subject) as Cost[]).map(({ cpuUs }) => cpuUs);
  const base = cpuOf(subjects[0] as Subject);
  return subjects.map((subject) => {
    const own = cpuOf(subject);
    return {
      name: subject.name,
      cpuUs: estimate(own),
      extraUs: estimate(own.map((cost, round) => cost - (base[round] as number))),
      ratio: estimate(own.map((cost, round) => cost / (base[round] as number))),
      perSecond: estimate((costs.get(subject) as Cost[]).map(({ wallUs }) => 1e6 / wallUs)),
      rounds: own,
    };
  });
}

async function callsPerSlice(
  subjects: readonly Subject[],
  concurrency: number,
  sliceCpuUs: number,
  firstCalls: number,
): Promise<number> {
  let calls = firstCalls;
  for (let warmUp = 0; warmUp < 3; warmUp++) {
    for (const subject of subjects) {
      const { cpuUs } = await slice(subject, calls, concurrency);
      if (subject === subjects[0]) calls = Math.ceil(sliceCpuUs / cpuUs / concurrency) * concurrency;
    }
  }
  return calls;
}

/** Of one call. */
interface Cost {
  readonly cpuUs: number;
  readonly wallUs: number;
}

async function slice(subject: Subject, calls: number, concurrency: number): Promise<Cost> {
  // The young garbage of the subject before, or it would be billed to this one. A full collection would throw away
  // optimised code with it, and the slice would measure the compiler.
  globalThis.gc?.({ type: "minor" });
  await subject.run(Math.ceil(calls / 10), concurrency);
  const before = process.cpuUsage();
  const startedAt = performance.now();
  await subject.run(calls, concurrency);
  const wallMs = performance.now() - startedAt;
  const { user, system } = process.cpuUsage(before);
  return { cpuUs: (user + system) / calls, wallUs: (wallMs * 1_000) / calls };
}

/** Runs `call` that often, keeping `concurrency` under way. */
export async function keepBusy(calls: number, concurrency: number, call: () => Promise<unknown>): Promise<void> {
  let left = calls;
  const worker = async () => {
    while (left-- > 0) await call();
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
}
