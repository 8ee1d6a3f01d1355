import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Extractor, ExtractorConfig, ExtractorLogLevel } from "@microsoft/api-extractor";
import { declarations } from "./declarations.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

const HEADER = `Written by \`npm run api\` from the build's types: every exported declaration, and what they refer to.

\`\`\`ts
`;

/**
 * What an entry point exports, as text that changes only where a type does: API Extractor's report, without its comments
 * and its imports.
 *
 * @param types the file of its types in the build.
 * @throws Error where the file cannot be read, or uses types that do not exist.
 */
export function apiReport(types: string): string {
  const folder = mkdtempSync(join(tmpdir(), "connect-lb-api-"));
  try {
    const declared = declarations(extracted(types, folder));
    return `${HEADER}${[...declared.values()].join("\n\n")}\n\`\`\`\n`;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function extracted(types: string, folder: string): string {
  const silent = { default: { logLevel: ExtractorLogLevel.None } };
  const config = ExtractorConfig.prepare({
    configObject: {
      projectFolder: root,
      mainEntryPointFilePath: types,
      compiler: { tsconfigFilePath: join(root, "tsconfig.json") },
      apiReport: {
        enabled: true,
        reportFileName: "report.api.md",
        reportFolder: folder,
        reportTempFolder: folder,
        includeForgottenExports: true,
      },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      newlineKind: "lf",
      messages: {
        compilerMessageReporting: { default: { logLevel: ExtractorLogLevel.Error } },
        // Comments and names are typedoc's to judge (api/typedoc.ts).
        extractorMessageReporting: silent,
        tsdocMessageReporting: silent,
      },
    },
    configObjectFullPath: undefined,
    packageJsonFullPath: join(root, "package.json"),
  });
  const errors: string[] = [];
  Extractor.invoke(config, {
    localBuild: true,
    messageCallback(message) {
      if (message.logLevel === ExtractorLogLevel.Error) errors.push(message.text);
      message.handled = true;
    },
  });
  if (errors.length > 0) throw new Error(`${types}: ${errors.join("; ")}`);
  return readFileSync(join(folder, "report.api.md"), "utf8");
}
