import type { Runtime } from "../runtime.ts";
import { type Answer, readFinding } from "./answer.ts";
import { DnsError } from "./client.ts";
import {
  BADVERS,
  type DnsMessage,
  encodeQuery,
  FORMERR,
  NOERROR,
  NOTIMP,
  NXDOMAIN,
  type Question,
  rcodeName,
  readAnswer,
} from "./codec.ts";
import { MalformedAnswer } from "./guard.ts";
import { type DnsServer, type DnsSockets, serverName } from "./sockets.ts";

export interface AttemptContext {
  readonly sockets: DnsSockets;
  readonly runtime: Runtime;
  /** "tcp" never uses UDP. */
  readonly transport: "udp" | "tcp";
  /** Servers that do not understand EDNS, by name, and until when that is remembered. */
  readonly withoutEdns: Map<string, number>;
}

/** RFC 6891 section 6.2.2 wants it remembered, so that not every question is asked twice. */
const WITHOUT_EDNS_MS = 600_000;
/** So many datagrams that are not the answer: somebody is guessing, and TCP cannot be guessed (RFC 5452 section 9.3). */
const MAX_STRANGERS = 64;

/** How long an attempt lasts: it has no limit of its own. */
export interface AttemptLimits {
  readonly signal: AbortSignal;
  /** No further query is sent; what has been sent may still be answered. */
  isOver(): boolean;
}

/**
 * One question to one server, with all that its answer may ask for: again without EDNS, again over TCP. A rejection is a
 * `DnsError` that continues the server's name.
 */
export async function askServer(
  server: DnsServer,
  question: Question,
  limits: AttemptLimits,
  context: AttemptContext,
): Promise<Answer> {
  const { runtime, withoutEdns } = context;
  const key = serverName(server);
  let transport = context.transport;
  const knowsEdns = (withoutEdns.get(key) ?? 0) <= runtime.clock.now();
  let edns = knowsEdns;
  for (;;) {
    const query = encodeQuery(question, runtime.randomUint16(), edns);
    const reply = await roundTrip(server, query, transport, limits.signal, context.sockets);
    if (reply === "flooded" || reply instanceof MalformedAnswer || reply.truncated) {
      // A truncated answer is no answer, even where it holds records (RFC 2181 section 9).
      if (transport === "tcp") throw overTcp(reply);
      transport = "tcp";
      throwIfOver(limits);
    } else if (edns && [FORMERR, NOTIMP, BADVERS].includes(reply.rcode)) {
      edns = false;
      throwIfOver(limits);
    } else if (reply.rcode === NOERROR || reply.rcode === NXDOMAIN) {
      if (knowsEdns && !edns) withoutEdns.set(key, runtime.clock.now() + WITHOUT_EDNS_MS);
      return readFinding(query, reply);
    } else {
      throw new DnsError(`answered ${rcodeName(reply.rcode)}`);
    }
  }
}

function throwIfOver(limits: AttemptLimits): void {
  if (limits.isOver()) throw new DnsError("could not be asked again: no time is left");
}

type Reply = DnsMessage | MalformedAnswer | "flooded";

function overTcp(reply: Reply): DnsError {
  if (reply === "flooded") return new DnsError("sent nothing but answers to other questions");
  if (reply instanceof MalformedAnswer) return new DnsError(`sent a ${reply.message}`, { cause: reply });
  return new DnsError("truncated its answer over TCP");
}

function roundTrip(
  server: DnsServer,
  query: ReturnType<typeof encodeQuery>,
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
      reject(new DnsError("was not waited for", { cause: signal.reason }));
    };
    const close = sockets[transport](server, query.bytes, {
      onMessage(message) {
        const reply = readOrReport(query, message);
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

function readOrReport(query: ReturnType<typeof encodeQuery>, message: Uint8Array): Reply | undefined {
  try {
    return readAnswer(query, message);
  } catch (error) {
    if (error instanceof MalformedAnswer) return error;
    throw error;
  }
}
