import { BROKEN_ZONE, ZONE, zoneFile } from "../zones.ts";
import type { Authority } from "./program.ts";

export const powerdns: Authority = {
  name: "PowerDNS",
  command: "pdns_server",
  debianPackage: "pdns-backend-bind",
  reload: "by itself",
  configure: ({ directory, port }, records) => ({
    args: [`--config-dir=${directory}`],
    files: {
      [`${ZONE}.zone`]: zoneFile(records),
      "named.conf": [
        `zone "${ZONE}" { type master; file "${directory}/${ZONE}.zone"; };`,
        `zone "${BROKEN_ZONE}" { type master; file "${directory}/missing.zone"; };`,
      ].join("\n"),
      "pdns.conf": `launch=bind
bind-config=${directory}/named.conf
bind-check-interval=1
local-address=127.0.0.1
local-port=${port}
socket-dir=${directory}
daemon=no
guardian=no
setuid=
setgid=
cache-ttl=0
query-cache-ttl=0
negquery-cache-ttl=0
zone-cache-refresh-interval=0
receiver-threads=1
distributor-threads=1
security-poll-suffix=
`,
    },
  }),
};
