import { quoted } from "../common/quoted.ts";
import { quotedUnlessSecret } from "../common/secret.ts";
import { type HeaderFields, headerFields } from "../net/header-fields.ts";
import type { Call } from "./call.ts";

/** How many attempts came before this one (gRFC A6). */
const PREVIOUS_ATTEMPTS = "grpc-previous-rpc-attempts";

/** The headers of a call's next attempt. A server learns that it may have seen the request before. */
export function attemptHeader(
  { countsAttempts }: { readonly countsAttempts: boolean },
  { earlierAttempts }: Call,
  header: HeadersInit | undefined,
): HeadersInit | undefined {
  if (!countsAttempts || earlierAttempts === 0) return header;
  return { ...(header && headerFields(header)), [PREVIOUS_ATTEMPTS]: `${earlierAttempts}` };
}

/**
 * They belong to a connection or to the message's framing, which are not the caller's (RFC 9110 section 7.6.1, RFC 9113
 * section 8.2.2). Node takes some of them: a wrong `content-length` makes a call over HTTP/1.1 wait for ever, and costs
 * all calls on an HTTP/2 connection.
 */
const NOT_THE_CALLERS = [
  "connection",
  "content-length",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];

/** A call's headers, or what is wrong with them. No value is told, because it may be a secret. */
export function callersFields(header: HeadersInit): HeaderFields | string {
  let fields: HeaderFields;
  try {
    fields = headerFields(header);
  } catch {
    return unreadable(header);
  }
  const name = NOT_THE_CALLERS.find((forbidden) => forbidden in fields);
  return name === undefined ? fields : `header "${name}" belongs to the connection and cannot be set for a call`;
}

function unreadable(header: HeadersInit): string {
  for (const [name, value] of entriesOf(header)) {
    if (!isAllowed(name, ""))
      return `${quotedUnlessSecret(name)} is not a valid HTTP header name (RFC 9110 section 5.1)`;
    if (!isAllowed("x", value))
      return `header ${quoted(name)} has a value that HTTP does not allow; encode text outside Latin-1 with encodeBinaryHeader()`;
  }
  return "headers must be Headers, an object, or a list of [name, value] pairs";
}

function entriesOf(header: HeadersInit): [string, string][] {
  try {
    return Array.isArray(header) ? (header as [string, string][]) : Object.entries(header as Record<string, string>);
  } catch {
    return [];
  }
}

function isAllowed(name: string, value: string): boolean {
  try {
    return new Headers([[name, value]]) !== undefined;
  } catch {
    return false;
  }
}
