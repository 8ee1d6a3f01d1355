import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http2";
import { checkedFields } from "../../net/header-fields.ts";

/** Headers of `node:http2`, as Connect has them: without pseudo-headers. */
export function toHeaders(fields: IncomingHttpHeaders | OutgoingHttpHeaders): Headers {
  const headers = new Headers();
  for (const name in fields) {
    const value = fields[name];
    if (value === undefined || name.startsWith(":")) continue;
    if (Array.isArray(value)) for (const single of value) headers.append(name, single);
    else headers.append(name, String(value));
  }
  return headers;
}

/**
 * The headers of a request: the caller's, of which those of the protocol win.
 *
 * @param prepared the protocol's, and the default `user-agent`.
 */
export function requestHeaders(
  prepared: OutgoingHttpHeaders,
  header: HeadersInit | undefined,
  timeout: OutgoingHttpHeaders | undefined,
): OutgoingHttpHeaders {
  if (header === undefined) return { ...prepared, ...timeout };
  const fields = checkedFields(header);
  const headers = { ...fields, ...prepared, ...timeout };
  if (fields["user-agent"] !== undefined) headers["user-agent"] = fields["user-agent"];
  return headers;
}
