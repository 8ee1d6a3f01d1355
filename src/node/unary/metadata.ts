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
 * The headers of a request with those of its caller, of which the protocol's win.
 *
 * @param prepared the protocol's, and the default `user-agent`.
 */
export function withCallers(
  header: HeadersInit,
  prepared: OutgoingHttpHeaders,
  timeout: OutgoingHttpHeaders | undefined,
): OutgoingHttpHeaders {
  const fields = checkedFields(header);
  const headers = { ...fields, ...prepared, ...timeout };
  if (fields["user-agent"] !== undefined) headers["user-agent"] = fields["user-agent"];
  return headers;
}
