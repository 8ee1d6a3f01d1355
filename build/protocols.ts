import type { Options } from "tsup";

type Plugin = NonNullable<Options["plugins"]>[number];

const NAMED = /^import \{([^}]*)\} from ["'](@connectrpc\/connect\/protocol[\w-]*)["'];$/gm;

/**
 * Takes what is used of Connect's protocols from their namespaces. Where the copy that was loaded lacks one of these names
 * it is undefined, and an error at the creation of a transport (src/transport/check-peers.ts); as a named import it would end
 * the program with a SyntaxError, before it begins.
 */
export const protocolsAsNamespaces: Plugin = {
  name: "protocols-as-namespaces",
  renderChunk(code) {
    // One for each file that imports; they are joined later.
    let count = 0;
    return {
      code: code.replace(NAMED, (_, names: string, module: string) => {
        const namespace = `protocol_${count++}`;
        const constants = names.split(",").flatMap((name) => {
          const [exported, local = exported] = name.trim().split(" as ");
          return exported === "" ? [] : [`const ${local} = ${namespace}.${exported};`];
        });
        return [`import * as ${namespace} from "${module}";`, ...constants].join("\n");
      }),
    };
  },
};
