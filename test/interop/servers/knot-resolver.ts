import { MUTE_ZONE } from "../zones.ts";
import type { Forwarder } from "./program.ts";

export const knotResolver: Forwarder = {
  name: "Knot Resolver",
  command: "kresd",
  debianPackage: "knot-resolver",
  configure: ({ directory, port }, { authority, mute }) => ({
    args: ["-n", "-c", `${directory}/kresd.conf`, directory],
    files: {
      "kresd.conf": `net.listen('127.0.0.1', ${port}, { kind = 'dns' })
trust_anchors.remove('.')
policy.add(policy.suffix(policy.STUB('127.0.0.1@${mute}'), policy.todnames({ '${MUTE_ZONE}' })))
policy.add(policy.all(policy.STUB('127.0.0.1@${authority}')))
`,
    },
  }),
};
