import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http2";

/** Headers as `node:http2` gives them, as Connect has them: without pseudo-headers. */
export function toHeaders(received: IncomingHttpHeaders): Headers {
  const headers = new Headers();
  for (const name in received) {
    const value = received[name];
    if (value === undefined || name.startsWith(":")) continue;
    if (typeof value === "string") headers.append(name, value);
    else for (const single of value) headers.append(name, single);
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
  const headers: OutgoingHttpHeaders = {};
  new Headers(header).forEach((value, name) => {
    headers[name] = value;
  });
  const userAgent = headers["user-agent"];
  Object.assign(headers, prepared, timeout);
  if (userAgent !== undefined) headers["user-agent"] = userAgent;
  return headers;
}
