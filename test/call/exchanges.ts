import { http1Trials } from "./exchanges/http1.ts";
import { http2Trials } from "./exchanges/http2.ts";
import { openLane } from "./exchanges/lane.ts";
import { run, type Trial } from "./exchanges/trial.ts";

/** Exchanges under way at a time: some wait for a deadline. */
const LANES = 16;

/** Broken exchanges by protocol, HTTP version and what breaks them. */
export interface Group {
  readonly name: string;
  readonly trials: readonly Trial[];
}

/** All broken exchanges: the product of what can break, when, and what there was besides. */
export function groups(): Group[] {
  const byName = new Map<string, Trial[]>();
  for (const trial of allTrials()) {
    const name = `${trial.protocol} over HTTP/${trial.httpVersion}: ${trial.group}`;
    const group = byName.get(name);
    if (group === undefined) byName.set(name, [trial]);
    else group.push(trial);
  }
  return [...byName].map(([name, trials]) => ({ name, trials }));
}

function* allTrials(): Generator<Trial> {
  for (const protocol of ["connect", "grpc", "grpc-web"] as const) yield* http2Trials(protocol);
  for (const protocol of ["connect", "grpc-web"] as const) yield* http1Trials(protocol);
}

/** Runs trials. Resolves to the names of those that did not end well, with what was seen. */
export async function failuresOf(trials: readonly Trial[]): Promise<string[]> {
  const failures: string[] = [];
  const queue = trials[Symbol.iterator]();
  const work = async (): Promise<void> => {
    let lane = await openLane();
    for (let next = queue.next(); !next.done; next = queue.next()) {
      const problems = await run(next.value, lane).catch((error: Error) => [String(error.stack)]);
      if (problems.length === 0) continue;
      failures.push(`${next.value.name}: ${problems.join("; ")}`);
      // What has hung may come back.
      lane[Symbol.dispose]();
      lane = await openLane();
    }
    lane[Symbol.dispose]();
  };
  await Promise.all(Array.from({ length: LANES }, work));
  return failures;
}
