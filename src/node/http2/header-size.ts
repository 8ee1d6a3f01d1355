import type { OutgoingHttpHeaders } from "node:http2";
import type { ConnectError } from "@connectrpc/connect";
import { headersTooLarge } from "../../errors.ts";
import { recordFact } from "../../resilience/failure-facts.ts";

/**
 * The longest header block that nghttp2 sends, by the longest that it may become (nghttp2_hd_deflate_bound). For a longer
 * one it closes the connection, and shows the stream as refused by the server.
 */
const LONGEST_BLOCK = 65_536;
/** What nghttp2 adds to a block and to each field of it. */
const BLOCK_OVERHEAD = 17;
const FIELD_OVERHEAD = 12;

/** RFC 9113 section 6.5.2: what a field counts besides its name and value. */
const LIST_OVERHEAD = 32;

/**
 * A smaller request is sent whatever the server has announced: SETTINGS_MAX_HEADER_LIST_SIZE is advice (RFC 9113 section
 * 6.5.2), and a server that announces 0 would otherwise get no request at all.
 */
const ALWAYS_SENT = 4_096;

/** As many fields as Node's server takes (`maxHeaderListPairs`), which it announces nowhere. */
const MOST_FIELDS = 128;

/**
 * The error of a request whose headers would harm the other calls on its connection: servers answer them by closing it.
 * Undefined where they fit.
 *
 * @param announced the server's SETTINGS_MAX_HEADER_LIST_SIZE.
 */
export function headerListTooLarge(
  headers: OutgoingHttpHeaders,
  announced: number | undefined,
): ConnectError | undefined {
  const { fields, bytes } = sizeOf(headers);
  const listSize = bytes + LIST_OVERHEAD * fields;
  const blockSize = BLOCK_OVERHEAD + FIELD_OVERHEAD * fields + bytes;
  if (blockSize > LONGEST_BLOCK) return unsendable(`${blockSize} bytes, and HTTP/2 in Node.js sends ${LONGEST_BLOCK}`);
  if (announced === undefined || listSize <= announced || listSize <= ALWAYS_SENT) return undefined;
  return unsendable(`${listSize} bytes, and the server takes ${announced}`);
}

/**
 * The error of a request that a server has reset, most likely for its headers. Undefined where they are too few and too
 * short for that.
 */
export function resetFor(headers: OutgoingHttpHeaders, reason: Error | undefined): ConnectError | undefined {
  const { fields, bytes } = sizeOf(headers);
  if (fields <= MOST_FIELDS && bytes <= 2 * ALWAYS_SENT) return undefined;
  return unsendable(`${fields} fields of ${bytes} bytes, and the server resets the request`, reason);
}

/** What a request's headers take on the wire: `bytes` are those of all names and values. */
function sizeOf(headers: OutgoingHttpHeaders): { readonly fields: number; readonly bytes: number } {
  let fields = 0;
  let bytes = 0;
  for (const name in headers) {
    const value = headers[name];
    if (value === undefined) continue;
    for (const single of Array.isArray(value) ? value : [value]) {
      fields += 1;
      bytes += name.length + String(single).length;
    }
  }
  return { fields, bytes };
}

function unsendable(why: string, cause?: unknown): ConnectError {
  const error = headersTooLarge(why, cause);
  recordFact(error, "unsendable");
  return error;
}
