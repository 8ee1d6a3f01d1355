import { BROKEN_ZONE, ZONE, zoneFile } from "../zones.ts";
import type { Authority } from "./program.ts";

export const bind: Authority = {
  name: "BIND",
  command: "named",
  debianPackage: "bind9",
  reload: "SIGHUP",
  configure: ({ directory, port }, records) => ({
    args: ["-g", "-n", "1", "-c", `${directory}/named.conf`],
    files: {
      [`${ZONE}.zone`]: zoneFile(records),
      "named.conf": `options {
  directory "${directory}";
  listen-on port ${port} { 127.0.0.1; };
  listen-on-v6 { none; };
  pid-file none;
  session-keyfile none;
  recursion no;
  dnssec-validation no;
};
controls {};
zone "${ZONE}" { type primary; file "${ZONE}.zone"; check-names ignore; check-srv-cname ignore; };
zone "${BROKEN_ZONE}" { type primary; file "missing.zone"; };
`,
    },
  }),
};
