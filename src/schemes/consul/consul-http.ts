import { Bounds, MOST_OF_REGISTRY } from "../../discovery/bounds.ts";
import { nothingLeft } from "../../discovery/dropped.ts";
import type { Resolver } from "../../discovery/resolver.ts";
import type { AddressFamily, LookUpLimits } from "../../dns/dns-client.ts";
import { checkHostName } from "../../net/host-name.ts";
import type { HttpResponse } from "../../net/http-get.ts";
import { locateTargets } from "../locate-targets.ts";
import type { Located } from "../look-up-hosts.ts";
import { type TargetRecord, withHostNames } from "../srv-endpoints.ts";
import { type ConsulAgentsOptions, createConsulAgents } from "./consul-agents.ts";
import { type ConsulInstance, readInstances } from "./consul-health.ts";
import { checkConsulKeys } from "./consul-names.ts";

/** What a target says of the service. */
export interface ConsulHttpQuery {
  readonly service: string;
  /** Instances must have all of them. */
  readonly tags?: readonly string[];
  readonly dc?: string | undefined;
  /** Another cluster that exports the service to this one. Not with `dc`. */
  readonly peer?: string | undefined;
  /** Of Consul Enterprise, as is `partition`; the community edition refuses any. */
  readonly namespace?: string | undefined;
  readonly partition?: string | undefined;
  /** The domain of Consul's DNS, for the name that TLS verifies. Default "consul". */
  readonly domain?: string | undefined;
  /** Measures distance from this node, or from the agent: "_agent". The order is in the endpoints' metadata, for pickers. */
  readonly near?: string | undefined;
  /** Consul's filter expression. */
  readonly filter?: string | undefined;
  /** `false`: instances with a warning too, with their weight for that, as in Consul DNS. Default true. */
  readonly passing?: boolean | undefined;
  /** A prepared query, by name or ID: it says which instances there are, and the service only what TLS verifies. */
  readonly preparedQuery?: string | undefined;
}

export interface ConsulHttpResolverOptions extends ConsulHttpQuery, ConsulAgentsOptions {
  /** As the user wrote it; for messages. */
  readonly target: string;
  readonly family: AddressFamily;
}

/**
 * The healthy instances of a Consul service, from its HTTP API: one request per look-up, and no blocking query, which
 * would need a process that waits. Complete where Consul's DNS leaves instances out above a thousand.
 */
export function createConsulHttpResolver(options: ConsulHttpResolverOptions): Resolver {
  const { target, service, family, dns } = options;
  const authority = authorityOf(options);
  const path = pathOf(options);
  const ask = createConsulAgents(options);
  const bounds = new Bounds(MOST_OF_REGISTRY);
  return {
    target,
    authority,
    async resolve(context) {
      const { response, cleartextTokens } = await ask(path, context);
      const instances = instancesOf(response, options.near !== undefined);
      if (instances.length === 0) {
        const reason = `Consul lists no instance of ${service}: ${causes(response)}`;
        return { kind: "empty", ttlMs: 0, reason, cleartextTokens };
      }
      const { records, dropped } = withHostNames(instances.map(recordOf));
      if (records.length === 0) throw new Error(nothingLeft(dropped));
      const lookUp = (host: string, limits: LookUpLimits) => dns.addresses(host, limits, family);
      const targets = { asked: service, records, dropped, known: NOTHING, lookUp, family, bounds };
      return { ...(await locateTargets(targets, context)), cleartextTokens };
    },
  };
}

function authorityOf(query: ConsulHttpQuery): string {
  const { service, tags = [], filter, passing, preparedQuery, domain = "consul" } = query;
  checkConsulKeys(query);
  if (/^_[^.]+\._/.test(service)) throw new TypeError(`write the service "${service}" as in "users?tag=canary"`);
  if (preparedQuery !== undefined && (tags.length > 0 || filter !== undefined || passing !== undefined)) {
    throw new TypeError('"tag", "filter" and "passing" are for services; a prepared query has its own');
  }
  return checkHostName(`${service}.service.${checkHostName(domain)}`);
}

/** `stale`: any server may answer, not the leader alone, so that a cluster without one still does. */
function pathOf(asked: ConsulHttpQuery): string {
  const { service, tags = [], dc, near, filter, passing = true, preparedQuery } = asked;
  const query = new URLSearchParams({ stale: "" });
  const set = (key: string, value: string | undefined) => value !== undefined && query.append(key, value);
  for (const tag of tags) set("tag", tag);
  set("dc", dc);
  set("peer", asked.peer);
  set("ns", asked.namespace);
  set("partition", asked.partition);
  set("near", near);
  set("filter", filter);
  if (preparedQuery !== undefined) return `/v1/query/${encodeURIComponent(preparedQuery)}/execute?${query}`;
  if (passing) set("passing", "true");
  return `/v1/health/service/${encodeURIComponent(service)}?${query}`;
}

/** @param inOrder the nearest one stands first: its metadata says `near: "0"`. */
function instancesOf({ body }: HttpResponse, inOrder: boolean): ConsulInstance[] {
  let answer: unknown;
  try {
    answer = JSON.parse(body);
  } catch {
    // Without V8's error as its cause: that quotes the answer, which may repeat a token.
    throw new Error("Consul's response is not JSON");
  }
  const nodes = typeof answer === "object" && answer !== null && "Nodes" in answer ? answer.Nodes : answer;
  const instances = readInstances(nodes);
  if (!inOrder) return instances;
  return instances.map((one, index) => ({ ...one, metadata: { ...one.metadata, near: `${index}` } }));
}

/** The API has no TTL: as with the 0 of Consul's DNS, `dns.minTtlMs` says how long an answer is used. */
const TTL_SECONDS = 0;

function recordOf({ host, ...instance }: ConsulInstance): TargetRecord {
  return { ...instance, target: host, priority: 0, ttlSeconds: TTL_SECONDS };
}

/** Consul's API gives no addresses beside those that it gives as hosts. */
const NOTHING: ReadonlyMap<string, Located> = new Map();

function causes({ headers }: HttpResponse): string {
  if (headers["x-consul-results-filtered-by-acls"] === "true") {
    return "its token (CONSUL_HTTP_TOKEN) may not read all of them, which needs service:read and node:read";
  }
  const unhealthy = "none is healthy, or the service or its tag is unknown";
  return headers["x-consul-default-acl-policy"] === "deny"
    ? `${unhealthy}, or no token that may read it is set (CONSUL_HTTP_TOKEN, with service:read and node:read)`
    : `${unhealthy}, or the agent has just restarted`;
}
