import { quotedUnlessSecret } from "../common/secret.ts";
import { type EndpointSpec, placeOf } from "../endpoint.ts";
import type { Resolution } from "./resolver.ts";

/**
 * An endpoint that samples leave out is kept until samples that would have shown it with this probability have left it
 * out, if it were still there. It costs little to be wrong: one that is gone is ejected by its first failed connection,
 * one that was dropped too early comes back with the next sample that has it.
 */
const CONFIDENCE = 0.95;
/** But through no more samples than this, or a source that makes endpoints up would fill the memory. */
const MOST_SAMPLES = 10;
/** And for no longer: its address may be somebody else's by then. The health of endpoints that left is kept as long. */
const KEEP_MS = 10 * 60_000;

interface Sampled {
  readonly spec: EndpointSpec;
  readonly seenAt: number;
  /** Partial answers in a row without it. */
  readonly missed: number;
}

/**
 * What a source lists that shows a random part of its endpoints at a time: Route 53 and AWS Cloud Map answer with eight
 * at most, Consul with what fits into a datagram. The sum of its samples, less what has been missing for long enough.
 */
export class PartialAnswers {
  #known: ReadonlyMap<string, Sampled> = new Map();
  #last: { readonly keys: ReadonlySet<string>; readonly at: number; readonly ttlMs: number } | undefined;

  /** Takes one sample over, and returns all that is listed now. */
  merge(sample: readonly EndpointSpec[], ttlMs: number, now: number): readonly EndpointSpec[] {
    const shown = new Map(sample.map((spec) => [keyOf(spec), spec]));
    const isNew = !this.#isRepeated(shown, now);
    if (isNew) this.#last = { keys: new Set(shown.keys()), at: now, ttlMs };
    const size = new Set([...this.#known.keys(), ...shown.keys()]).size;
    const enough = samplesToTell(shown.size / size);
    // An address that is shown under another name has changed hands; with both, it would count twice.
    const places = new Set(sample.map(placeOf));
    const known = new Map<string, Sampled>();
    for (const [key, entry] of this.#known) {
      if (places.has(placeOf(entry.spec))) continue;
      const missed = entry.missed + (isNew ? 1 : 0);
      if (missed < enough && Math.abs(now - entry.seenAt) <= KEEP_MS) known.set(key, { ...entry, missed });
    }
    for (const [key, spec] of shown) known.set(key, { spec, seenAt: now, missed: 0 });
    this.#known = known;
    return [...known.values()].map(({ spec }) => spec);
  }

  /** The same list before the TTL of the first is over comes out of a cache: it says nothing new of what it lacks. */
  #isRepeated(shown: ReadonlyMap<string, EndpointSpec>, now: number): boolean {
    const last = this.#last;
    if (last === undefined || now < last.at || now - last.at >= last.ttlMs) return false;
    return shown.size === last.keys.size && [...shown.keys()].every((key) => last.keys.has(key));
  }
}

/** How many samples with this share of the endpoints would have shown any one of them. */
function samplesToTell(share: number): number {
  return share >= 1 ? 1 : Math.min(MOST_SAMPLES, Math.ceil(Math.log(1 - CONFIDENCE) / Math.log(1 - share)));
}

function keyOf(spec: EndpointSpec): string {
  return `${placeOf(spec)} ${spec.name ?? ""}`;
}

/** The resolution, marked as a sample. It is waited for to its end: half of one would count as two. */
export async function asPartialAnswer(resolution: Resolution): Promise<Resolution> {
  if (resolution.kind !== "endpoints") return resolution;
  const { rest, ...first } = resolution;
  const whole = rest === undefined ? first : await rest;
  return whole.kind === "endpoints" ? { ...whole, partial: true } : whole;
}

/** Reads `sample=8` of a target: DNS answers with eight of the records at most, whichever. */
export function sampleSizeOf(sample: string | undefined): number | undefined {
  if (sample === undefined) return undefined;
  if (/^[1-9]\d{0,3}$/.test(sample)) return Number(sample);
  const meaning = "the most records of one answer, such as 8 for AWS Cloud Map";
  throw new TypeError(`"sample" in its query must be ${meaning}, not ${quotedUnlessSecret(sample)}`);
}
