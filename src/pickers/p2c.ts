import type { Candidate, PickerFactory } from "./picker.ts";

/**
 * Power of two choices: draw two, take the one with less to do (Mitzenmacher, "The Power of Two Choices in Randomized
 * Load Balancing"). In-flight is counted per weight, and what seems slower counts as busier by as much.
 *
 * Equal weights: a distinct pair; with replacement a draw would be wasted with probability 1/n. Unequal weights: the
 * draw carries the weight, because with a uniform pair no endpoint can get more than 2/n of the calls. A tie goes to
 * the first drawn, which makes an idle client's shares exactly the weights (RFC 2782's selection).
 */
export const powerOfTwoChoices: PickerFactory = (candidates, _previous, random) => {
  const first = candidates[0] as Candidate;
  if (candidates.length === 1) return { pick: () => first };
  return candidates.every((candidate) => candidate.weight === first.weight)
    ? equalWeights(candidates, random)
    : unequalWeights(candidates, random);
};

function equalWeights(candidates: readonly Candidate[], random: () => number) {
  const count = candidates.length;
  return {
    pick(now: number): Candidate {
      const i = Math.floor(random() * count);
      // One of the others: skipping i keeps the pair distinct and uniform.
      const j = (i + 1 + Math.floor(random() * (count - 1))) % count;
      const a = candidates[i] as Candidate;
      const b = candidates[j] as Candidate;
      return score(b, 1, now) < score(a, 1, now) ? b : a;
    },
  };
}

function unequalWeights(candidates: readonly Candidate[], random: () => number) {
  const cumulated: number[] = [];
  let total = 0;
  for (const candidate of candidates) {
    total += candidate.weight;
    cumulated.push(total);
  }
  const mean = total / candidates.length;
  const draw = () => candidates[indexOf(cumulated, random() * total)] as Candidate;
  return {
    pick(now: number): Candidate {
      const a = draw();
      const b = draw();
      return b !== a && score(b, b.weight / mean, now) < score(a, a.weight / mean, now) ? b : a;
    },
  };
}

/** Log of (slowness × (1 + in-flight per weight)). The logarithms are skipped where they are zero, which is the usual case. */
function score(candidate: Candidate, relativeWeight: number, now: number): number {
  const load = candidate.load(now);
  return candidate.inFlight === 0 ? load : load + Math.log(1 + candidate.inFlight / relativeWeight);
}

/** The first index whose cumulated weight is above `point`. */
function indexOf(cumulated: readonly number[], point: number): number {
  let low = 0;
  let high = cumulated.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((cumulated[middle] as number) > point) high = middle;
    else low = middle + 1;
  }
  return low;
}
