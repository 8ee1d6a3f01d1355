import type { ResolveContext } from "../discovery/resolver.ts";
import type { AddressAnswer, AddressFamily, LookUpLimits } from "../dns/dns-client.ts";
import { type Clock, OVER } from "../runtime.ts";
import { type DialAddress, ofFamily } from "./families.ts";

/** What is known of a host after its look-up. */
export type Located =
  /** `surplus`: how many more there are than are used. */
  | { readonly kind: "addresses"; readonly records: readonly DialAddress[]; readonly surplus?: number }
  | { readonly kind: "none"; readonly ttlSeconds: number }
  | { readonly kind: "failed"; readonly error: unknown }
  /** There is more than enough without it. */
  | { readonly kind: "surplus" };

/** Recursive resolvers leave the additional section away, so there may be a question per target; AWS drops bursts. */
const CONCURRENCY = 8;
/** A look-up that takes longer holds up no other: neither those that wait for their turn, nor what has been found. */
export const SLOW_MS = 100;

export interface HostLookUpOptions {
  readonly lookUp: (host: string) => Promise<AddressAnswer>;
  readonly family: AddressFamily;
  readonly sleep: ResolveContext["sleep"];
  /** The addresses of one host that are used. Default: all. */
  readonly bound?: (records: readonly DialAddress[]) => readonly DialAddress[];
  /** Asked before each look-up: no other is begun once it is true. Default: never. */
  readonly hasEnough?: (located: ReadonlyMap<string, Located>) => boolean;
}

/** Looks up each host once, a few at a time, in their order. Nothing of it rejects: one bad host must not hide the others. */
export class HostLookUps {
  /** What has been found out so far. */
  readonly located = new Map<string, Located>();
  /** Each host has been looked up, or is slow. */
  readonly prompt: Promise<void>;
  /** Each host has been looked up, or is not needed. */
  readonly ended: Promise<void>;
  #open = 0;
  readonly #options: HostLookUpOptions;
  readonly #queue: string[];
  readonly #begun: Promise<void>[] = [];
  #waiting: { readonly isMet: () => boolean; readonly resolve: () => void } | undefined;

  constructor(hosts: Iterable<string>, options: HostLookUpOptions) {
    this.#options = options;
    this.#queue = [...new Set(hosts)];
    const workers = Array.from({ length: Math.min(CONCURRENCY, this.#queue.length) }, () => this.#work());
    this.prompt = Promise.all(workers).then(() => {});
    this.ended = this.prompt.then(() => Promise.all(this.#begun)).then(() => {});
  }

  get hasEnded(): boolean {
    return this.#queue.length === 0 && this.#open === 0;
  }

  /** Settles when the condition is met, which is asked after each look-up, or when all have ended. */
  until(isMet: () => boolean): Promise<void> {
    if (isMet()) return Promise.resolve();
    const met = new Promise<void>((resolve) => {
      this.#waiting = { isMet, resolve };
    });
    return Promise.race([met, this.ended]);
  }

  async #work(): Promise<void> {
    const { hasEnough } = this.#options;
    for (let host = this.#queue.shift(); host !== undefined; host = this.#queue.shift()) {
      if (hasEnough?.(this.located)) {
        this.located.set(host, { kind: "surplus" });
      } else {
        const lookUp = this.#lookUp(host);
        this.#begun.push(lookUp);
        await this.#unlessSlow(lookUp);
      }
    }
  }

  async #lookUp(host: string): Promise<void> {
    this.#open++;
    this.located.set(host, await locate(host, this.#options));
    this.#open--;
    if (this.#waiting?.isMet()) this.#waiting.resolve();
  }

  async #unlessSlow(lookUp: Promise<void>): Promise<void> {
    const found = new AbortController();
    const slow = this.#options.sleep(SLOW_MS, found.signal).catch(() => {});
    await Promise.race([lookUp, slow]);
    found.abort(OVER);
  }
}

async function locate(host: string, { lookUp, family, bound }: HostLookUpOptions): Promise<Located> {
  try {
    const answer = await lookUp(host);
    if (answer.kind !== "records") return { kind: "none", ttlSeconds: answer.ttlSeconds };
    const ttlSeconds = Math.min(...answer.records.map((record) => record.ttlSeconds));
    const records = ofFamily(answer.records, family);
    if (records.length === 0) return { kind: "none", ttlSeconds };
    const used = bound?.(records) ?? records;
    const surplus = records.length - used.length;
    return { kind: "addresses", records: used, ...(surplus > 0 && { surplus }) };
  } catch (error) {
    return { kind: "failed", error };
  }
}

/**
 * Ends a little before the look-up as a whole does: the targets that were found by then are worth more than the
 * timeout of one that was not.
 */
export function earlier(limits: LookUpLimits, clock: Clock): LookUpLimits {
  const now = clock.now();
  return { ...limits, deadline: now + (limits.deadline - now) * 0.9 };
}
