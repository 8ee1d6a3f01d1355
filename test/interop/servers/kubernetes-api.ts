import { once } from "node:events";
import * as http from "node:http";
import type { AddressInfo } from "node:net";

/** A named port, and the pods that serve it. */
export interface Slice {
  readonly port: number;
  /** Default "grpc". */
  readonly portName?: string;
  readonly pods: readonly Pod[];
}

export interface Pod {
  readonly address: string;
  /** As in a StatefulSet. */
  readonly hostname?: string;
  /** Default true. */
  readonly ready?: boolean;
}

/** As much of Kubernetes' API as CoreDNS asks for. */
export interface KubernetesApi extends AsyncDisposable {
  readonly port: number;
  /** Sets the endpoints of a headless service in the namespace "shop". */
  setPods(service: string, slices: readonly Slice[]): void;
  /** Sets a service that has an address of its own. */
  setClusterIp(service: string, address: string): void;
}

interface KubernetesObject extends Record<string, unknown> {
  readonly metadata: { readonly name: string } & Record<string, unknown>;
}

const NAMESPACE = "shop";

export async function startKubernetesApi(): Promise<KubernetesApi> {
  const namespaces = new Watched("v1", "Namespace");
  const services = new Watched("v1", "Service");
  const slices = new Watched("discovery.k8s.io/v1", "EndpointSlice");
  const paths: Readonly<Record<string, Watched>> = {
    "/api/v1/namespaces": namespaces,
    "/api/v1/services": services,
    "/apis/discovery.k8s.io/v1/endpointslices": slices,
  };
  namespaces.set({ metadata: { name: NAMESPACE } });
  const server = http.createServer((request, response) => {
    paths[new URL(request.url ?? "", "http://api").pathname]?.watch(response) ?? response.writeHead(404).end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");

  const setService = (name: string, clusterIP: string) => {
    const ports = [{ name: "grpc", port: 80, protocol: "TCP" }];
    services.set({
      metadata: namespaced(name),
      spec: { type: "ClusterIP", clusterIP, clusterIPs: [clusterIP], ports },
    });
  };
  return {
    port: (server.address() as AddressInfo).port,
    setClusterIp: setService,
    setPods(service, list) {
      setService(service, "None");
      slices.keep((name) => !name.startsWith(`${service}-`));
      for (const [i, { port, portName = "grpc", pods }] of list.entries()) {
        slices.set({
          metadata: { ...namespaced(`${service}-${i}`), labels: { "kubernetes.io/service-name": service } },
          addressType: pods[0]?.address.includes(":") ? "IPv6" : "IPv4",
          endpoints: pods.map(({ address, hostname, ready = true }) => ({
            addresses: [address],
            conditions: { ready },
            ...(hostname === undefined ? {} : { hostname }),
          })),
          ports: [{ name: portName, port, protocol: "TCP" }],
        });
      }
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}

const namespaced = (name: string) => ({ name, namespace: NAMESPACE });
let version = 0;

/** The objects of one kind, and who is told of their changes: what is there first, then line by line. */
class Watched {
  readonly #meta: { readonly apiVersion: string; readonly kind: string };
  readonly #objects = new Map<string, KubernetesObject>();
  readonly #watchers = new Set<http.ServerResponse>();

  constructor(apiVersion: string, kind: string) {
    this.#meta = { apiVersion, kind };
  }

  watch(response: http.ServerResponse): true {
    response.writeHead(200, { "content-type": "application/json" });
    for (const object of this.#objects.values()) response.write(line("ADDED", object));
    // The end of the beginning; without it, CoreDNS never gets ready.
    const annotations = { "k8s.io/initial-events-end": "true" };
    response.write(line("BOOKMARK", { ...this.#meta, metadata: { resourceVersion: `${++version}`, annotations } }));
    this.#watchers.add(response);
    response.on("close", () => this.#watchers.delete(response));
    return true;
  }

  set(object: KubernetesObject): void {
    const { name } = object.metadata;
    const type = this.#objects.has(name) ? "MODIFIED" : "ADDED";
    const whole = {
      ...this.#meta,
      ...object,
      metadata: { ...object.metadata, uid: name, resourceVersion: `${++version}` },
    };
    this.#objects.set(name, whole);
    this.#tell(type, whole);
  }

  keep(isKept: (name: string) => boolean): void {
    for (const [name, object] of this.#objects) {
      if (isKept(name)) continue;
      this.#objects.delete(name);
      this.#tell("DELETED", object);
    }
  }

  #tell(type: string, object: KubernetesObject): void {
    for (const watcher of this.#watchers) watcher.write(line(type, object));
  }
}

const line = (type: string, object: object) => `${JSON.stringify({ type, object })}\n`;
