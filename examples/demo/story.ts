import type { DemoDnsServer } from "./dns-server.ts";
import { type Backend, startBackend } from "./fleet.ts";
import type { RemoteClient } from "./remote-client.ts";

/** What happens in the story: its actors, and its phases in their order. */
export interface Story {
  readonly bareUrl: string;
  readonly phases: readonly Phase[];
}

export interface Phase {
  readonly title: string;
  readonly seconds: number;
  /** What happens as the phase begins, with both clients under way. */
  begin?(clients: readonly RemoteClient[], bare: RemoteClient): Promise<void> | void;
  /** What happens in its middle. */
  middle?(): Promise<void> | void;
}

export const SERVICE = "_grpc._tcp.users.demo.test";
const TTL_SECONDS = 1;
const SERVICE_TIME_MS = 5;
/** Longer than twice the TTL, so that the first call after it has no answer that it may use without asking. */
const FREEZE_MS = 4_000;

export async function writeStory(dns: DemoDnsServer): Promise<Story> {
  let first = await startAll(["a", "b", "c", "d"]);
  const standby = await startAll(["x", "y"]);
  const publish = () => dns.srv(SERVICE, [...first.map(record(0)), ...standby.map(record(10))], TTL_SECONDS);
  const urlOf = (backend: Backend) => `http://127.0.0.1:${backend.port}`;
  publish();
  const c = first[2] as Backend;
  return {
    bareUrl: urlOf(c),
    phases: [
      { title: "Even load on four servers (x and y are standbys of a lower priority)", seconds: 5 },
      {
        title: "c becomes ten times slower",
        seconds: 6,
        begin: () => c.setServiceTime(10 * SERVICE_TIME_MS),
      },
      {
        title: "c, as fast as before, is killed in mid-traffic (SIGKILL)",
        seconds: 6,
        begin: () => c.setServiceTime(SERVICE_TIME_MS),
        middle: () => c.kill(),
      },
      {
        title: "c leaves DNS and e comes; somebody points the bare client at e",
        seconds: 6,
        begin: async (_clients, bare) => {
          const e = await startBackend("e");
          first = [...first.filter((backend) => backend !== c), e];
          publish();
          await bare.ask({ use: urlOf(e) });
        },
      },
      {
        title: "The whole first priority is stopped: the standbys take over",
        seconds: 6,
        begin: () => {
          for (const backend of first) backend.stop();
        },
      },
      {
        title: "New servers of the first priority: the standbys give back",
        seconds: 6,
        begin: async (_clients, bare) => {
          first = await startAll(["f", "g", "h"]);
          publish();
          await bare.ask({ use: urlOf(first[0] as Backend) });
        },
      },
      {
        title: `Both clients are really frozen for ${FREEZE_MS / 1_000} s (SIGSTOP), and every server is replaced meanwhile`,
        seconds: 5,
        begin: async (clients) => {
          await Promise.all(clients.map((client) => client.ask("pause")));
          for (const client of clients) client.freeze();
          const old = [...first, ...standby];
          first = await startAll(["p", "q", "r"]);
          standby.length = 0;
          publish();
          for (const backend of old) backend.stop();
          await new Promise((resolve) => setTimeout(resolve, FREEZE_MS));
          for (const client of clients) client.thaw();
          await Promise.all(clients.map((client) => client.ask("start")));
        },
      },
    ],
  };
}

function startAll(names: readonly string[]): Promise<Backend[]> {
  return Promise.all(names.map((name) => startBackend(name)));
}

function record(priority: number) {
  return ({ name, port }: Backend) => ({ target: `${name}.demo.test`, port, priority, address: "127.0.0.1" });
}
