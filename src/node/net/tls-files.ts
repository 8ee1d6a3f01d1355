import { readFileSync, statSync } from "node:fs";
import { createSecureContext, type SecureContext } from "node:tls";
import { isNoPath, NOT_SHOWN } from "../../common/secret.ts";
import type { TlsOptions } from "../../net/tls-options.ts";

/** What files held when they were read together. */
export interface ReadFiles {
  /** Changes with any of them. */
  readonly stamp: string;
  readonly contents: ReadonlyMap<string, Buffer>;
}

type Pem = string | Uint8Array;

const PREFIX = "file:";

/** Readings of files that change meanwhile. */
const MOST_READINGS = 3;

/** The paths of the files that `tls` names, each once. */
export function pathsOf({ ca = [], cert = "", key = "" }: TlsOptions): readonly string[] {
  const values = [...listOf(ca), cert, key].filter(isFile);
  return [...new Set(values.map(pathOf))];
}

/**
 * Differs where a file does. Symbolic links are followed: Kubernetes replaces a folder's files by renaming a link
 * (`..data`) over another one. `ctime` as well as `mtime`, because copying tools set the latter back.
 */
export function stampOf(paths: readonly string[]): string {
  return paths.map(stampOfFile).join("\n");
}

function stampOfFile(path: string): string {
  try {
    const stats = statSync(path);
    const { mtimeMs, ctimeMs, size, ino, dev } = stats;
    // A pipe (bash's `<(…)`) can be read once only.
    return stats.isFile() ? `${mtimeMs} ${ctimeMs} ${size} ${ino} ${dev}` : "not a file";
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code);
  }
}

/**
 * Reads all of them, again if one changes meanwhile: a certificate and its key are of use together only.
 *
 * Synchronously, in the turn that connects: the files are small, and read once per change.
 */
export function readFiles(paths: readonly string[]): ReadFiles {
  for (let reading = 1; ; reading++) {
    const stamp = stampOf(paths);
    const contents = new Map(paths.map((path) => [path, read(path)]));
    if (reading === MOST_READINGS || stampOf(paths) === stamp) return { stamp, contents };
  }
}

function read(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    // Somebody may have put the key itself where its path belongs, which the system's error would repeat.
    if (isNoPath(path)) throw fault(`tls: cannot read ${PREFIX} and ${NOT_SHOWN}`);
    throw fault(`tls: cannot read ${PREFIX}${path}`, error);
  }
}

/**
 * @param contents of the files that `tls` names.
 * @throws where they are not whole. Node takes the certificates of a file one by one up to the first that OpenSSL cannot
 * read, and says nothing: half an authority would be none. So would be the second of two that no line end separates.
 */
export function secureContextOf(tls: TlsOptions, contents: ReadFiles["contents"]): SecureContext {
  const bytesOf = bytesFrom(contents);
  const certificates = (value: Pem) =>
    isFile(value) ? certificatesIn(value, bytesOf(value)).join("\n") : bytesOf(value);
  const { ca, cert, key } = tls;
  return createSecureContext({
    ...(ca !== undefined && { ca: listOf(ca).map(certificates) }),
    ...(cert !== undefined && { cert: certificates(cert) }),
    ...(key !== undefined && { key: bytesOf(key) }),
  });
}

/**
 * The checks that OpenSSL does not make: each certificate can be parsed, and the key is that of the certificate where
 * their algorithms differ. For files that take the place of others that serve: it takes `node:crypto`, which a first
 * connection need not wait for.
 *
 * @throws with the name of the file that is at fault.
 */
export function checkReplacement({ ca = [], cert, key }: TlsOptions, contents: ReadFiles["contents"]): void {
  const { X509Certificate, createPrivateKey } = process.getBuiltinModule("node:crypto");
  const bytesOf = bytesFrom(contents);
  const parsed = <T>(value: Pem, what: string, parse: () => T): T => {
    try {
      return parse();
    } catch (error) {
      throw fault(`tls: ${named(value, what)} cannot be parsed`, error);
    }
  };
  for (const file of [...listOf(ca), cert ?? ""].filter(isFile)) {
    for (const one of certificatesIn(file, bytesOf(file))) parsed(file, file, () => new X509Certificate(one));
  }
  if (cert === undefined || key === undefined) return;
  // The first one; it is that of the key.
  const leaf = parsed(cert, "tls.cert", () => new X509Certificate(bytesOf(cert)));
  const privateKey = parsed(key, "tls.key", () => createPrivateKey(bytesOf(key)));
  if (leaf.checkPrivateKey(privateKey)) return;
  throw fault(`tls: ${named(key, "tls.key")} is not the key of ${named(cert, "tls.cert")}`);
}

/** RFC 7468 section 5, and OpenSSL's two other labels. */
function certificatesIn(file: string, content: string | Buffer): readonly string[] {
  const text = content.toString("latin1");
  const begun = text.match(/-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----/g) ?? [];
  const whole = text.match(/-----BEGIN ((?:X509 |TRUSTED )?CERTIFICATE)-----[^-]+-----END \1-----/g) ?? [];
  if (begun.length === 0) throw fault(`tls: ${file} contains no certificate`);
  if (begun.length > whole.length) throw fault(`tls: ${file} ends within a certificate`);
  return whole;
}

function bytesFrom(contents: ReadFiles["contents"]): (value: Pem) => string | Buffer {
  return (value) => {
    if (typeof value !== "string") return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    return isFile(value) ? (contents.get(pathOf(value)) as Buffer) : value;
  };
}

function isFile(value: Pem): value is string {
  return typeof value === "string" && value.startsWith(PREFIX);
}

function pathOf(file: string): string {
  return file.slice(PREFIX.length);
}

function listOf(ca: Pem | readonly Pem[]): readonly Pem[] {
  return Array.isArray(ca) ? ca : [ca as Pem];
}

/** Its file, or the option: what is in it may be a key. */
function named(value: Pem, option: string): string {
  return isFile(value) ? value : option;
}

function fault(message: string, cause?: unknown): Error {
  return Object.assign(new Error(message, { cause }), { code: "ERR_TLS_FILE" });
}
