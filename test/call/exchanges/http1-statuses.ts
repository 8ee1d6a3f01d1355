import type { Shape } from "./http1-shapes.ts";

/** Answers of a proxy, or of another program at the endpoint's address. */
export function* statusShapes(): Generator<Shape> {
  for (const status of STATUSES) {
    for (const [headers, hint] of HEADERS) {
      for (const [body, type] of status === 204 || status === 304 ? [BODIES[0]] : BODIES) {
        const bytes = `HTTP/1.1 ${status} Something\r\n${hint}${type}content-length: ${body.length}\r\n\r\n${body}`;
        yield {
          name: `${status} with ${body || "no body"}${headers}`,
          group: "statuses",
          answer: "ok",
          // With JSON it is Connect's own error, whose code is the status'.
          fate: TRY_AGAIN.includes(status) && !(body.startsWith("{") && status < 429) ? "ambiguous" : "open",
          once: status >= 300 && status < 500 && !TRY_AGAIN.includes(status),
          isForeign: [401, 403, 404].includes(status),
          needsMore: false,
          bytes: () => Buffer.from(bytes),
        };
      }
    }
  }
}

const STATUSES = [
  204, 302, 304, 307, 400, 401, 403, 404, 405, 408, 413, 415, 421, 425, 429, 431, 500, 501, 502, 503, 504, 520,
];
/** What the request met was no matter of its own. */
const TRY_AGAIN = [408, 425, 429, 502, 503, 504];
const HEADERS = [
  ["", ""],
  [", retry-after", "retry-after: 0\r\n"],
  [", connection: close", "connection: close\r\n"],
] as const;
const BODIES = [
  ["", ""],
  ["<html>no</html>", "content-type: text/html\r\n"],
  ['{"error":"no"}', "content-type: application/json\r\n"],
] as const;
