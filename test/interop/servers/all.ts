import { startDnsPeer } from "../../support/dns-peer.ts";
import { RECORDS } from "../zones.ts";
import { bind } from "./bind.ts";
import { coredns, corednsForwarder } from "./coredns.ts";
import { dnsdist } from "./dnsdist.ts";
import { dnsmasq, dnsmasqForwarder } from "./dnsmasq.ts";
import { knot } from "./knot.ts";
import { knotResolver } from "./knot-resolver.ts";
import { nsd } from "./nsd.ts";
import { pdnsRecursor } from "./pdns-recursor.ts";
import { powerdns } from "./powerdns.ts";
import { type RealServer, startServer } from "./process.ts";
import { unbound } from "./unbound.ts";

const AUTHORITIES = [knot, bind, nsd, powerdns, dnsmasq, coredns];
const FORWARDERS = [unbound, pdnsRecursor, dnsmasqForwarder, dnsdist, knotResolver, corednsForwarder];

const names = (programs: readonly { readonly name: string }[]) => programs.map(({ name }) => name);
export const AUTHORITY_NAMES = names(AUTHORITIES);
export const FORWARDER_NAMES = names(FORWARDERS);
export const SERVER_NAMES = [...AUTHORITY_NAMES, ...FORWARDER_NAMES];

export interface AllServers extends AsyncDisposable {
  get(name: string): RealServer<unknown>;
  /** Gives every authority other records. */
  change(records: readonly string[]): Promise<void>;
}

/** Every authority with the same records, and every forwarder in front of knot. */
export async function startAll(records = RECORDS): Promise<AllServers> {
  await using started = new AsyncDisposableStack();
  const start = async <S extends { stop(): Promise<void> }>(starting: Promise<S>): Promise<S> => {
    return started.adopt(await starting, (server) => server.stop());
  };
  const mute = started.use(await startDnsPeer(() => []));
  const authorities = await together(AUTHORITIES.map((program) => start(startServer(program, records))));
  const upstreams = { authority: (authorities[0] as RealServer<unknown>).port, mute: mute.port };
  const forwarders = await together(FORWARDERS.map((program) => start(startServer(program, upstreams))));
  const byName = new Map<string, RealServer<unknown>>([...authorities, ...forwarders].map((s) => [s.name, s]));
  const kept = started.move();
  return {
    get(name) {
      const server = byName.get(name);
      if (server === undefined) throw new Error(`there is no server ${name}`);
      return server;
    },
    async change(changed) {
      await Promise.all(authorities.map((server) => server.change(changed)));
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** Like `Promise.all`, but it leaves nothing that starts behind when one fails. */
async function together<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(promises);
  return Promise.all(promises);
}
