import type { TlsFilesListener } from "../net/tls-files-change.ts";
import type { Emitter } from "../telemetry/emitter.ts";

/** Turns what a leaf finds of the certificates' files into events of a transport. */
export function tlsEvents(emit: Emitter["emit"]): TlsFilesListener {
  return ({ files, error }) =>
    emit(error === undefined ? { type: "tls-reloaded", files } : { type: "tls-reload-failed", files, error });
}
