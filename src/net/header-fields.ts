/** Headers of a request by lower-case name, as `node:http2` takes them. Without a prototype: a name may be any token. */
export type HeaderFields = Readonly<Record<string, string>>;

/** RFC 9110 sections 5.1 and 5.5, in the spelling that `Headers` would leave as it is. */
const NAME = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
const VALUE = /^(?:[!-~\x80-\xff](?:[\t -~\x80-\xff]*[!-~\x80-\xff])?)?$/;

/**
 * A caller's headers. What is not in its plainest form goes through `Headers`, which knows every other; the first
 * `new Headers()` of a process loads undici, a fifth of a cold start, so that plain ones do without.
 *
 * @throws TypeError where HTTP does not allow them.
 */
export function headerFields(header: HeadersInit): HeaderFields {
  const plain = plainFields(header);
  if (plain !== undefined) return plain;
  const fields = noFields();
  new Headers(header).forEach((value, name) => {
    fields[name] = value;
  });
  return fields;
}

/** The same for headers that may have been checked already, when their call was made: those are taken as they are. */
export function checkedFields(header: HeadersInit): HeaderFields {
  return Object.getPrototypeOf(header) === null ? (header as HeaderFields) : headerFields(header);
}

function noFields(): Record<string, string> {
  return Object.create(null) as Record<string, string>;
}

/** Undefined where `Headers` has to decide. Copied, so that what was checked is what is sent. */
function plainFields(header: HeadersInit): HeaderFields | undefined {
  const isRecord = isPlainObject(header);
  if (!isRecord && !Array.isArray(header)) return undefined;
  const fields = noFields();
  for (const field of isRecord ? Object.entries(header) : (header as unknown[])) {
    if (!Array.isArray(field) || field.length !== 2) return undefined;
    const [name, value] = field as unknown[];
    if (typeof name !== "string" || typeof value !== "string" || name in fields) return undefined;
    if (!NAME.test(name) || !VALUE.test(value)) return undefined;
    fields[name] = value;
  }
  return fields;
}

function isPlainObject(value: unknown): value is object {
  if (typeof value !== "object" || value === null || Symbol.iterator in value) return false;
  const prototype = Object.getPrototypeOf(value) as unknown;
  return prototype === Object.prototype || prototype === null;
}
