import { MUTE_ZONE } from "../zones.ts";
import type { Forwarder } from "./program.ts";

export const unbound: Forwarder = {
  name: "unbound",
  command: "unbound",
  debianPackage: "unbound",
  configure: ({ directory, port }, { authority, mute }) => ({
    args: ["-d", "-c", `${directory}/unbound.conf`],
    files: {
      "unbound.conf": `server:
  interface: 127.0.0.1@${port}
  username: ""
  chroot: ""
  directory: "${directory}"
  pidfile: ""
  use-syslog: no
  do-daemonize: no
  do-not-query-localhost: no
  module-config: "iterator"
  local-zone: "test." nodefault
remote-control:
  control-enable: no
forward-zone:
  name: "."
  forward-addr: 127.0.0.1@${authority}
forward-zone:
  name: "${MUTE_ZONE}."
  forward-addr: 127.0.0.1@${mute}
`,
    },
  }),
};
