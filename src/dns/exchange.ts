import { OVER } from "../runtime.ts";
import type { Answer } from "./answer.ts";
import { type Asking, type AttemptContext, askServer } from "./attempt.ts";
import { DnsError, type LookUpLimits } from "./client.ts";
import type { Question } from "./codec.ts";
import { type DnsServer, serverName } from "./sockets.ts";

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
const MAX_SLEEP_MS = 60_000;

type Outcome = { readonly server: string } & ({ readonly answer: Answer } | { readonly error: DnsError });

/**
 * Asks until one server answers, within the one deadline of the look-up. A new try starts when one failed, or when none
 * has answered for a while; earlier ones stay open to the end, so that a late answer counts.
 */
export async function exchange(
  question: Question,
  config: ServerConfig,
  limits: LookUpLimits,
  context: AttemptContext,
): Promise<Answer> {
  const { clock, random, sleep } = context.runtime;
  const { servers } = config;
  const asked = `${question.type} ${question.name}`;
  if (servers.length === 0) throw new DnsError(`cannot ask for ${asked}: there is no DNS server to ask`);
  const startedAt = clock.now();
  const isOver = () => limits.signal.aborted || clock.now() >= limits.deadline;
  const tries = Math.max(MIN_TRIES, servers.length * (config.attempts ?? 2));
  // Short enough for a second try with each: a server may be silent because of EDNS alone.
  const gapMs = Math.min(config.timeoutMs ?? 1000, (limits.deadline - startedAt) / Math.max(tries, 2 * servers.length));
  const first = config.rotate ? Math.floor(random() * servers.length) : 0;

  const finished = new AbortController();
  const attemptContext = config.tcpOnly ? { ...context, transport: "tcp" as const } : context;
  const asking: Asking = { signal: finished.signal, isOver, unanswered: new Set(), askedWithoutOpt: new Set() };
  const open = new Map<Promise<void>, string>();
  const outcomes: Outcome[] = [];
  const failures = new Map<string, string>();
  const waysOut = new Set<string>();
  let unconfirmed: Answer | undefined;
  let silences = 0;

  const start = (server: DnsServer) => {
    const name = serverName(server);
    limits.asked?.(name);
    const attempt: Promise<void> = askServer(server, question, asking, attemptContext)
      .then((answer) => void outcomes.push({ server: name, answer }))
      .catch((error: DnsError) => void outcomes.push({ server: name, error }))
      .finally(() => open.delete(attempt));
    open.set(attempt, name);
  };
  /** The next outcome, or undefined if there is none within `ms`. */
  const wait = async (ms: number): Promise<Outcome | undefined> => {
    if (outcomes.length === 0) {
      const waited = new AbortController();
      const signal = AbortSignal.any([limits.signal, waited.signal]);
      const timeout = sleep(Math.min(ms, MAX_SLEEP_MS), signal, true).catch(() => {});
      await Promise.race([...open.keys(), timeout]);
      waited.abort(OVER);
    }
    if (outcomes.length === 0 && isOver()) await context.sockets.drain();
    return outcomes.shift();
  };

  try {
    for (let started = 0; ; ) {
      // An empty answer without a SOA stands when every other server had its chance to know better.
      const limit = unconfirmed ? servers.length : tries + silences;
      if (started < limit && !isOver()) start(servers[(first + started++) % servers.length] as DnsServer);
      else if (open.size === 0 && outcomes.length === 0) break;
      const outcome = await wait(Math.min(gapMs, limits.deadline - clock.now()));
      if (outcome && "error" in outcome) {
        failures.set(outcome.server, outcome.error.message);
        if (isRefused(outcome.error)) waysOut.add(LISTEN);
      } else if (outcome && isConfirmed(outcome.answer)) return outcome.answer;
      else if (outcome) unconfirmed = outcome.answer;
      else if (isOver() || (unconfirmed && started >= limit)) break;
      // dnsdist drops what comes in while its servers restart, and the first of what comes after it.
      else silences++;
    }
    if (unconfirmed) return unconfirmed;
    const elapsed = Math.max(0, Math.round(clock.now() - startedAt));
    if (open.size > 0) waysOut.add(LET_OUT);
    for (const server of open.values()) failures.set(server, `gave no answer within ${elapsed} ms`);
  } finally {
    finished.abort(OVER);
  }
  const reasons = [...failures].map(([server, reason]) => `${server} ${reason}`).join("; ");
  const cause = limits.signal.aborted ? { cause: limits.signal.reason } : {};
  const ways = [...waysOut].map((way) => `: ${way}`).join("");
  throw new DnsError(`cannot look up ${asked}: ${reasons || "no time is left"}${ways}`, cause);
}

/** What to change where a server is not there, or not heard. */
const LISTEN = "a DNS server must listen there (port 53; Consul's has 8600)";
const LET_OUT = "let UDP and TCP out to it, or ask another server (dns.servers, or the one in the target)";

/** Nothing listens there. */
function isRefused({ cause }: DnsError): boolean {
  return cause instanceof Error && "code" in cause && cause.code === "ECONNREFUSED";
}

function isConfirmed(answer: Answer): boolean {
  return answer.kind === "records" || answer.kind === "alias" || !answer.isUnconfirmed;
}
