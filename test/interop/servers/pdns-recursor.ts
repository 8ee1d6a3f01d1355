import { MUTE_ZONE } from "../zones.ts";
import type { Forwarder } from "./program.ts";

export const pdnsRecursor: Forwarder = {
  name: "PowerDNS Recursor",
  command: "pdns_recursor",
  debianPackage: "pdns-recursor",
  configure: ({ directory, port }, { authority, mute }) => ({
    args: [`--config-dir=${directory}`],
    files: {
      "recursor.conf": `local-address=127.0.0.1
local-port=${port}
socket-dir=${directory}
daemon=no
write-pid=no
threads=1
forward-zones-recurse=.=127.0.0.1:${authority},${MUTE_ZONE}=127.0.0.1:${mute}
dnssec=off
dont-query=
hint-file=no
allow-from=127.0.0.0/8
security-poll-suffix=
`,
    },
  }),
};
