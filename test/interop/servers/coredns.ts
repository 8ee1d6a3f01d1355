import { BROKEN_ZONE, MUTE_ZONE, ZONE, zoneFile } from "../zones.ts";
import type { Authority, Forwarder, Program } from "./program.ts";

const base = { command: "coredns", debianPackage: "golang-go" };

export const coredns: Authority = {
  ...base,
  name: "CoreDNS",
  reload: "by itself",
  configure: ({ directory, port }, records) => ({
    args: ["-conf", `${directory}/Corefile`],
    files: {
      [`${ZONE}.zone`]: zoneFile(records),
      Corefile: blocks(port, {
        [ZONE]: `file ${directory}/${ZONE}.zone {\n reload 1s\n }`,
        [BROKEN_ZONE]: `file ${directory}/missing.zone`,
      }),
    },
  }),
};

/** With a cache, as it is in Kubernetes. */
export const corednsForwarder: Forwarder = {
  ...base,
  name: "CoreDNS forwarder",
  configure: ({ directory, port }, { authority, mute }) => ({
    args: ["-conf", `${directory}/Corefile`],
    files: {
      Corefile: blocks(port, {
        ".": `cache 30\n forward . 127.0.0.1:${authority}`,
        [MUTE_ZONE]: `forward . 127.0.0.1:${mute}`,
      }),
    },
  }),
};

/** With plugins of a test's own, by zone. */
export const corednsOf: Program<Readonly<Record<string, string>>> = {
  ...base,
  name: "CoreDNS",
  configure: ({ directory, port }, plugins) => ({
    args: ["-conf", `${directory}/Corefile`],
    files: { Corefile: blocks(port, plugins) },
  }),
};

function blocks(port: number, plugins: Readonly<Record<string, string>>): string {
  return Object.entries(plugins)
    .map(([zone, lines]) => `${zone}:${port} {\n bind 127.0.0.1\n errors\n ${lines}\n}\n`)
    .join("");
}
