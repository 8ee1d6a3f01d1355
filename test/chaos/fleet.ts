import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { DemoDnsServer } from "../../examples/demo/dns-server.ts";
import type { ServerArguments } from "./server.ts";

/** The services, by what is spoken to them; each server process has a port for each. */
export const SERVICES = ["_tls._tcp.chaos.test", "_h2c._tcp.chaos.test", "_h1._tcp.chaos.test"] as const;

const FLEET = 6;
/** Servers that nothing is done to at the same time: calls have somewhere to go. */
const LEFT_ALONE = 3;
const TTL_S = 5;

interface Member {
  readonly child: ChildProcess;
  readonly ports: readonly number[];
  isHurt: boolean;
}

/** Six server processes, of which some are always in trouble, and the SRV records that list them. */
export class Fleet {
  readonly #dns: DemoDnsServer;
  readonly #folder: string;
  readonly #certified: { readonly cert: string; readonly key: string };
  readonly #random: () => number;
  #members: Member[] = [];
  readonly #files: string[] = [];
  readonly #deeds = new Set<Promise<void>>();
  #isStopped = false;
  /** What was done, by its name. */
  readonly deeds: Record<string, number> = {};

  constructor(
    dns: DemoDnsServer,
    folder: string,
    certified: { readonly cert: string; readonly key: string },
    random: () => number,
  ) {
    this.#dns = dns;
    this.#folder = folder;
    this.#certified = certified;
    this.#random = random;
  }

  async start(): Promise<void> {
    this.#members = await Promise.all(Array.from({ length: FLEET }, () => this.#launch()));
    this.#publish();
  }

  /** Does something to a server that is well, if enough others are. */
  trouble(): void {
    const well = this.#members.filter(({ isHurt }) => !isHurt);
    if (well.length <= LEFT_ALONE) return;
    const member = well[Math.floor(this.#random() * well.length)] as Member;
    const names = ["kill", "freeze", "reset", "goaway", "replace"] as const;
    const name = names[Math.floor(this.#random() * names.length)] as (typeof names)[number];
    this.deeds[name] = (this.deeds[name] ?? 0) + 1;
    member.isHurt = true;
    const deed = this[name](member).finally(() => this.#deeds.delete(deed));
    this.#deeds.add(deed);
  }

  /** It dies, and another one takes its place a little later; DNS lists the dead one until then. */
  async kill(member: Member): Promise<void> {
    member.child.kill("SIGKILL");
    await this.#wait(500, 4_000);
    await this.#replaceBy(member);
  }

  async freeze(member: Member): Promise<void> {
    member.child.kill("SIGSTOP");
    await this.#wait(500, 6_000);
    member.child.kill("SIGCONT");
    await this.#wait(500, 1_000);
    member.isHurt = false;
  }

  async reset(member: Member): Promise<void> {
    this.#tell(member, "reset");
    await this.#wait(300, 800);
    member.isHurt = false;
  }

  async goaway(member: Member): Promise<void> {
    this.#tell(member, "goaway");
    await this.#wait(300, 800);
    member.isHurt = false;
  }

  /** As a rolling deployment does: the new one first, then the old one finishes what it has and leaves. */
  async replace(member: Member): Promise<void> {
    await this.#replaceBy(member);
    await this.#wait(500, 2_000);
    this.#tell(member, "leave");
  }

  /** How often each request was executed. */
  executions(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const file of this.#files) {
      for (const id of readFileSync(file, "utf8").split("\n")) counts.set(id, (counts.get(id) ?? 0) + 1);
    }
    return counts;
  }

  /** Ends every process, those that are about to be launched included. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#deeds);
    for (const { child } of this.#members) child.kill("SIGKILL");
  }

  #tell({ child }: Member, what: "reset" | "goaway" | "leave"): void {
    if (child.connected) child.send(what);
  }

  async #replaceBy(member: Member): Promise<void> {
    const successor = await this.#launch();
    this.#members = this.#members.map((other) => (other === member ? successor : other));
    this.#publish();
  }

  async #launch(): Promise<Member> {
    const file = join(this.#folder, `${this.#files.length}`);
    writeFileSync(file, "");
    this.#files.push(file);
    const options: ServerArguments = { file, ...this.#certified };
    const child = fork(fileURLToPath(new URL("server.ts", import.meta.url)), [JSON.stringify(options)]);
    const [ports] = (await once(child, "message")) as [number[]];
    return { child, ports, isHurt: false };
  }

  #publish(): void {
    for (const [index, service] of SERVICES.entries()) {
      const records = this.#members.map(({ ports }, number) => ({
        target: `server-${number}.chaos.test`,
        port: ports[index] as number,
        priority: 0,
        address: "127.0.0.1",
      }));
      this.#dns.srv(service, records, TTL_S);
    }
  }

  #wait(leastMs: number, mostMs: number): Promise<void> {
    if (this.#isStopped) return Promise.resolve();
    return new Promise((resolve) => setTimeout(resolve, leastMs + this.#random() * (mostMs - leastMs)));
  }
}
