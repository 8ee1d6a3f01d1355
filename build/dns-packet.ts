import { readFile } from "node:fs/promises";
import type { Plugin } from "esbuild";

/** What src/dns/check-message.ts lets through; it masks every other type as one that is not decoded. */
const RECORD_TYPES = ["A", "AAAA", "CNAME", "DNAME", "NS", "OPT", "PTR", "SOA", "SRV"];

const CLASSES = ["IN"];

/**
 * dns-packet as ES modules. As CommonJS it would be parsed twice at every start, first with the file and again when its
 * wrapper is called; its require("buffer") would fail in an ES module ("Dynamic require is not supported"); and nothing
 * of it could be left out: here the codecs of records that are never decoded are.
 */
export const dnsPacketAsModules: Plugin = {
  name: "dns-packet-as-modules",
  setup(build) {
    build.onLoad({ filter: /[\\/]node_modules[\\/]dns-packet[\\/]\w+\.js$/ }, async ({ path }) => {
      const source = await readFile(path, "utf8");
      const modules = source
        .replace("const Buffer = require('buffer').Buffer\n", "") // a global of Node's
        .replace(/^const (\w+) = require\('(\.\/\w+)'\)$/gm, 'import $1 from "$2";')
        .replace(/^const (\w+) = require\('(@.+)'\)$/gm, 'import * as $1 from "$2";')
        .replace(/^const (\w+) = exports\.\w+ = /gm, "const $1 = ");
      const body = withoutUnreadNames(withoutEncoders(withoutUnreadTypes(modules)));
      if (/\brequire\(|\brtxt\b|\bra\.encode\b|\b[or]p?codes\b|'TXT'/.test(body)) {
        throw new Error(`${path}: not the dns-packet this plugin was written for`);
      }
      return { contents: `const exports = {};\n${body}\nexport default exports;\n` };
    });
  },
};

/** Every codec is a section of the file that begins by its constant; one function chooses among them. */
function withoutUnreadTypes(source: string): string {
  const unread = new Set(["typebitmap"]); // what codecs of DNSSEC share
  const chooser = source.replace(/^ {4}case '(\w+)': return (r\w+)\n/gm, (line, type, codec) => {
    if (RECORD_TYPES.includes(type)) return line;
    unread.add(codec);
    return "";
  });
  return chooser.replace(/^const (\w+) = \{\}\n[\s\S]*?(?=^const )/gm, (section, codec) =>
    unread.has(codec) ? "" : section,
  );
}

/** Of records we encode one, OPT without an option (src/dns/message.ts). */
function withoutEncoders(source: string): string {
  const encoder = /^(r(?!opt\.)\w+)\.(?:encode|encodingLength) = function [\s\S]*?^\}\n/gm;
  return source.replace(encoder, "").replace(/^r(?!opt\.)\w+\.encode\.bytes = 0\n/gm, "");
}

/** What nobody asks for by name: types that are not decoded; and codes, which src/dns/message.ts reads as numbers. */
function withoutUnreadNames(source: string): string {
  return source
    .replace(/^import (?:opcodes|rcodes|optioncodes) from .*\n/gm, "")
    .replace(/\b(?:opcodes|rcodes|optioncodes)\.toString(?=\()/g, "")
    .replace(/^ {4}case (?:\d+: return '(\w+)'|'(\w+)': return \d+)\n/gm, (line, name, written) =>
      [...RECORD_TYPES, ...CLASSES].includes(name ?? written) ? line : "",
    );
}
