import type { Candidate, Picker, PickerFactory } from "./picker.ts";

/** The heaviest endpoint has this many turns in as many rounds; the others proportionally fewer, at least one. */
const FULL_STRIDE = 65_535;

/**
 * Turn by turn, each endpoint as often as its weight says: the static stride scheduler of gRFC A58. In round r an
 * endpoint of relative weight w has its turn if (w × r) mod FULL_STRIDE reaches w's last step, so turns are spread
 * evenly over the rounds and a pick needs no heap. It starts at a random place, so that processes do not march in step.
 */
export const roundRobin: PickerFactory = (candidates, previous, random) => new RoundRobin(candidates, previous, random);

class RoundRobin implements Picker {
  #turn: number;
  readonly #candidates: readonly Candidate[];
  readonly #strides: readonly number[];

  constructor(candidates: readonly Candidate[], previous: Picker | undefined, random: () => number) {
    this.#candidates = candidates;
    this.#turn =
      previous instanceof RoundRobin ? previous.#turn : Math.floor(random() * candidates.length * FULL_STRIDE);
    const heaviest = Math.max(...candidates.map((candidate) => candidate.weight));
    this.#strides = candidates.map((candidate) => Math.max(1, Math.round((candidate.weight / heaviest) * FULL_STRIDE)));
  }

  pick(): Candidate {
    const count = this.#candidates.length;
    for (;;) {
      const turn = this.#turn++;
      const index = turn % count;
      const stride = this.#strides[index] as number;
      // The index shifts the phase: endpoints of one weight take their turns in different rounds.
      const phase = (stride * (Math.floor(turn / count) + index)) % FULL_STRIDE;
      if (stride === FULL_STRIDE || phase >= FULL_STRIDE - stride) return this.#candidates[index] as Candidate;
    }
  }
}
