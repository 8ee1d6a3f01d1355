/** An instance of a service, as Consul's health API describes it. */
export interface ConsulInstance {
  /** An IP address, or a host name: whatever was registered; the node's where the service has none. */
  readonly host: string;
  readonly port: number;
  readonly weight: number;
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Reads the entries of `/v1/health/service/NAME`, in their order. Left out are critical instances (maintenance is a
 * critical check), and those without a port that could be called: Consul hands out whatever was registered.
 */
export function readInstances(entries: unknown): ConsulInstance[] {
  if (!Array.isArray(entries)) throw new Error("the response is not a list of instances");
  const instances: ConsulInstance[] = [];
  for (const entry of entries.map(object)) {
    const [node, service] = [object(entry.Node), object(entry.Service)];
    const status = worst(entry.Checks);
    const host = text(service.Address) || text(node.Address);
    const port = service.Port;
    if (status === "critical" || host === "" || !isPort(port)) continue;
    instances.push({
      host,
      port,
      weight: weightOf(object(service.Weights), status),
      metadata: metadataOf(node, service),
    });
  }
  return instances;
}

type Status = "passing" | "warning" | "critical";

/** Of the service's checks and its node's, as Consul's own DNS judges. Without a check, an instance is passing. */
function worst(checks: unknown): Status {
  const all = Array.isArray(checks) ? checks.map((check) => object(check).Status) : [];
  if (all.some((status) => status !== "passing" && status !== "warning")) return "critical";
  return all.includes("warning") ? "warning" : "passing";
}

function weightOf({ Passing, Warning }: Entry, status: Status): number {
  const weight = status === "warning" ? Warning : Passing;
  return typeof weight === "number" && weight >= 0 && weight <= 65_535 ? weight : 1;
}

/** A service's own keys have a prefix, or a `node` of its own would hide the node. */
function metadataOf(node: Entry, service: Entry): Record<string, string> {
  const metadata: Record<string, string> = { node: text(node.Node), dc: text(node.Datacenter) };
  if (Array.isArray(service.Tags) && service.Tags.length > 0) metadata.tags = service.Tags.map(text).join(",");
  for (const [key, value] of Object.entries(object(service.Meta))) metadata[`meta.${key}`] = text(value);
  return metadata;
}

type Entry = Readonly<Record<string, unknown>>;

function object(value: unknown): Entry {
  return typeof value === "object" && value !== null ? (value as Entry) : {};
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function isPort(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) > 0 && (value as number) <= 65_535;
}
