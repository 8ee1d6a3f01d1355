import { firstAnswer } from "../../common/first-answer.ts";
import type { ResolveContext } from "../../discovery/resolver.ts";
import type { DnsClient } from "../../dns/dns-client.ts";
import { hostAndPort } from "../../endpoint.ts";
import type { HostPort } from "../../net/host-port.ts";
import type { HttpGet, HttpResponse } from "../../net/http-get.ts";
import { canonicalIp, isLoopback } from "../../net/ip-address.ts";
import type { TlsOptions } from "../../net/tls-options.ts";
import { earlier } from "../look-up-hosts.ts";
import { createAgentAddresses } from "./consul-agent-addresses.ts";
import type { ConsulCredentials } from "./consul-credentials.ts";
import { ConsulFailures, isEverybodysRefusal, isRefusal } from "./consul-failures.ts";

export interface ConsulAgentsOptions {
  /** Asked in this order, the one that answered last first. Each address of a name is an agent. */
  readonly agents: readonly HostPort[];
  /** `serverName`: the name in their certificate, in place of their own. */
  readonly tls: TlsOptions | false;
  /** Read at each look-up. Never part of an error. */
  credentials(): Promise<ConsulCredentials>;
  readonly get: HttpGet;
  /** For agents that are given by name. */
  readonly dns: DnsClient;
}

export interface AgentAnswer {
  readonly response: HttpResponse;
  /** The agents, as the target names them, that were sent a secret without TLS and not over loopback. */
  readonly cleartextTokens: readonly string[];
}

/** An agent in order answers within milliseconds. After so long without an answer another one is asked as well. */
const GAP_MS = 1_000;
/** 1,500 instances are 1.4 MB. */
const MAX_BYTES = 32 * 1024 * 1024;
/** For some seconds after a leader is lost, a part of the answers is 500: an agent that failed is asked again. */
const MIN_TRIES = 3;

/** An agent of the target. Without an address, its name is looked up first. */
interface Agent extends HostPort {
  /** As the target has it, with its port. */
  readonly written: string;
  readonly address: string | undefined;
}

/** What an agent answers, or where it is to be asked. */
type AgentReply = { readonly response: HttpResponse } | { readonly addresses: readonly string[] };

/**
 * Asks Consul agents until one answers, within the one deadline of the look-up. Another agent is asked when one failed
 * or refused, or when none has answered for a while. No agent has two requests at a time: one that is slow would only
 * become slower, and TCP itself repeats what gets lost.
 */
export function createConsulAgents({ agents, tls, credentials, get, dns }: ConsulAgentsOptions) {
  const addressesOf = createAgentAddresses(dns);
  const listed = agents.map(({ host, port }): Agent => {
    return { host, port, written: hostAndPort(host, port), address: canonicalIp(host) };
  });
  let last: Agent | undefined;

  return async function askAgents(path: string, context: ResolveContext): Promise<AgentAnswer> {
    const { clock, sleep } = context;
    const limits = earlier(context, clock);
    const startedAt = clock.now();
    const secrets = await credentials();
    const untried = lastFirst(listed, (agent) => agent.written === last?.written);
    const failed: Agent[] = [];
    const failures = new ConsulFailures(path, secrets);
    const cleartextTokens = new Set<string>();
    let requests = 0;
    let tries = Math.max(MIN_TRIES, listed.length);
    const silenceMs = () => Math.min(GAP_MS, (limits.deadline - startedAt) / tries);

    const request = (agent: Agent, address: string, signal: AbortSignal): Promise<HttpResponse> => {
      requests++;
      context.asked?.(shown({ ...agent, address }));
      if (tls === false && secrets.values.length > 0 && !isLoopback(address)) cleartextTokens.add(agent.written);
      return get({
        address,
        port: agent.port,
        verifiedName: (tls !== false && tls.serverName) || agent.host,
        tls,
        path,
        // Compressing costs more than it saves where the agent is near.
        headers: { "accept-encoding": "identity", ...secrets.headers },
        signal,
        timeoutMs: Math.max(1, Math.ceil(limits.deadline - clock.now())),
        maxBytes: MAX_BYTES,
      });
    };

    const { found, unanswered } = await firstAnswer<Agent, AgentReply, HttpResponse>({
      next: () => untried.shift() ?? (requests < MIN_TRIES ? failed.shift() : undefined),
      async ask(agent, finished) {
        const signal = AbortSignal.any([limits.signal, finished]);
        if (agent.address !== undefined) return { response: await request(agent, agent.address, signal) };
        return { addresses: await addressesOf(agent.host, { ...limits, signal, sleep }, silenceMs()) };
      },
      take(asked) {
        if (asked === undefined) return undefined;
        const { who: agent, answer, error } = asked;
        if (answer === undefined) {
          failures.add(shown(agent), error);
          // DNS has its own retries.
          if (agent.address !== undefined) failed.push(agent);
        } else if ("addresses" in answer) {
          const addressed = answer.addresses.map((address): Agent => ({ ...agent, address }));
          untried.unshift(...lastFirst(addressed, ({ address }) => address === last?.address));
          tries += addressed.length - 1;
        } else if (answer.response.status === 200) {
          last = agent;
          return answer.response;
        } else {
          failures.addResponse(shown(agent), answer.response);
          if (isEverybodysRefusal(answer.response)) throw failures.error();
          if (!isRefusal(answer.response)) failed.push(agent);
        }
        return undefined;
      },
      silenceMs,
      signal: limits.signal,
      deadline: limits.deadline,
      clock,
      sleep,
    });
    if (found !== undefined) return { response: found, cleartextTokens: [...cleartextTokens] };
    context.signal.throwIfAborted();
    const elapsedMs = Math.max(0, Math.round(clock.now() - startedAt));
    for (const agent of unanswered) failures.add(shown(agent), new Error(`no answer within ${elapsedMs} ms`));
    throw failures.error();
  };
}

function lastFirst(agents: readonly Agent[], isLast: (agent: Agent) => boolean): Agent[] {
  return [...agents.filter(isLast), ...agents.filter((agent) => !isLast(agent))];
}

function shown({ host, written, address }: Agent): string {
  return address === undefined || canonicalIp(host) !== undefined ? written : `${written} (${address})`;
}
