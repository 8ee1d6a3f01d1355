import { Session } from "node:inspector/promises";

/** A function of ours that ran. */
export interface Entered {
  /** Relative to `src/`. */
  readonly file: string;
  /** As V8 names it; empty for a function without a name. */
  readonly name: string;
  readonly calls: number;
}

export const SOURCE = new URL("../../src/", import.meta.url).href;

/** The functions of `src/` that run while `walk` does, a module's own top level aside. */
export async function entered(walk: () => Promise<void>): Promise<Entered[]> {
  const session = new Session();
  session.connect();
  await session.post("Profiler.enable");
  await session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: false });
  await session.post("Profiler.takePreciseCoverage");
  await walk();
  const { result } = await session.post("Profiler.takePreciseCoverage");
  await session.post("Profiler.disable");
  session.disconnect();
  return result
    .filter(({ url }) => url.startsWith(SOURCE))
    .flatMap(({ url, functions }) =>
      functions.flatMap(({ functionName, ranges: [range] }) => {
        const isTopLevel = range?.startOffset === 0 && functionName === "";
        if (range === undefined || range.count === 0 || isTopLevel) return [];
        return [{ file: url.slice(SOURCE.length), name: functionName, calls: range.count }];
      }),
    );
}
