import type { ResolvedOptions } from "./config/resolved-options.ts";
import type { ConnectionListener, EndpointTransportFactory } from "./endpoints/endpoint-transport.ts";
import type { HttpGet } from "./net/http-get.ts";
import type { TlsFilesListener } from "./net/tls-files-change.ts";
import type { Runtime } from "./runtime.ts";
import type { ReadTextFile } from "./schemes/consul/consul-credentials.ts";
import type { DnsClientFactory } from "./schemes/scheme.ts";

/** Notified of what the transports of endpoints do; none may throw. */
export interface EndpointListeners {
  readonly onTlsFiles: TlsFilesListener;
  readonly onConnections: ConnectionListener;
}

/** What a runtime (Node, an edge) contributes. */
export interface Platform {
  readonly runtime: Runtime;
  readonly createStubResolver: DnsClientFactory;
  readonly httpGet: HttpGet;
  readonly readTextFile: ReadTextFile;
  /** Writes one line where a process's own messages go. */
  writeLog(line: string): void;
  /** What the transports of endpoints need of Connect's protocols, by name; undefined what the loaded copy lacks. */
  protocolExports(): Readonly<Record<string, unknown>>;
  /** The transports of endpoints, where the user brings none. */
  createEndpointTransports(settings: ResolvedOptions, listeners: EndpointListeners): EndpointTransportFactory;
}
