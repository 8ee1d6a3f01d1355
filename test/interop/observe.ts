import { setTimeout as sleep } from "node:timers/promises";
import { serviceName } from "./look-up.ts";
import { ask, type RawAnswer, type RawOptions, type RawQuestion } from "./raw-query.ts";
import { ZONE } from "./zones.ts";

// What a server does, as far as questions can tell.

export const srv = (service: string): RawQuestion => ({ name: serviceName(service), type: "SRV" });
export const a = (label: string): RawQuestion => ({ name: `${label}.${ZONE}`, type: "A" });

export async function answerOf(port: number, question: RawQuestion, options?: RawOptions): Promise<RawAnswer> {
  const answer = await ask(port, question, options);
  if (answer === undefined) throw new Error(`no answer to ${question.type} ${question.name}`);
  return answer;
}

/** The question is asked twice, the first time over TCP, so that a cache has all of the answer. */
export async function cached(
  port: number,
  question: RawQuestion,
  options?: RawOptions,
  afterMs = 50,
): Promise<RawAnswer> {
  await answerOf(port, question, { over: "tcp" });
  await sleep(afterMs);
  return answerOf(port, question, options);
}

export const countOf = (records: RawAnswer["answers"], type: string) =>
  records?.filter((each) => each.type === type).length ?? 0;
export const targetsOf = ({ answers = [] }: RawAnswer) =>
  answers.flatMap((each) => (each.type === "SRV" ? [{ owner: each.name, ...each.data }] : []));
export const longest = ({ answers = [] }: RawAnswer) =>
  Math.max(...answers.map((each) => ("ttl" in each ? (each.ttl ?? 0) : 0)));

export async function isTruncated(
  port: number,
  options: RawOptions,
  how: (answer: RawAnswer) => boolean,
): Promise<boolean> {
  const answer = await cached(port, srv("sixty"), options);
  return answer.flag_tc && how(answer);
}
