import { escaped, messageOf } from "../../common/quoted.ts";
import type { HttpResponse } from "../../net/http-get.ts";
import type { ConsulCredentials } from "./consul-credentials.ts";
import { masked } from "./masked.ts";

/** The same question gets the same answer everywhere: its parameters are wrong, or those of another edition. */
export function isEverybodysRefusal({ status }: HttpResponse): boolean {
  return status === 400;
}

/**
 * The agent works and does not give what was asked: the next one may (a token or a prepared query reaches one server
 * before the other), and this one is not asked again. 5xx is a failure. So is 429: an agent serves at most 200
 * connections of one client address (limits.http_max_conns_per_client).
 */
export function isRefusal({ status }: HttpResponse): boolean {
  return status < 500 && status !== 429;
}

/** What became of one agent: a failure, or the refusal of one that is in order. */
interface Failure {
  readonly text: string;
  readonly isRefusal: boolean;
}

/** What became of the agents that did not give what was asked, in one error without secrets. */
export class ConsulFailures {
  readonly #path: string;
  readonly #secrets: ConsulCredentials;
  readonly #failures = new Map<string, Failure>();
  readonly #waysOut = new Set<string>();

  constructor(path: string, secrets: ConsulCredentials) {
    this.#path = path;
    this.#secrets = secrets;
  }

  add(agent: string, error: unknown): void {
    // OpenSSL ends its messages with a colon and a line end.
    const text = escaped(masked(messageOf(error), this.#secrets.values).replace(/:?\s*$/, ""));
    this.#failures.set(agent, { text, isRefusal: false });
    if (error instanceof Error && "code" in error && error.code === "ECONNREFUSED") this.#waysOut.add(LISTEN);
    // SSL_R_WRONG_VERSION_NUMBER: what came is no record of TLS.
    if (/\berror:0A00010B:/.test(text))
      this.#waysOut.add("this agent does not speak TLS; write consul+http in the target");
  }

  addResponse(agent: string, response: HttpResponse): void {
    // Consul's reason is in the body. It does not repeat the token, but whatever stands before it may.
    const said = escaped(masked(response.body, this.#secrets.values).replace(/\s+/g, " ").trim().slice(0, 200));
    const text = `answered ${response.status}${said === "" ? "" : ` (${said})`}`;
    this.#failures.set(agent, { text, isRefusal: isRefusal(response) });
    if (isRefusal(response)) this.#waysOut.add(wayOut(response, this.#path, this.#secrets));
  }

  error(): Error {
    const failures = [...this.#failures];
    if (failures.length === 0) return new Error("cannot query Consul: no time is left");
    const waysOut = [...this.#waysOut].map((way) => `: ${way}`).join("");
    if (failures.every(([, { isRefusal }]) => isRefusal)) {
      const refusals = failures.map(([agent, { text }]) => {
        const reason = `Consul at ${agent} ${text}`;
        return reason;
      });
      return new Error(refusals.join("; ") + waysOut);
    }
    const reasons = failures.map(([agent, { text }]) => `${agent}: ${text}`).join("; ");
    return new Error(`cannot query Consul: ${reasons}${waysOut}`);
  }
}

const LISTEN = "a Consul agent must listen there (its HTTP API has port 8500, or 8501 for TLS)";

function wayOut({ status, body }: HttpResponse, path: string, { tokenFrom }: ConsulCredentials): string {
  if (status === 400 && /Enterprise/.test(body)) {
    return (
      "the community edition of Consul has no namespaces and no partitions; leave out CONSUL_NAMESPACE and " +
      'CONSUL_PARTITION, and "ns" and "partition" in the target'
    );
  }
  if (status === 400 && /HTTPS server/i.test(body)) return "this agent speaks TLS; write consul+https in the target";
  if (status === 400) return "correct the target's query";
  if (status === 401) return "set CONSUL_HTTP_AUTH to the user:password that the proxy before Consul requires";
  if (status === 403) {
    const needs = "service:read and node:read";
    return tokenFrom === undefined
      ? `set CONSUL_HTTP_TOKEN or CONSUL_HTTP_TOKEN_FILE to a token whose policies have ${needs}`
      : `the token of ${tokenFrom} must exist in Consul, and its policies must have ${needs}`;
  }
  if (status === 404 && path.startsWith("/v1/query/")) return "there must be a prepared query of that name or ID";
  return "Consul's HTTP API must listen there (port 8500, or 8501 for TLS), without a redirect";
}
