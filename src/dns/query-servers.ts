import { firstAnswer } from "../common/first-answer.ts";
import { placeOf } from "../endpoint.ts";
import type { DnsAnswer } from "./answer.ts";
import { DnsError, type LookUpLimits } from "./dns-client.ts";
import type { DnsServer } from "./dns-sockets.ts";
import type { Question } from "./message.ts";
import { type QueryContext, queryServer } from "./query-server.ts";

/** Whom to ask, and how persistently: what resolv.conf says. */
export interface ServerConfig {
  /** Asked in this order. */
  readonly servers: readonly DnsServer[];
  /** A server that has not answered for so long is no longer waited for alone. Default 1000. */
  readonly timeoutMs?: number;
  /** Rounds over all servers. Default 2. */
  readonly attempts?: number;
  /** Start with any of the servers. */
  readonly rotate?: boolean;
  /** Never use UDP. */
  readonly tcpOnly?: boolean;
}

/** Fewer are not enough where datagrams get lost. Of tries that were answered: silence does not use any up. */
const MIN_TRIES = 3;

/**
 * Asks until one server answers, within the one deadline of the look-up. A new try starts when one failed, or when none
 * has answered for a while.
 */
export async function exchange(
  question: Question,
  config: ServerConfig,
  limits: LookUpLimits,
  context: QueryContext,
): Promise<DnsAnswer> {
  const { clock, random, sleep } = context.runtime;
  const { servers } = config;
  const { signal, deadline } = limits;
  const what = `${question.type} ${question.name}`;
  if (servers.length === 0) throw new DnsError(`cannot look up ${what}: no DNS server is configured`);
  const startedAt = clock.now();
  const tries = Math.max(MIN_TRIES, servers.length * (config.attempts ?? 2));
  // Short enough for a second try with each: a server may be silent because of EDNS alone.
  const silenceMs = Math.min(config.timeoutMs ?? 1000, (deadline - startedAt) / Math.max(tries, 2 * servers.length));
  const first = config.rotate ? Math.floor(random() * servers.length) : 0;
  const attemptContext = config.tcpOnly ? { ...context, transport: "tcp" as const } : context;
  const shared = {
    isOver: () => signal.aborted || clock.now() >= deadline,
    unanswered: new Set<string>(),
    askedWithoutOpt: new Set<string>(),
  };
  const failures = new Map<string, string>();
  const waysOut = new Set<string>();
  let unconfirmed: DnsAnswer | undefined;
  let started = 0;
  let silences = 0;

  const { found, unanswered } = await firstAnswer<DnsServer, DnsAnswer, DnsAnswer>({
    next() {
      // An empty answer without a SOA stands when every other server had its chance to know better.
      const limit = unconfirmed ? servers.length : tries + silences;
      return started < limit ? servers[(first + started++) % servers.length] : undefined;
    },
    ask(server, finished) {
      limits.asked?.(placeOf(server));
      return queryServer(server, question, { ...shared, signal: finished }, attemptContext);
    },
    take(asked) {
      if (asked === undefined) {
        // dnsdist drops what comes in while its servers restart, and the first of what comes after it.
        silences++;
        return started < servers.length ? undefined : unconfirmed;
      }
      const { who, answer, error } = asked;
      if (answer === undefined) {
        failures.set(placeOf(who), (error as DnsError).message);
        if (isRefused(error as DnsError)) waysOut.add(LISTEN);
        return undefined;
      }
      if (isConfirmed(answer)) return answer;
      unconfirmed = answer;
      return undefined;
    },
    silenceMs: () => silenceMs,
    signal,
    deadline,
    clock,
    sleep: (ms, until) => sleep(ms, until, true),
    drain: () => context.sockets.drain(),
  });
  const answer = found ?? unconfirmed;
  if (answer !== undefined) return answer;
  const elapsed = Math.max(0, Math.round(clock.now() - startedAt));
  if (unanswered.length > 0) waysOut.add(LET_OUT);
  for (const server of unanswered) failures.set(placeOf(server), `gave no answer within ${elapsed} ms`);
  const reasons = [...failures].map(([server, reason]) => `${server} ${reason}`).join("; ");
  const cause = signal.aborted ? { cause: signal.reason } : {};
  const ways = [...waysOut].map((way) => `: ${way}`).join("");
  throw new DnsError(`cannot look up ${what}: ${reasons || "no time is left"}${ways}`, cause);
}

/** What to change where a server is not there, or not heard. */
const LISTEN = "a DNS server must listen there (port 53; Consul's has 8600)";
const LET_OUT = "let UDP and TCP out to it, or ask another server (dns.servers, or the one in the target)";

/** Nothing listens there. */
function isRefused({ cause }: DnsError): boolean {
  return cause instanceof Error && "code" in cause && cause.code === "ECONNREFUSED";
}

function isConfirmed(answer: DnsAnswer): boolean {
  return answer.kind === "records" || answer.kind === "alias" || !answer.isUnconfirmed;
}
