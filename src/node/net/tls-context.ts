import type { SecureContext } from "node:tls";
import type { TlsFilesListener } from "../../net/tls-files-change.ts";
import type { TlsOptions } from "../../net/tls-options.ts";
import { isWithin } from "../../runtime.ts";
import { checkReplacement, pathsOf, type ReadFiles, readFiles, secureContextOf, stampOf } from "./tls-files.ts";

/** How often calls on connections that exist have the files looked at; a new connection always does. */
const LOOK_EVERY_MS = 30_000;

/** What connections are made with: the trusted authorities, the client's certificate and its key. */
export interface Credentials {
  readonly context: SecureContext;
  /** Undefined while they are in use. Else when they were last known to be, on the runtime's clock. */
  replacedAt: number | undefined;
}

/**
 * The credentials of one `tls` option, for all endpoints and connections of a transport: parsing authorities costs
 * milliseconds. They are made at the first connection rather than with the transport, and anew when a file of theirs has
 * changed.
 *
 * No watcher and no timer: a new connection has the files looked at, and calls on those that exist do, every 30 s.
 * Files that cannot be used, a certificate beside the key of another one for instance, leave those in use that could.
 */
export class TlsContext {
  /** Undefined before the first connection. */
  latest: Credentials | undefined;
  onChange: TlsFilesListener = () => {};
  readonly #tls: TlsOptions;
  readonly #paths: readonly string[];
  /** Where the credentials in use come from. */
  #used: ReadFiles["contents"] = new Map();
  /** Of the files that need not be read again: those in use, or those that cannot be. */
  #knownStamp: string | undefined;
  /** Of the files that were last reported to be unusable. */
  #reportedStamp: string | undefined;
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(tls: TlsOptions) {
    this.#tls = tls;
    this.#paths = pathsOf(tls);
  }

  get hasFiles(): boolean {
    return this.#paths.length > 0;
  }

  /**
   * For a new connection.
   * @throws where they cannot be made, and never could. Nothing of that is kept: the next connection tries again.
   */
  credentials(): Credentials {
    if (this.latest === undefined) {
      const files = readFiles(this.#paths);
      this.latest = { context: secureContextOf(this.#tls, files.contents), replacedAt: undefined };
      this.#used = files.contents;
      this.#knownStamp = files.stamp;
    } else if (this.hasFiles) {
      this.#refresh(this.latest);
    }
    return this.latest;
  }

  /** For a call on a connection that exists: somebody must notice that an authority was withdrawn. */
  look(now: number): void {
    if (isWithin(LOOK_EVERY_MS, this.#lookedAt, now)) return;
    if (this.latest !== undefined) this.#refresh(this.latest);
    // Afterwards: what has changed may have done so any time since the look before.
    this.#lookedAt = now;
  }

  #refresh(latest: Credentials): void {
    const stamp = stampOf(this.#paths);
    if (stamp === this.#knownStamp) return;
    // What could not be read (too many open files, a folder's rights) is tried again although nothing has changed.
    this.#knownStamp = undefined;
    let isReplaced: boolean;
    try {
      const files = readFiles(this.#paths);
      this.#knownStamp = files.stamp;
      isReplaced = !this.#isUsed(files);
      if (isReplaced) this.#replace(latest, files);
    } catch (error) {
      if (stamp === this.#reportedStamp) return;
      this.#reportedStamp = stamp;
      this.onChange({ files: this.#paths, error });
      return;
    }
    const wasReported = this.#reportedStamp !== undefined;
    this.#reportedStamp = undefined;
    if (isReplaced || wasReported) this.onChange({ files: this.#paths });
  }

  /** The same in other files, or with another time. */
  #isUsed({ contents }: ReadFiles): boolean {
    return this.#paths.every((path) => contents.get(path)?.equals(this.#used.get(path) as Buffer));
  }

  #replace(latest: Credentials, { contents }: ReadFiles): void {
    checkReplacement(this.#tls, contents);
    this.latest = { context: secureContextOf(this.#tls, contents), replacedAt: undefined };
    this.#used = contents;
    latest.replacedAt = this.#lookedAt;
  }
}

const contexts = new WeakMap<TlsOptions, TlsContext>();

/** The one context of these options. */
export function tlsContextOf(tls: TlsOptions): TlsContext {
  let context = contexts.get(tls);
  if (context === undefined) {
    context = new TlsContext(tls);
    contexts.set(tls, context);
  }
  return context;
}

/** The same where these options name files that can change, and undefined where they do not. */
export function changingTlsOf(tls: TlsOptions | false, onChange?: TlsFilesListener): TlsContext | undefined {
  if (tls === false) return undefined;
  const context = tlsContextOf(tls);
  if (!context.hasFiles) return undefined;
  if (onChange !== undefined) context.onChange = onChange;
  return context;
}
