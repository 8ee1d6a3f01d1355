import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import type { Metafile, Plugin } from "esbuild";

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly description?: string;
  readonly license: string;
}

interface Part extends Manifest {
  /** What its licence wants repeated. */
  readonly notice: string;
}

/**
 * Writes which packages are part of the build, as an SBOM (CycloneDX, for programs: `npm audit` does not see them) and as
 * their licences (for people). From what the bundler has put in, so that neither can be forgotten.
 */
export const thirdParties: Plugin = {
  name: "third-parties",
  setup(build) {
    build.initialOptions.metafile = true;
    build.onEnd(({ metafile }) => {
      const parts = partsOf(metafile as Metafile);
      mkdirSync("dist", { recursive: true });
      writeFileSync("dist/sbom.cdx.json", `${JSON.stringify(sbom(readManifest("."), parts), undefined, 2)}\n`);
      writeFileSync("dist/third-party-licenses.txt", parts.map(licence).join(`\n${"-".repeat(80)}\n\n`));
    });
  },
};

function partsOf({ outputs }: Metafile): Part[] {
  const files = Object.values(outputs).flatMap(({ inputs }) => Object.keys(inputs));
  const firstFiles = new Map<string, string>();
  for (const file of files.sort()) {
    const [, folder] = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(file) ?? [];
    if (folder !== undefined && !firstFiles.has(folder)) firstFiles.set(folder, file);
  }
  return [...firstFiles]
    .map(([folder, file]) => ({ ...readManifest(folder), notice: noticeOf(folder, file) }))
    .sort((one, other) => (one.name < other.name ? -1 : 1));
}

function readManifest(folder: string): Manifest {
  return JSON.parse(readFileSync(`${folder}/package.json`, "utf8"));
}

/** Its licence's file; where it has none, what stands at the top of its sources, with the text of the licence, which is ours. */
function noticeOf(folder: string, file: string): string {
  const licences = readdirSync(folder).filter((name) => /^(licen[cs]e|notice)/i.test(name));
  if (licences.length > 0) return licences.map((name) => readFileSync(`${folder}/${name}`, "utf8")).join("\n");
  const [header] = /^(?:\/\/.*\n)+/.exec(readFileSync(file, "utf8")) ?? [];
  if (header === undefined || readManifest(folder).license !== readManifest(".").license) {
    throw new Error(`${folder}: its licence was not found`);
  }
  return `${header.replaceAll(/^\/\/ ?/gm, "")}\n${readFileSync("LICENSE", "utf8")}`;
}

function licence({ name, version, license, notice }: Part): string {
  return `${name} ${version} (${license}), of which the build has parts, some of them changed\n\n${notice.trim()}\n`;
}

function sbom(own: Manifest, parts: readonly Part[]) {
  return {
    $schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: { component: component(own) },
    components: parts.map(component),
    dependencies: [
      { ref: purl(own), dependsOn: parts.map(purl) },
      ...parts.map((part) => ({ ref: purl(part), dependsOn: [] })),
    ],
  };
}

function component(manifest: Manifest) {
  const { name, version, description, license } = manifest;
  const [group, ownName] = name.startsWith("@") ? name.split("/") : [undefined, name];
  return {
    type: "library",
    "bom-ref": purl(manifest),
    ...(group !== undefined && { group }),
    ...{ name: ownName, version, description },
    licenses: [{ license: { id: license } }],
    purl: purl(manifest),
  };
}

/** https://github.com/package-url/purl-spec */
function purl({ name, version }: Manifest): string {
  return `pkg:npm/${name.replace("@", "%40")}@${version}`;
}
