import { createContextValues } from "@connectrpc/connect";
import type { Candidate, Picker, PickInfo } from "../../src/pickers/picker.ts";
import { EchoService } from "./gen/echo_pb.ts";

/** A candidate whose load a test sets. */
export interface FakeCandidate extends Candidate {
  inFlight: number;
  slowness: number;
}

export const pickInfo: PickInfo = {
  method: EchoService.method.get,
  contextValues: createContextValues(),
  attempt: 1,
};

export function candidates(...weights: number[]): FakeCandidate[] {
  return weights.map((weight, index) => ({
    endpoint: { address: `10.0.0.${index + 1}`, port: 80, verifiedName: "test", metadata: {} },
    weight,
    rank: index / weights.length,
    inFlight: 0,
    slowness: 0,
    load() {
      return this.slowness;
    },
  }));
}

export function pickTimes(picker: Picker, times: number): Candidate[] {
  return Array.from({ length: times }, () => picker.pick(0, pickInfo));
}

export function countOf(picks: readonly Candidate[], candidate: Candidate): number {
  return picks.filter((picked) => picked === candidate).length;
}

/** Pearson's statistic of counts that should all be the same; compare with the quantile for `counts.length - 1`. */
export function chiSquare(counts: readonly number[]): number {
  const expected = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}
