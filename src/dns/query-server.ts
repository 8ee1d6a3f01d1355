import { placeOf } from "../endpoint.ts";
import { isWithin, type Runtime } from "../runtime.ts";
import { type DnsAnswer, readFinding } from "./answer.ts";
import { MalformedAnswer } from "./check-message.ts";
import { DnsError } from "./dns-client.ts";
import type { DnsServer, DnsSockets } from "./dns-sockets.ts";
import { rememberWithoutEdns, type ServersWithoutEdns } from "./edns.ts";
import {
  BADVERS,
  type DnsMessage,
  encodeQuery,
  FORMERR,
  NOERROR,
  NOTIMP,
  NXDOMAIN,
  type Query,
  type Question,
  rcodeName,
  readAnswer,
} from "./message.ts";

export interface QueryContext {
  readonly sockets: DnsSockets;
  readonly runtime: Runtime;
  /** "tcp" never uses UDP. */
  readonly transport: "udp" | "tcp";
  readonly withoutEdns: ServersWithoutEdns;
}

/** What the attempts at one question share. They have no limit of their own. */
export interface Asking {
  readonly signal: AbortSignal;
  /** No further query is sent; what has been sent may still be answered. */
  isOver(): boolean;
  /** Servers, by name, that have not come to an end with a query that has an OPT record. */
  readonly unanswered: Set<string>;
  /** Servers that have been asked without one. */
  readonly askedWithoutOpt: Set<string>;
}

/** So many datagrams that are not the answer: somebody is guessing, and TCP cannot be guessed (RFC 5452 section 9.3). */
const MAX_STRANGERS = 64;

/**
 * One question to one server, with all that its answer may ask for: again over TCP, again without EDNS. There are
 * servers and firewalls that answer a query with an OPT record by any error, by a broken message, or not at all, and one
 * without as they should. So whatever comes of it, or if nothing does until the next attempt, such a server is asked
 * without one: once for a question, because most failures have other reasons.
 *
 * A rejection is a `DnsError` that continues the server's name.
 */
export async function queryServer(
  server: DnsServer,
  question: Question,
  asking: Asking,
  context: QueryContext,
): Promise<DnsAnswer> {
  const { withoutEdns, sockets } = context;
  const { clock } = context.runtime;
  const { unanswered, askedWithoutOpt } = asking;
  const name = placeOf(server);
  const known = withoutEdns.get(name);
  if (known !== undefined && isWithin(known.forMs, known.since, clock.now())) {
    return query(server, question, false, asking, context);
  }
  if (unanswered.has(name) && !askedWithoutOpt.has(name)) {
    askedWithoutOpt.add(name);
    const answer = await query(server, question, false, asking, context);
    // One that was slow, for instance to ask others, answers both at once.
    await sockets.drain();
    if (unanswered.has(name)) rememberWithoutEdns(withoutEdns, name, false, clock.now());
    return answer;
  }
  let failure: unknown;
  unanswered.add(name);
  try {
    return await query(server, question, true, asking, context);
  } catch (error) {
    failure = error;
  } finally {
    unanswered.delete(name);
  }
  if (asking.signal.aborted || asking.isOver() || askedWithoutOpt.has(name)) throw failure;
  askedWithoutOpt.add(name);
  const answer = await query(server, question, false, asking, context);
  const isRefusal = failure instanceof RcodeError && UNKNOWN_EDNS.has(failure.rcode);
  rememberWithoutEdns(withoutEdns, name, isRefusal, clock.now());
  return answer;
}

/** RFC 6891 section 7, and 6.1.3 for BADVERS. */
const UNKNOWN_EDNS: ReadonlySet<number> = new Set([FORMERR, NOTIMP, BADVERS]);

class RcodeError extends DnsError {
  readonly rcode: number;

  constructor(rcode: number) {
    super(`answered ${rcodeName(rcode)}`);
    this.rcode = rcode;
  }
}

async function query(
  server: DnsServer,
  question: Question,
  hasOpt: boolean,
  asking: Asking,
  context: QueryContext,
): Promise<DnsAnswer> {
  const { sockets } = context;
  let { transport } = context;
  for (;;) {
    const sent = encodeQuery(question, sockets.messageId(), hasOpt);
    const reply = await roundTrip(server, sent, transport, asking.signal, sockets);
    const isWhole = reply !== "flooded" && !(reply instanceof MalformedAnswer) && !reply.truncated;
    if (isWhole) {
      if (reply.rcode !== NOERROR && reply.rcode !== NXDOMAIN) throw new RcodeError(reply.rcode);
      return readFinding(sent, reply);
    }
    // A truncated answer is no answer, even where it holds records (RFC 2181 section 9).
    if (transport === "tcp") throw unusable(reply);
    // What is broken by its OPT record needs no TCP, which may be closed.
    if (reply instanceof MalformedAnswer && hasOpt && !asking.askedWithoutOpt.has(placeOf(server))) {
      throw unusable(reply);
    }
    transport = "tcp";
    if (asking.isOver()) throw new DnsError("could not be asked again: no time is left");
  }
}

type Reply = DnsMessage | MalformedAnswer | "flooded";

function unusable(reply: Reply): DnsError {
  if (reply === "flooded") return new DnsError("sent nothing but answers to other questions");
  if (reply instanceof MalformedAnswer) return new DnsError(`sent a ${reply.message}`, { cause: reply });
  return new DnsError("truncated its answer over TCP");
}

function roundTrip(
  server: DnsServer,
  sent: Query,
  transport: "udp" | "tcp",
  signal: AbortSignal,
  sockets: DnsSockets,
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    let strangers = 0;
    const done = () => {
      signal.removeEventListener("abort", onAbort);
      close();
    };
    const onAbort = () => {
      done();
      reject(new DnsError("its answer is no longer needed", { cause: signal.reason }));
    };
    const close = sockets[transport](server, sent.bytes, {
      onMessage(message) {
        const reply = readOrReport(sent, message);
        if (reply === undefined && ++strangers <= MAX_STRANGERS) return;
        done();
        resolve(reply ?? "flooded");
      },
      onError(error) {
        done();
        reject(new DnsError(`could not be asked over ${transport.toUpperCase()}: ${error.message}`, { cause: error }));
      },
    });
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort);
  });
}

function readOrReport(sent: Query, message: Uint8Array): Reply | undefined {
  try {
    return readAnswer(sent, message);
  } catch (error) {
    if (error instanceof MalformedAnswer) return error;
    throw error;
  }
}
