import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http2";

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

/** Connect's headers, as `node:http2` takes them. */
export function fromHeaders(header: Headers): OutgoingHttpHeaders {
  const headers: OutgoingHttpHeaders = {};
  header.forEach((value, name) => {
    headers[name] = value;
  });
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
  const headers = fromHeaders(new Headers(header));
  const userAgent = headers["user-agent"];
  Object.assign(headers, prepared, timeout);
  if (userAgent !== undefined) headers["user-agent"] = userAgent;
  return headers;
}
