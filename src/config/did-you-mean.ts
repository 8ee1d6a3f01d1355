/**
 * The name that was probably meant; undefined if none is close.
 *
 * @param most letters that may be wrong. Default: a third of the word; further off, a suggestion misleads.
 */
export function nearest(
  word: string,
  names: Iterable<string>,
  most = Math.max(1, Math.floor(word.length / 3)),
): string | undefined {
  let best: string | undefined;
  let bestDistance = most + 1;
  for (const name of names) {
    const distance = editDistance(word.toLowerCase(), name.toLowerCase());
    if (distance < bestDistance) {
      best = name;
      bestDistance = distance;
    }
  }
  return best;
}

/** More names than this are no help in a message. */
const MANY_NAMES = 24;

/** `; did you mean "name"?`, or what there is. */
export function suggestion(word: string, names: readonly string[]): string {
  const name = nearest(word, names);
  if (name !== undefined) return `; did you mean "${name}"?`;
  return names.length > MANY_NAMES
    ? "; docs/configuration.md lists all of them"
    : `; expected one of: ${names.join(", ")}`;
}

/** Levenshtein's distance, with a swap of neighbours as one step. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let distance = Math.min(at(last, j) + 1, at(row, j - 1) + 1, at(last, j - 1) + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        distance = Math.min(distance, at(beforeLast, j - 2) + 1);
      }
      row.push(distance);
    }
    beforeLast = last;
    last = row;
  }
  return at(last, b.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] as number;
}
