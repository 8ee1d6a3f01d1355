import { type ConsulAgent, startConsulAgent } from "../../examples/consul/agent.ts";

export interface Instance {
  readonly name: string;
  readonly address: string;
  readonly port: number;
}

/** Where instances are listed. */
export interface Registry {
  readonly name: string;
  target(service: string): string;
  /** From now on, these are the instances. Settles when the registry has been told. */
  set(service: string, instances: readonly Instance[]): Promise<void>;
}

/** One Consul agent, as it is asked in two ways. Both share its services, and its checks once a second. */
export async function startConsul(): Promise<{ dns: Registry; http: Registry } & AsyncDisposable> {
  const agent = await startConsulAgent();
  await agent.ready();
  const set = createSetter(agent);
  return {
    dns: { name: "Consul DNS", target: (service) => `consul://${agent.dns}/${service}`, set },
    // Told once, by the other.
    http: { name: "Consul HTTP", target: (service) => `consul+http://${agent.http}/${service}`, set: async () => {} },
    [Symbol.asyncDispose]: () => agent[Symbol.asyncDispose](),
  };
}

function createSetter(agent: ConsulAgent): Registry["set"] {
  const registered = new Map<string, Set<string>>();
  return async (service, instances) => {
    const known = registered.get(service) ?? new Set();
    registered.set(service, known);
    const wanted = new Set(instances.map(({ name }) => name));
    for (const name of [...known].filter((one) => !wanted.has(one))) {
      known.delete(name);
      await agent.put(`/v1/agent/service/deregister/${service}-${name}`);
    }
    for (const { name, address, port } of instances.filter((one) => !known.has(one.name))) {
      known.add(name);
      const Check = { TCP: `${address}:${port}`, Interval: "1s", Timeout: "500ms", Status: "passing" };
      await agent.put("/v1/agent/service/register", {
        Name: service,
        ID: `${service}-${name}`,
        Address: address,
        Port: port,
        // Those that are only looked up have no server.
        ...(service === "users" && { Check }),
      });
    }
  };
}
