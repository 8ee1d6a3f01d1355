import { type DnsAnswer, MAX_ALIASES } from "./answer.ts";
import { DnsError, type NoRecords } from "./dns-client.ts";
import type { DnsRecord, Question } from "./message.ts";

/** What is at the end of a chain of aliases. */
export type ChainAnswer =
  | {
      readonly kind: "records";
      readonly records: readonly DnsRecord[];
      readonly additionals: readonly DnsRecord[];
      readonly unspellable: number;
      readonly ttlSeconds: number;
    }
  | NoRecords;

/**
 * Follows CNAMEs over several answers. A server may leave the chain before its end (knot after 5 links, any server at
 * the border of its zones), so the last name is asked for instead of taking the answer for an empty one.
 *
 * @param first the answer to the question, in which the chain begins.
 */
export async function followCnames(
  question: Question,
  first: DnsAnswer,
  ask: (question: Question) => Promise<DnsAnswer>,
): Promise<ChainAnswer> {
  const seen = new Set([question.name]);
  let { name } = question;
  let ttlSeconds = Number.POSITIVE_INFINITY;
  for (let answer = first; ; answer = await ask({ ...question, name })) {
    for (const alias of answer.aliases) {
      if (seen.has(alias)) throw new DnsError(`cannot look up ${question.type} ${question.name}: a CNAME loop`);
      seen.add(alias);
      name = alias;
    }
    if (seen.size > MAX_ALIASES + 1) {
      throw new DnsError(`cannot look up ${question.type} ${question.name}: more than ${MAX_ALIASES} CNAMEs`);
    }
    ttlSeconds = Math.min(ttlSeconds, answer.ttlSeconds);
    if (answer.kind === "records") return { ...answer, ttlSeconds };
    if (answer.kind !== "alias") return { kind: answer.kind, ttlSeconds };
  }
}
