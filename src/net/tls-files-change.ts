/** The files of `tls` have changed. */
export interface TlsFilesChange {
  /** Their paths: never what is in them. */
  readonly files: readonly string[];
  /** Why they cannot be used, so that those before them go on serving; undefined if they are in use now, or again. */
  readonly error?: unknown;
}

/** Notified once per change; must not throw. */
export type TlsFilesListener = (change: TlsFilesChange) => void;
