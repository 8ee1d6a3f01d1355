import {
  create,
  type DescMessage,
  type DescMethodUnary,
  type MessageInitShape,
  toBinary,
  toJsonString,
} from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import type { Transport } from "@connectrpc/connect";
import { createMethodUrl } from "@connectrpc/connect/protocol";
import type { ConnectOptions } from "../../net/connect-options.ts";

/** What proxies take (nginx and Apache: 8 KiB a line); Node's HTTP/1.1 server takes 16 KiB for line and headers together. */
const LONGEST_URL = 8_192;
/** `?connect=v1&base64=1&encoding=proto&message=`, and room for the name of a compression. */
const QUERY_LENGTH = 80;

/**
 * Connect's GET for messages that fit into a URL, and POST for the others: connect-es has no limit, and servers and
 * proxies answer a longer URL with an error, or close the connection on it.
 *
 * @param open makes a transport with these options, over the same connections.
 */
export function getOrPost(
  baseUrl: string,
  options: ConnectOptions,
  open: (options: ConnectOptions) => Transport,
): Transport {
  const byGet = open(options);
  if (options.useHttpGet !== true) return byGet;
  let byPost: Transport | undefined;
  return {
    unary(method, signal, timeoutMs, header, input, contextValues) {
      let transport = byGet;
      if (isGet(method) && !fitsUrl(baseUrl, method, input, options)) {
        byPost ??= open({ ...options, useHttpGet: false });
        transport = byPost;
      }
      return transport.unary(method, signal, timeoutMs, header, input, contextValues);
    },
    stream: byGet.stream,
  };
}

function isGet(method: DescMethodUnary): boolean {
  return method.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;
}

/** Before compression: a message that fits only compressed is sent by POST. */
function fitsUrl<I extends DescMessage>(
  baseUrl: string,
  method: DescMethodUnary<I, DescMessage>,
  input: MessageInitShape<I>,
  { useBinaryFormat = true, binaryOptions, jsonOptions }: ConnectOptions,
): boolean {
  const left = LONGEST_URL - createMethodUrl(baseUrl, method).length - QUERY_LENGTH;
  try {
    const message = create(method.input, input);
    if (useBinaryFormat) return Math.ceil((toBinary(method.input, message, binaryOptions).length * 4) / 3) <= left;
    return encodeURIComponent(toJsonString(method.input, message, jsonOptions)).length <= left;
  } catch {
    // What cannot be serialised fails in the call, with a better error.
    return true;
  }
}
