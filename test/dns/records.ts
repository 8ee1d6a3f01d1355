import { hex } from "../support/dns-messages.ts";
import type { PeerQuery } from "../support/dns-peer.ts";

// Messages put together byte by byte: what they say may be wrong in ways that no encoder would write.

const word = (value: number): string => value.toString(16).padStart(4, "0");
const long = (value: number): string => value.toString(16).padStart(8, "0");

/** A pointer to the question's name, which always stands behind the header. */
export const QUESTION_NAME = "c00c";

export function name(text: string): string {
  const labels = text.split(".").filter((part) => part !== "");
  return `${labels.map(label).join("")}00`;
}

/** Whatever it holds. */
export function label(text: string): string {
  return Buffer.concat([Buffer.of(text.length), Buffer.from(text, "latin1")]).toString("hex");
}

export function record(owner: string, type: number, ttl: number, data: string): string {
  return owner + word(type) + word(1) + long(ttl) + word(data.length / 2) + data;
}

export interface SrvFields {
  owner?: string;
  ttl?: number;
  priority?: number;
  weight?: number;
  port?: number;
}

export function srv(
  target: string,
  { owner = QUESTION_NAME, ttl = 30, priority = 0, weight = 0, port = 80 }: SrvFields = {},
) {
  return record(owner, 33, ttl, word(priority) + word(weight) + word(port) + name(target));
}

export function a(owner: string, address: string, ttl = 30): string {
  return record(name(owner), 1, ttl, Buffer.from(address.split(".").map(Number)).toString("hex"));
}

export function aaaa(owner: string, groups: string, ttl = 30): string {
  return record(name(owner), 28, ttl, groups);
}

export function cname(owner: string, target: string, ttl = 30): string {
  return record(owner, 5, ttl, name(target));
}

/** With a minimum of 5 s. */
export const SOA = record(
  name("test"),
  6,
  5,
  `${name("ns.test")}${name("admin.test")}${long(1)}${long(60)}${long(60)}${long(60)}${long(5)}`,
);
export const OPT = `00 0029 04d0 00000000 0000`.replaceAll(" ", "");

export interface MessageParts {
  /** Default 8500: an authoritative answer, NOERROR. */
  flags?: string;
  id?: string;
  question?: string;
  answers?: readonly string[];
  authorities?: readonly string[];
  additionals?: readonly string[];
  /** Instead of the true ones: questions, answers, authorities, additionals. */
  counts?: string;
  /** Behind the last record. */
  rest?: string;
}

export function message(query: PeerQuery, parts: MessageParts): Buffer {
  const { flags = "8500", answers = [], authorities = [], additionals = [], rest = "" } = parts;
  const { id = query.bytes.toString("hex", 0, 2), question = query.question.toString("hex") } = parts;
  const counts =
    parts.counts ??
    word(question === "" ? 0 : 1) + word(answers.length) + word(authorities.length) + word(additionals.length);
  return hex([id, flags, counts, question, ...answers, ...authorities, ...additionals, rest].join(""));
}
