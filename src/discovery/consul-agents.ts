import type { TlsOptions } from "../config/wire-options.ts";
import type { DnsClient, LookUpLimits } from "../dns/client.ts";
import { canonicalIp } from "../dns/ip-address.ts";
import { hostAndPort } from "../endpoint.ts";
import { earlier } from "./follow-up.ts";
import type { HostPort } from "./host-port.ts";
import type { HttpGet, HttpResponse } from "./http.ts";
import type { ResolveContext } from "./resolver.ts";

export interface ConsulAgentsOptions {
  /** Asked in this order, the one that answered last first. */
  readonly agents: readonly HostPort[];
  /** `serverName`: the name in their certificate, in place of their own. */
  readonly tls: TlsOptions | false;
  /** Read at each look-up. Never part of an error. */
  token(): string | undefined;
  readonly get: HttpGet;
  /** For agents that are given by name. */
  readonly dns: DnsClient;
}

/** An agent that lost its servers answers after 7 to 10 s; by then, another one has. */
const ATTEMPT_LIMIT_MS = 2_000;
/** 1,500 instances are 1.4 MB. */
const MAX_BYTES = 32 * 1024 * 1024;
/** For some seconds after a leader is lost, a part of the answers is 500. */
const MIN_TRIES = 3;

/** Asks one of several Consul agents: the next one where one fails. What an agent refuses, the others would refuse, too. */
export function createConsulAgents({ agents, tls, token, get, dns }: ConsulAgentsOptions) {
  let first = 0;

  async function ask(agent: HostPort, path: string, limits: LookUpLimits, leftMs: number): Promise<HttpResponse> {
    const secret = token()?.trim();
    const response = await get({
      address: await addressOf(agent.host, dns, limits),
      port: agent.port,
      verifiedName: (tls !== false && tls.serverName) || agent.host,
      tls,
      path,
      // Compressing costs more than it saves where the agent is near.
      headers: { "accept-encoding": "identity", ...(secret && { "x-consul-token": secret }) },
      signal: limits.signal,
      timeoutMs: Math.ceil(Math.min(ATTEMPT_LIMIT_MS, leftMs)),
      maxBytes: MAX_BYTES,
    });
    // 429: an agent serves at most 200 connections of one client address (limits.http_max_conns_per_client).
    if (response.status >= 500 || response.status === 429) throw new Error(`answered ${describe(response, secret)}`);
    return response;
  }

  return async function askAgents(path: string, context: ResolveContext): Promise<HttpResponse> {
    const { clock } = context;
    const limits = earlier(context, clock);
    const failures = new Map<string, string>();
    const tries = Math.max(MIN_TRIES, agents.length);
    for (let tried = 0; tried < tries; tried++) {
      const leftMs = limits.deadline - clock.now();
      if (leftMs <= 0) break;
      const index = (first + tried) % agents.length;
      const agent = agents[index] as HostPort;
      const name = hostAndPort(agent.host, agent.port);
      try {
        const response = await ask(agent, path, limits, leftMs);
        first = index;
        if (response.status === 200) return response;
        throw new RefusedError(`Consul at ${name} answered ${describe(response, token()?.trim())}`);
      } catch (error) {
        // The same question would be refused again.
        if (error instanceof RefusedError) throw error;
        context.signal.throwIfAborted();
        failures.set(name, error instanceof Error ? error.message : String(error));
      }
    }
    const reasons = [...failures].map(([name, reason]) => `${name}: ${reason}`).join("; ");
    throw new Error(`Consul cannot be asked: ${reasons || "no time is left"}`);
  };
}

/** The question or the token is wrong. */
class RefusedError extends Error {}

/** Consul says what is wrong in the body. It does not repeat the token, but whatever stands before it may. */
function describe({ status, body }: HttpResponse, secret: string | undefined): string {
  const said = body.replace(/\s+/g, " ").trim().slice(0, 200);
  const shown = secret ? said.replaceAll(secret, "***") : said;
  return shown === "" ? `${status}` : `${status} (${shown})`;
}

async function addressOf(host: string, dns: DnsClient, limits: LookUpLimits): Promise<string> {
  const literal = canonicalIp(host);
  if (literal !== undefined) return literal;
  const answer = await dns.addresses(host, limits);
  const address = answer.kind === "records" ? answer.records[0]?.address : undefined;
  if (address === undefined) throw new Error("its name has no address");
  return address;
}
