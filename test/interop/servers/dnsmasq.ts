import { dnsmasqLines, MUTE_ZONE, READY, ZONE } from "../zones.ts";
import type { Authority, Forwarder, Place } from "./program.ts";

const base = { command: "dnsmasq", debianPackage: "dnsmasq-base" };

export const dnsmasq: Authority = {
  ...base,
  name: "dnsmasq",
  configure: (place, records) =>
    configuration(place, [
      `local=/${ZONE}/`,
      "local-ttl=30",
      `host-record=${READY},127.0.0.1`,
      ...dnsmasqLines(records),
    ]),
};

export const dnsmasqForwarder: Forwarder = {
  ...base,
  name: "dnsmasq forwarder",
  configure: (place, { authority, mute }) =>
    configuration(place, [`server=127.0.0.1#${authority}`, `server=/${MUTE_ZONE}/127.0.0.1#${mute}`]),
};

function configuration({ directory, port, user }: Place, lines: readonly string[]) {
  const settings = [
    "listen-address=127.0.0.1",
    "bind-interfaces",
    "no-resolv",
    "no-hosts",
    "keep-in-foreground",
    "pid-file=",
  ];
  const file = [`port=${port}`, `user=${user}`, ...settings, ...lines].join("\n");
  return { args: [`--conf-file=${directory}/dnsmasq.conf`], files: { "dnsmasq.conf": `${file}\n` } };
}
