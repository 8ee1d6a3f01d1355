import { escaped, quoted } from "../common/quoted.ts";
import { mayBeSecret, NOT_SHOWN } from "../common/secret.ts";
import { ConfigurationError } from "../errors.ts";
import { suggestion } from "./did-you-mean.ts";
import { optionHint, valueHint } from "./hints.ts";
import type { OptionDefinition } from "./option-definition.ts";
import { definitionOf, groups, membersOf, optionTable } from "./option-table.ts";
import type { BalancedTransportOptions } from "./options.ts";
import { EXAMPLE_TARGET, object } from "./value-types.ts";

/**
 * What is wrong with the options, `target` aside, one sentence each: the option, what it must be, what it is.
 *
 * @throws ConfigurationError if they are no object, of which nothing else can be said.
 */
export function validateOptions(options: unknown): string[] {
  if (!object.accepts(options)) throw new ConfigurationError([noObject(options)]);
  const problems: string[] = [];
  checkGroup(options as object, "", problems);
  return problems;
}

function noObject(options: unknown): string {
  const shown = show(options);
  const isTarget = typeof options === "string" && options.includes("://") && shown !== NOT_SHOWN;
  const target = isTarget ? shown : quoted(EXAMPLE_TARGET);
  return `the options must be an object, such as { target: ${target} }; ${shown} was given`;
}

/** @param prefix "" for those of no group, else the group's name and a dot. */
function checkGroup(group: object, prefix: string, problems: string[]): void {
  for (const [name, value] of Object.entries(group)) {
    if (value === undefined || (prefix === "" && name === "target")) continue;
    // A dot in a name leads into no group.
    const definition = name.includes(".") ? undefined : definitionOf(prefix + name);
    if (definition === undefined) problems.push(unknownOption(prefix, name));
    else checkOption(definition, value, problems);
  }
}

function unknownOption(prefix: string, name: string): string {
  // The right name, but in the wrong group: "maxAttempts" beside "retry".
  const elsewhere = optionTable().find(({ path }) => path.endsWith(`.${name}`))?.path;
  const members = membersOf(prefix.slice(0, -1)).map(({ path }) => path);
  const known = elsewhere === undefined ? (prefix === "" ? ["target", ...members] : members) : [elsewhere];
  const hint = optionHint(prefix + name) ?? suggestion(elsewhere ?? `${prefix}${name}`, known);
  return `unknown option "${prefix}${escaped(name)}"${hint}`;
}

function checkOption(definition: OptionDefinition, value: unknown, problems: string[]): void {
  if (!definition.type.accepts(value)) {
    const shown = show(value);
    const hint = shown === NOT_SHOWN ? "" : valueHint(definition, value);
    const got = definition.secret ? "" : `, not ${shown}${hint}`;
    problems.push(`${definition.path} must be ${definition.type.description}${got}`);
  } else if (groups.has(definition.path) && value !== false) {
    checkGroup(value as object, `${definition.path}.`, problems);
  }
}

/** What is wrong with options that are right each by itself, but not together. */
export function checkTogether(options: BalancedTransportOptions): string[] {
  const problems: string[] = [];
  const { tls, protocol = "connect", httpVersion, connect, dns, retry } = options;
  if (tls) {
    if ((tls.cert === undefined) !== (tls.key === undefined)) {
      problems.push(`tls.${tls.cert === undefined ? "key needs tls.cert" : "cert needs tls.key"}`);
    }
    if (tls.targetSuffixes !== undefined && tls.serverName !== "target") {
      problems.push('tls.targetSuffixes needs tls.serverName: "target"');
    }
  }
  if (protocol === "grpc" && httpVersion === "1.1") {
    problems.push('protocol "grpc" needs HTTP/2: leave httpVersion out, or use protocol "grpc-web" or "connect"');
  }
  if (connect?.useHttpGet && protocol !== "connect") {
    problems.push(`connect.useHttpGet works with protocol "connect", not with "${protocol}"`);
  }
  if ((dns?.minTtlMs ?? 0) > (dns?.maxTtlMs ?? Number.POSITIVE_INFINITY)) {
    problems.push(`dns.minTtlMs (${dns?.minTtlMs}) must not be above dns.maxTtlMs (${dns?.maxTtlMs})`);
  }
  if (options.createEndpointTransport !== undefined) problems.push(...withoutEffect(options));
  if (retry && (retry.baseDelayMs ?? 0) > (retry.maxDelayMs ?? Number.POSITIVE_INFINITY)) {
    problems.push(`retry.baseDelayMs (${retry.baseDelayMs}) must not be above retry.maxDelayMs (${retry.maxDelayMs})`);
  }
  return problems;
}

/** What only our own transports of endpoints do. */
function withoutEffect({ attemptInterceptors = [], connection = {} }: BalancedTransportOptions): string[] {
  const set = Object.entries(connection).flatMap(([name, value]) =>
    value === undefined ? [] : [`connection.${name}`],
  );
  if (attemptInterceptors.length > 0) set.unshift("attemptInterceptors");
  return set.map(
    (option) =>
      `${option} has no effect beside createEndpointTransport: pass it to the transport that this factory creates`,
  );
}

/** A value as a message shows it: short, and never an empty place. */
function show(value: unknown): string {
  if (typeof value === "function") return "a function";
  if (typeof value === "bigint") return `${value}n`;
  if (value === undefined) return "nothing";
  if (typeof value === "number") return String(value);
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch {
    // Circular.
  }
  text ??= typeof value === "symbol" ? "a symbol" : "an object";
  if (mayBeSecret(text)) return NOT_SHOWN;
  return escaped(text.length > 80 ? `${text.slice(0, 77)}...` : text);
}
