import { MUTE_ZONE } from "../zones.ts";
import type { Forwarder } from "./program.ts";

export const dnsdist: Forwarder = {
  name: "dnsdist",
  command: "dnsdist",
  debianPackage: "dnsdist",
  configure: ({ directory, port }, { authority, mute }) => ({
    args: ["--supervised", "--disable-syslog", "-C", `${directory}/dnsdist.conf`],
    files: {
      "dnsdist.conf": `setSecurityPollSuffix("")
setLocal("127.0.0.1:${port}")
newServer({ address = "127.0.0.1:${authority}", healthCheckMode = "up" })
newServer({ address = "127.0.0.1:${mute}", healthCheckMode = "up", pool = "mute" })
addAction("${MUTE_ZONE}.", PoolAction("mute"))
`,
    },
  }),
};
