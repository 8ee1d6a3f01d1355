import { createClient } from "@connectrpc/connect";
import type { ConsulAgent } from "../../examples/consul/agent.ts";
import { type BalancedTransportOptions, createBalancedTransport } from "../../src/node.ts";
import { EchoService } from "../support/gen/echo_pb.ts";

/** The two ways to ask an agent. */
export const schemes = {
  consul: (...agents: ConsulAgent[]) => `consul://${agents.map(({ dns }) => dns).join(",")}`,
  "consul+http": (...agents: ConsulAgent[]) => `consul+http://${agents.map(({ http }) => http).join(",")}`,
} as const;

/** An instance of a service, with a check that stays as it is told. */
export function register(agent: ConsulAgent, name: string, id: string, fields: Readonly<Record<string, unknown>>) {
  const Check = { TTL: "1h", Status: "passing" };
  return agent.put("/v1/agent/service/register", { Name: name, ID: id, Address: "127.0.0.1", Check, ...fields });
}

export function setCheck(agent: ConsulAgent, id: string, status: "pass" | "warn" | "fail"): Promise<void> {
  return agent.put(`/v1/agent/check/${status}/service:${id}`);
}

export function echoClient(target: string, options: Partial<BalancedTransportOptions> = {}) {
  const transport = createBalancedTransport({ target, tls: false, picker: "round-robin", ...options });
  const client = createClient(EchoService, transport);
  return {
    transport,
    client,
    /** Looks up now, and calls: how many calls each server has answered. */
    async served(calls: number): Promise<Record<string, number>> {
      await transport.refresh();
      const counts: Record<string, number> = {};
      for (let i = 0; i < calls; i++) {
        const { server } = await client.get({});
        counts[server] = (counts[server] ?? 0) + 1;
      }
      return counts;
    },
  };
}
