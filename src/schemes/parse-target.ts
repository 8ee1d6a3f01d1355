import { lazily } from "../common/lazily.ts";
import { escaped, messageOf, quoted } from "../common/quoted.ts";
import { isSecretWord, mayBeSecret } from "../common/secret.ts";
import { nearest, suggestion } from "../config/did-you-mean.ts";
import { parseOption } from "../config/layers.ts";
import { optionsByName, optionTable, variableOf } from "../config/option-table.ts";
import type { DnsOptions } from "../config/options.ts";
import { isServerAddress } from "../config/value-types.ts";
import type { Resolver } from "../discovery/resolver.ts";
import { ConfigurationError } from "../errors.ts";
import { hostNameFromUser } from "../net/host-name.ts";
import { parseHostPort } from "../net/host-port.ts";
import type { Environment } from "../runtime.ts";
import { schemeResolver, schemes } from "./all.ts";
import type { Registries, Scheme, Target, TargetOption } from "./scheme.ts";

/** The resolver of a target. Nothing is looked up. */
export function resolverOf(
  target: Target,
  options: DnsOptions,
  registries: Registries,
  env: Environment = {},
): Resolver {
  try {
    return schemeResolver(target, options, registries, env);
  } catch (error) {
    throw new ConfigurationError([problem(target.option, target.text, messageOf(error))]);
  }
}

/**
 * Takes a target URI apart.
 * @throws ConfigurationError with everything that is wrong with it.
 */
export function parseTarget(text: string, option: TargetOption = "target"): Target {
  const problems: string[] = [];
  const target = parse(text, option, (what) => problems.push(problem(option, text, what)));
  if (target === undefined || problems.length > 0) throw new ConfigurationError(problems);
  return target;
}

/** Before a literal @ anywhere, or an encoded one in the server's place. */
const CREDENTIALS = /^([a-z][a-z0-9+.-]*:\/\/)?(?:[^?#]*@|(?<=:\/\/)[^/?#]*%40)/i;

function parse(text: string, option: TargetOption, report: (what: string) => void): Target | undefined {
  if (CREDENTIALS.test(text)) {
    // What stands before it may be a password, with slashes in it: nothing of it is read, or shown.
    report("a target must not contain credentials");
    return undefined;
  }
  const match = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)(?:\/([^?#]*))?(?:\?([^#]*))?$/i.exec(text);
  if (match === null) {
    report(`it must have the form scheme://[server]/name, ${advice(text)}`);
    return undefined;
  }
  const [, schemeName = "", authority = "", name = "", query = ""] = match;
  const scheme = Object.hasOwn(schemes, schemeName.toLowerCase()) ? schemes[schemeName.toLowerCase()] : undefined;
  if (scheme === undefined) {
    const meant = /^(https?|grpcs?)$/i.test(schemeName) ? urlHint(text) : suggestion(schemeName, Object.keys(schemes));
    report(`unknown scheme "${schemeName}"${meant}`);
    return undefined;
  }
  const servers = authority === "" ? [] : authority.split(",");
  const notServers = servers.filter((server) => !isServer(server, scheme));
  if (name === "") {
    if (authority === "") report(`it has no name, as in "${scheme.example}"`);
    else report(`it has no name after the server, as in "${withName(scheme, schemeName, authority, notServers)}"`);
  } else if (servers.length > 0 && scheme.servers === "none") {
    report(`"${schemeName}" takes no server; write three slashes, as in "${scheme.example}"`);
  } else if (servers.length === 0 && scheme.servers === "named") {
    report(`it needs a server, as in "${scheme.example}"`);
  }
  for (const server of scheme.servers === "none" || name === "" ? [] : notServers) {
    if (scheme.servers === "named") report(`the server "${server}" must be a host or an IP address, or host:port`);
    else {
      const system = `for the system's DNS servers write "${schemeName}:///${name}"`;
      report(`the server "${server}" must be an IP address, or address:port; ${system}`);
    }
  }
  if (/^[^/]+\/$/.test(name)) report("its name ends with a slash; leave that out");
  else if (name.includes("/")) report("its name has a slash; write one name after the server");
  return { option, scheme, text, servers, name: decoded(name, report), ...queryOf(query, scheme, option, report) };
}

function isServer(text: string, scheme: Scheme): boolean {
  if (isServerAddress(text) || scheme.servers !== "named") return isServerAddress(text);
  try {
    return hostNameFromUser(parseHostPort(text, 1).host) !== undefined;
  } catch {
    return false;
  }
}

function withName(scheme: Scheme, schemeName: string, authority: string, notServers: readonly string[]): string {
  return scheme.servers !== "none" && notServers.length === 0
    ? scheme.example.replace(/:\/\/[^/]*\//, `://${authority}/`)
    : `${schemeName}:///${authority}`;
}

/** The query's keys: those of the scheme, and the options that can be written down and are no secrets. */
function queryOf(
  query: string,
  scheme: Scheme,
  option: TargetOption,
  report: (what: string) => void,
): Pick<Target, "query" | "lists" | "options"> {
  const values: Record<string, string> = {};
  const lists: Record<string, string[]> = {};
  const options = new Map<string, unknown>();
  const seen = new Set<string>();
  for (const [key, value] of new URLSearchParams(query)) {
    const definition = optionsByName().get(key);
    const isRepeatable = scheme.repeatable?.includes(key) ?? false;
    if (seen.has(key) && !isRepeatable) report(`"${key}" appears twice in its query`);
    else if (scheme.secrets?.has(key)) {
      report(`"${key}" is a secret and must not be in a target; set ${scheme.secrets.get(key)}`);
    } else if (definition?.secret)
      report(`"${key}" may be a secret and must not be in a target; set ${variableOf(key)}`);
    else if (definition?.notInTarget) report(`"${key}" must not be in a target; set ${variableOf(key)}`);
    else if (definition !== undefined && option === "fallbackTarget") {
      report(`"${key}" in its query is an option of the whole transport, which only "target" can give`);
    } else if (definition === undefined && !scheme.keys.includes(key)) {
      const meant = scheme.synonyms?.get(key) ?? key;
      report(`unknown key "${key}" in its query${suggestion(meant, [...scheme.keys, ...queryOptions()])}`);
    } else if (value === "") report(`"${key}" in its query is empty`);
    else if (isRepeatable) lists[key] = [...(lists[key] ?? []), value];
    else if (definition === undefined) values[key] = value;
    else {
      const parsed = parseOption(definition, value, `"${key}" in its query`);
      if ("problem" in parsed) report(parsed.problem);
      else options.set(definition.path, parsed.value);
    }
    seen.add(key);
  }
  return { query: values, lists, options };
}

const queryOptions = lazily(() =>
  optionTable().flatMap(({ name, secret, notInTarget }) => (name === undefined || secret || notInTarget ? [] : [name])),
);

function decoded(name: string, report: (what: string) => void): string {
  try {
    return decodeURIComponent(name);
  } catch {
    report("it has a percent sign that does not start an escape");
    return name;
  }
}

/** For who gives the URL of a server, as other clients want it. */
function urlHint(text: string): string {
  if (!URL.canParse(text)) return `; write ${quoted(schemes.dns?.example ?? "")}`;
  const { protocol, hostname, port } = new URL(text);
  const isEncrypted = /s:$/.test(protocol);
  const hint = `; write ${quoted(`dns:///${hostname}:${port || (isEncrypted ? "443" : "80")}`)}`;
  return isEncrypted ? hint : `${hint}, with tls: false for cleartext`;
}

/** What somebody who forgot the form probably meant. */
function advice(text: string): string {
  if (isSecret(text)) return `such as "${schemes.srv?.example}"`;
  if (/^[a-z0-9+.-]+:[^/]/i.test(text) && nearest(text.split(":")[0] as string, Object.keys(schemes)) !== undefined) {
    return `such as "${text.replace(":", ":///")}"`;
  }
  if (/^_[^._]+\._(tcp|udp)\./i.test(text)) return `such as "srv:///${text}"`;
  if (/^[\w.-]+:\d+$/.test(text)) return `such as "dns:///${text}"`;
  return `such as "${schemes.srv?.example}"`;
}

function problem(option: TargetOption, text: string, what: string): string {
  const shown = withoutSecrets(text);
  return escaped(`${option} "${shown.length > 200 ? `${shown.slice(0, 200)}...` : shown}": ${what}`);
}

/** A target as a message shows it: without credentials, and without values of its query that may be secrets. */
function withoutSecrets(text: string): string {
  const [, address = "", query = ""] = /^([^?#]*)(.*)$/s.exec(text) ?? [];
  const bare = address.replace(CREDENTIALS, "$1***@");
  const values = query.replace(/([?&])([^=&#]*)=([^&#]*)/g, (pair: string, sign: string, key: string, value: string) =>
    isShown(key, value) ? pair : `${sign}${key}=***`,
  );
  return (
    (isSecret(bare) ? "***" : bare) +
    values.replace(/#(.*)$/s, (part: string, end: string) => (isShown("", end) ? part : "#***"))
  );
}

/** In place of a target: a token or a key, and not a host that lacks its scheme, which may have a long label. */
function isSecret(address: string): boolean {
  return (
    isSecretWord(address) || (!address.includes("://") && !/^[a-z0-9._:-]+$/.test(address) && mayBeSecret(address))
  );
}

/** A word of a key that is not known may be long, and is then shown as little as a secret. */
const LONGEST_SHOWN = 20;

function isShown(key: string, value: string): boolean {
  if (mayBeSecret(value)) return false;
  if (publicKeys().has(key)) return true;
  const isSecret = mayBeSecret(`${key}=`) || /key|auth|pw/i.test(key) || nearest(key, secretKeys(), 2) !== undefined;
  return !isSecret && !key.includes("%") && value.length <= LONGEST_SHOWN;
}

/** Keys whose values are shown. */
const publicKeys = lazily(() => new Set([...queryOptions(), ...Object.values(schemes).flatMap(({ keys }) => keys)]));

const secretKeys = lazily(() => [
  ...optionTable().flatMap(({ name, secret }) => (secret && name ? [name] : [])),
  ...Object.values(schemes).flatMap(({ secrets }) => [...(secrets?.keys() ?? [])]),
]);
