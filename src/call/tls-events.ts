import type { TlsFilesListener } from "../net/tls-files.ts";
import type { EventListener } from "../telemetry/events.ts";

/** Turns what a leaf finds of the certificates' files into events of a transport. */
export function tlsEvents(target: string, emit: EventListener): TlsFilesListener {
  return ({ files, error }) =>
    emit(
      error === undefined
        ? { type: "tls-reloaded", target, files }
        : { type: "tls-reload-failed", target, files, error },
    );
}
