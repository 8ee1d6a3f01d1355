import { BROKEN_ZONE, ZONE, zoneFile } from "../zones.ts";
import type { Authority } from "./program.ts";

export const knot: Authority = {
  name: "knot",
  command: "knotd",
  debianPackage: "knot",
  reload: "SIGHUP",
  configure: ({ directory, port, user }, records) => ({
    args: ["-c", `${directory}/knot.conf`],
    folders: ["db"],
    files: {
      [`${ZONE}.zone`]: zoneFile(records),
      "knot.conf": `server:
    listen: 127.0.0.1@${port}
    rundir: ${directory}
    user: ${user}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
database:
    storage: ${directory}/db
log:
  - target: stderr
    any: warning
template:
  - id: default
    storage: ${directory}
    zonefile-sync: -1
    zonefile-load: whole
    journal-content: none
zone:
  - domain: ${ZONE}
    file: ${ZONE}.zone
  - domain: ${BROKEN_ZONE}
    file: missing.zone
`,
    },
  }),
};
