import { BROKEN_ZONE, ZONE, zoneFile } from "../zones.ts";
import type { Authority } from "./program.ts";

export const nsd: Authority = {
  name: "NSD",
  command: "nsd",
  debianPackage: "nsd",
  reload: "SIGHUP",
  configure: ({ directory, port }, records) => ({
    args: ["-d", "-c", `${directory}/nsd.conf`],
    files: {
      [`${ZONE}.zone`]: zoneFile(records),
      "nsd.conf": `server:
  ip-address: 127.0.0.1@${port}
  username: ""
  zonesdir: "${directory}"
  zonelistfile: "${directory}/zone.list"
  database: ""
  pidfile: ""
  xfrdfile: ""
  xfrdir: "${directory}"
  server-count: 1
remote-control:
  control-enable: no
zone:
  name: ${ZONE}
  zonefile: ${ZONE}.zone
zone:
  name: ${BROKEN_ZONE}
  zonefile: missing.zone
`,
    },
  }),
};
