import { mayBeSecret, quotedUnlessSecret } from "../../common/secret.ts";
import { hostNameFromUser, hostNameHint } from "../../net/host-name.ts";
import type { TlsOptions } from "../../net/tls-options.ts";
import type { Environment } from "../../runtime.ts";

// What the variables of Consul's own command line say. Who runs Consul has set them already. CONSUL_HTTP_ADDR and
// CONSUL_HTTP_SSL are not among them: the target names the agents, and whether they speak TLS.

/** In whose part of Consul a service is looked up (Enterprise). */
export interface ConsulTenancy {
  readonly namespace: string | undefined;
  readonly partition: string | undefined;
}

/**
 * What the target says beats what the environment says. A prepared query has a namespace and a partition of its own,
 * so that the environment's are not asked for.
 */
export function consulTenancy(query: Readonly<Record<string, string>>, env: Environment): ConsulTenancy {
  const from = query.query === undefined ? env : {};
  return {
    namespace: tenant("ns", query.ns, "CONSUL_NAMESPACE", from.CONSUL_NAMESPACE),
    partition: tenant("partition", query.partition, "CONSUL_PARTITION", from.CONSUL_PARTITION),
  };
}

function tenant(key: string, inTarget: string | undefined, variable: string, text: string | undefined) {
  const name = inTarget ?? text;
  if (name === undefined || name === "") return undefined;
  if (/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i.test(name)) return name.toLowerCase();
  const where = inTarget === undefined ? variable : `"${key}" in its query`;
  throw new TypeError(`${where} must have 1 to 63 letters, digits or hyphens, not ${quotedUnlessSecret(name)}`);
}

/**
 * How the certificates of agents are verified, and which one they are shown.
 *
 * @throws an error where a variable asks for what is not done: a connection would be made otherwise than it says.
 */
export function consulTls(env: Environment): TlsOptions {
  const { CONSUL_CACERT, CONSUL_CAPATH, CONSUL_CLIENT_CERT, CONSUL_CLIENT_KEY, CONSUL_TLS_SERVER_NAME } = env;
  checkVerify(env.CONSUL_HTTP_SSL_VERIFY);
  // Consul's own client takes the file where both are set.
  if (CONSUL_CAPATH && !CONSUL_CACERT) {
    throw new TypeError("CONSUL_CAPATH is not read; put the certificates into one file and set CONSUL_CACERT to it");
  }
  const tls: TlsOptions = {};
  if (CONSUL_CACERT) tls.ca = `file:${CONSUL_CACERT}`;
  if (CONSUL_CLIENT_CERT) tls.cert = `file:${CONSUL_CLIENT_CERT}`;
  if (CONSUL_CLIENT_KEY) tls.key = `file:${CONSUL_CLIENT_KEY}`;
  if (CONSUL_TLS_SERVER_NAME) tls.serverName = serverName(CONSUL_TLS_SERVER_NAME);
  return tls;
}

/** Without verification, anybody on the way gets the token and chooses the servers. */
function checkVerify(text: string | undefined): void {
  if (text === undefined || text === "" || /^(1|t|true)$/i.test(text)) return;
  throw new TypeError(
    `CONSUL_HTTP_SSL_VERIFY must be true or unset, not ${quotedUnlessSecret(text)}: ${HOW_TO_VERIFY}`,
  );
}

const HOW_TO_VERIFY =
  "certificates are always verified; set CONSUL_CACERT to the authority's certificate, and CONSUL_TLS_SERVER_NAME if " +
  "they have another name";

function serverName(text: string): string {
  const name = hostNameFromUser(text);
  if (name !== undefined) return name;
  throw new TypeError(
    `CONSUL_TLS_SERVER_NAME must be a host name, not ${quotedUnlessSecret(text)}${mayBeSecret(text) ? "" : hostNameHint(text)}`,
  );
}
