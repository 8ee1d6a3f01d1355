import { setTimeout as sleep, setImmediate as turn } from "node:timers/promises";
import { createClient } from "@connectrpc/connect";
import { nodePlatform } from "../../src/node/node-platform.ts";
import { balancedTransport } from "../../src/transport/create.ts";
import { EchoService } from "../../test/support/gen/echo_pb.ts";

export const CALLS_PER_SECOND = 100;
const SHARE_WINDOW_MS = 1_000;

/** A client of one registry that calls steadily, and what it has seen. Times are performance.now()'s. */
export class Traffic {
  readonly #calls: { readonly at: number; readonly server: string }[] = [];
  readonly #misses: { readonly at: number; readonly port: number }[] = [];
  failed = 0;
  /** Questions asked: DNS look-ups of a name, HTTP requests. */
  questions = 0;
  #running = true;
  readonly #done: Promise<void>;

  constructor(target: string) {
    const transport = balancedTransport(
      {
        target,
        tls: false,
        onEvent: (event) => {
          if (event.type === "retry") this.#misses.push({ at: performance.now(), port: event.endpoint.port });
        },
      },
      this.#countingPlatform(),
    );
    const client = createClient(EchoService, transport);
    this.#done = this.#callSteadily(async () => {
      const at = performance.now();
      const { server } = await client.get({}, { timeoutMs: 5_000 });
      this.#calls.push({ at, server });
    });
  }

  stop(): Promise<void> {
    this.#running = false;
    return this.#done;
  }

  /** When the last call to the server began, in ms after `since`. */
  lastCallMs(server: string, since: number): number {
    return Math.max(0, ...this.#calls.filter((call) => call.server === server).map(({ at }) => at - since));
  }

  /** Attempts at a server that refused them: how many, and when the last one was, in ms after `since`. */
  missed(port: number, since: number): { readonly attempts: number; readonly lastMs: number } {
    const times = this.#misses.filter((miss) => miss.port === port && miss.at >= since).map(({ at }) => at - since);
    return { attempts: times.length, lastMs: Math.max(0, ...times) };
  }

  /** How long after `since` a server had 80 % of its share for a second, to the end of it. */
  shareMs(server: string, share: number, since: number): number {
    const wanted = 0.8 * share * CALLS_PER_SECOND * (SHARE_WINDOW_MS / 1_000);
    const times = this.#calls.filter((call) => call.server === server && call.at >= since).map(({ at }) => at);
    times.sort((a, b) => a - b);
    const last = times.findIndex(
      (at, i) => i + 1 >= wanted && at - (times[i + 1 - Math.ceil(wanted)] ?? 0) <= SHARE_WINDOW_MS,
    );
    return last < 0 ? Number.POSITIVE_INFINITY : (times[last] as number) - since;
  }

  #countingPlatform(): typeof nodePlatform {
    const count = <T>(answer: T): T => {
      this.questions++;
      return answer;
    };
    return {
      ...nodePlatform,
      createStubResolver: (options) => {
        const dns = nodePlatform.createStubResolver(options);
        return {
          srv: (...question) => count(dns.srv(...question)),
          addresses: (...question) => count(dns.addresses(...question)),
        };
      },
      httpGet: (request) => count(nodePlatform.httpGet(request)),
    };
  }

  /** Open loop: a slow call keeps no other back. */
  async #callSteadily(call: () => Promise<void>): Promise<void> {
    const running = new Set<Promise<void>>();
    for (let due = performance.now(); this.#running; due += 1_000 / CALLS_PER_SECOND) {
      const early = due - performance.now();
      // Where the machine was too slow, what has arrived is looked at before the next call.
      await (early > 0 ? sleep(early) : turn());
      const one: Promise<void> = call()
        .catch(() => void this.failed++)
        .finally(() => running.delete(one));
      running.add(one);
    }
    await Promise.all(running);
  }
}
