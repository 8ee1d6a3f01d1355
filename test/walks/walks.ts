import { createClient } from "@connectrpc/connect";
import { startDnsServer } from "../../examples/demo/dns-server.ts";
import { createBalancedTransport } from "../../src/node.ts";
import { EchoService } from "../support/gen/echo_pb.ts";
import { startEchoServer } from "../support/servers.ts";

export interface Lengths {
  readonly files: number;
  readonly calls: number;
}

/** One way through the code that a reader follows. */
export interface Walk {
  readonly name: string;
  /** How many files it may enter, and how many calls it may make. Lowered with each part that shortens it. */
  readonly most: Partial<Lengths>;
  /** What it is to come to. */
  readonly goal: Partial<Lengths>;
  /** Makes what the walk needs, and returns what walks it, as often as it is called. */
  prepare(): Promise<{ walk(): Promise<void>; end(): Promise<void> }>;
}

/** Once to load what is needed, once to count, once for the order. */
const WALKS = 3;

export const walks: readonly Walk[] = [
  {
    name: "createBalancedTransport({ target, tls: false, retry })",
    most: { calls: 118 },
    goal: { calls: 120 },
    async prepare() {
      const options = { target: "static:///127.0.0.1:8080", tls: false, retry: { maxAttempts: 2 } } as const;
      return {
        walk: async () => createBalancedTransport(options).close(),
        end: async () => {},
      };
    },
  },
  {
    name: "a warm unary call",
    most: { files: 18 },
    goal: { files: 17 },
    async prepare() {
      const server = await startEchoServer({ httpVersion: "2" });
      const transport = createBalancedTransport({ target: `static:///127.0.0.1:${server.port}`, tls: false });
      const client = createClient(EchoService, transport);
      await client.post({});
      return {
        walk: async () => void (await client.post({})),
        end: async () => {
          transport.close();
          await server.close();
        },
      };
    },
  },
  {
    name: "a cold SRV answer, from its bytes to a pick",
    most: { files: 30 },
    goal: { files: 30 },
    async prepare() {
      const dns = await startDnsServer();
      dns.srv("_grpc._tcp.users.test", [{ target: "one.users.test", port: 8080, address: "127.0.0.1" }], 60);
      const target = `srv://${dns.address}/_grpc._tcp.users.test`;
      const transports = Array.from({ length: WALKS }, () => createBalancedTransport({ target, tls: false }));
      return {
        walk: async () => void (await transports.pop()?.refresh()),
        end: () => dns.close(),
      };
    },
  },
];
