import type { Answer, Question } from "dns-packet";
import dnsPacket from "dns-packet";
import { listen, TCP_MAX_BYTES } from "./dns-listener.ts";

/** One SRV record; with `address`, the target's A or AAAA record is set along with it. */
export interface DemoSrvRecord {
  target: string;
  port: number;
  priority?: number;
  weight?: number;
  address?: string;
}

/** A small authoritative DNS server on loopback whose zone can change at any time: for the demo and the tests. */
export interface DemoDnsServer {
  readonly port: number;
  /** "127.0.0.1:PORT", as the option `dns.servers` takes it. */
  readonly address: string;
  /** Questions answered so far, over UDP and TCP. */
  readonly queries: number;
  srv(name: string, records: DemoSrvRecord[], ttlSeconds: number): void;
  /** A and AAAA records. */
  addresses(name: string, addresses: string[], ttlSeconds: number): void;
  cname(name: string, target: string, ttlSeconds: number): void;
  /** Forgets every record of the name; asking for it is then answered by NXDOMAIN. */
  remove(name: string): void;
  close(): Promise<void>;
}

/** Listens on 127.0.0.1, UDP and TCP on the same port; port 0 (the default) is any free one. */
export async function startDnsServer(options: { port?: number } = {}): Promise<DemoDnsServer> {
  const zone: Zone = new Map();
  let queries = 0;
  const server = await listen(options.port ?? 0, (message, maxBytes) => {
    const answer = answerTo(zone, message, maxBytes);
    if (answer) queries++;
    return answer;
  });
  const set = (name: string, types: string[], records: Answer[]) => {
    const others = (zone.get(canonical(name)) ?? []).filter((record) => !types.includes(record.type));
    zone.set(canonical(name), [...others, ...records]);
  };
  const setAddresses = (name: string, addresses: string[], ttl: number) => {
    const toRecord = (data: string): Answer => ({ name, type: data.includes(":") ? "AAAA" : "A", ttl, data });
    set(name, ["A", "AAAA"], addresses.map(toRecord));
  };
  return {
    port: server.port,
    address: `127.0.0.1:${server.port}`,
    get queries() {
      return queries;
    },
    srv(name, records, ttl) {
      const toRecord = ({ target, port, priority = 0, weight = 0 }: DemoSrvRecord): Answer => {
        return { name, type: "SRV", ttl, data: { target, port, priority, weight } };
      };
      set(name, ["SRV"], records.map(toRecord));
      for (const { target, address } of records) {
        if (!address) continue;
        const all = records.filter((other) => other.target === target && other.address);
        setAddresses(target, [...new Set(all.map((other) => other.address as string))], ttl);
      }
    },
    addresses: setAddresses,
    cname: (name, target, ttl) => set(name, ["CNAME"], [{ name, type: "CNAME", ttl, data: target }]),
    remove: (name) => void zone.delete(canonical(name)),
    close: server.close,
  };
}

type Zone = Map<string, Answer[]>;

const AUTHORITATIVE = 0x0400;
const TRUNCATED = 0x0200;
const RECURSION_DESIRED = 0x0100;
const NXDOMAIN = 3;

const canonical = (name: string) => name.toLowerCase().replace(/\.$/, "");

/** The whole answer, or an empty one with the TC bit where it does not fit: the client then asks again over TCP. */
function answerTo(zone: Zone, message: Buffer, maxBytes: number): Buffer | undefined {
  const query = parse(message);
  const question = query?.questions?.[0];
  if (!query || !question) return undefined;
  const answers = lookUp(zone, question.name, question.type);
  const isName = answers.length > 0 || hasName(zone, question.name);
  const opt = query.additionals?.find((record) => record.type === "OPT");
  const flags = AUTHORITATIVE | ((query.flags ?? 0) & RECURSION_DESIRED) | (isName ? 0 : NXDOMAIN);
  const reply = { type: "response" as const, id: query.id ?? 0, questions: [question] };
  const replyOpt: Answer[] = opt?.type === "OPT" ? [{ ...opt, udpPayloadSize: 1232, options: [] }] : [];
  const whole = dnsPacket.encode({
    ...reply,
    flags,
    answers,
    authorities: answers.length === 0 ? [startOfAuthority(question.name)] : [],
    additionals: [...targetAddresses(zone, answers), ...replyOpt],
  });
  const limit = Math.min(maxBytes, opt?.type === "OPT" ? Math.max(opt.udpPayloadSize, 512) : 512);
  if (maxBytes === TCP_MAX_BYTES || whole.length <= limit) return whole;
  return dnsPacket.encode({ ...reply, flags: flags | TRUNCATED, additionals: replyOpt });
}

function parse(message: Buffer) {
  try {
    const query = dnsPacket.decode(message);
    return query.type === "query" ? query : undefined;
  } catch {
    return undefined; // A real server drops what it cannot read, too.
  }
}

/** The records of the type, behind the CNAMEs that lead to them (RFC 1034 section 3.6.2). */
function lookUp(zone: Zone, name: string, type: Question["type"]): Answer[] {
  const answers: Answer[] = [];
  for (let hops = 0, owner = name; hops < 8; hops++) {
    const records = zone.get(canonical(owner)) ?? [];
    const alias = records.find((record) => record.type === "CNAME");
    // The owner as it was asked: real servers keep the case of the question.
    if (!alias || type === "CNAME") {
      return [...answers, ...records.filter((record) => record.type === type).map((r) => ({ ...r, name: owner }))];
    }
    answers.push({ ...alias, name: owner });
    owner = (alias as { data: string }).data;
  }
  return answers;
}

/** The name itself, or a name below it, has records. */
function hasName(zone: Zone, name: string): boolean {
  const wanted = canonical(name);
  return [...zone.entries()].some(([owner, records]) => {
    return records.length > 0 && (owner === wanted || owner.endsWith(`.${wanted}`));
  });
}

function targetAddresses(zone: Zone, answers: Answer[]): Answer[] {
  const targets = new Set(answers.flatMap((record) => (record.type === "SRV" ? [canonical(record.data.target)] : [])));
  const isAddress = (record: Answer) => record.type === "A" || record.type === "AAAA";
  return [...targets].flatMap((target) => (zone.get(target) ?? []).filter(isAddress));
}

/** Negative answers are valid for a second: min(SOA TTL, SOA minimum) (RFC 2308 section 5). */
function startOfAuthority(name: string): Answer {
  const apex = name.split(".").slice(-1).join(".");
  const data = {
    mname: `ns.${apex}`,
    rname: `admin.${apex}`,
    serial: 1,
    refresh: 60,
    retry: 60,
    expire: 60,
    minimum: 1,
  };
  return { name: apex, type: "SOA", ttl: 1, data };
}
