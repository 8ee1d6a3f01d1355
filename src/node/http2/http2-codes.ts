/**
 * The codes that end a stream or a connection (RFC 9113 section 7). `node:http2` has them as well, and is loaded only
 * when a transport is made.
 */
export const Http2Code = {
  NO_ERROR: 0x0,
  FRAME_SIZE_ERROR: 0x6,
  REFUSED_STREAM: 0x7,
  CANCEL: 0x8,
  ENHANCE_YOUR_CALM: 0xb,
  INADEQUATE_SECURITY: 0xc,
  HTTP_1_1_REQUIRED: 0xd,
} as const;
