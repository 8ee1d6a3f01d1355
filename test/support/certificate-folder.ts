import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Files by name. */
export type Files = Readonly<Record<string, string>>;

/** A folder of certificates that a test replaces. */
export interface CertificateFolder extends Disposable {
  /** As options and variables want it. */
  file(name: string): string;
  path(name: string): string;
  /** In place, as a script does: the file is there, and another one may not be yet. */
  write(files: Files): void;
  remove(name: string): void;
}

export function certificateFolder(files: Files): CertificateFolder {
  const folder = mkdtempSync(join(tmpdir(), "connect-lb-certificates-"));
  const path = (name: string) => join(folder, name);
  const write = (some: Files) => {
    for (const [name, content] of Object.entries(some)) writeFileSync(path(name), content);
  };
  write(files);
  return {
    path,
    file: (name) => `file:${path(name)}`,
    write,
    remove: (name) => rmSync(path(name)),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/**
 * A folder as Kubernetes mounts a Secret: each file is a link into `..data`, a link to a folder of its own, which is
 * renamed over when the Secret changes (kubelet's AtomicWriter).
 */
export function kubernetesSecret(files: Files): CertificateFolder {
  const folder = certificateFolder({});
  let version = 0;
  let current: string | undefined;
  const write = (some: Files) => {
    version += 1;
    const next = `..2026_01_01_00_00_00.${version}`;
    mkdirSync(folder.path(next));
    for (const [name, content] of Object.entries(some)) writeFileSync(join(folder.path(next), name), content);
    symlinkSync(next, folder.path("..data_tmp"));
    renameSync(folder.path("..data_tmp"), folder.path("..data"));
    if (current === undefined) for (const name in some) symlinkSync(join("..data", name), folder.path(name));
    else rmSync(folder.path(current), { recursive: true });
    current = next;
  };
  write(files);
  return { ...folder, write };
}
