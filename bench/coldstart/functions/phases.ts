/** What a function answers in this benchmark: user and system time of its whole process, at the end of each phase. */
export interface Phases {
  readonly initCpuMs: number;
  readonly callCpuMs: number;
}

let initCpuMs = Number.NaN;

export function initEnds(): void {
  initCpuMs = cpuMs();
}

/** Makes a call, as if the event had come so much later than it has: by the clock, which a library goes by after a freeze. */
export async function measured(idleMs: number, call: () => Promise<{ text: string }>): Promise<Phases> {
  const { now } = Date;
  Date.now = () => now() + idleMs;
  const { text } = await call();
  if (text !== "hello") throw new Error("not the answer to this call");
  return { initCpuMs, callCpuMs: cpuMs() };
}

function cpuMs(): number {
  const { userCPUTime, systemCPUTime } = process.resourceUsage();
  return (userCPUTime + systemCPUTime) / 1_000;
}
