import type { Transport } from "@connectrpc/connect";
import type { Wire } from "./wire.ts";

/** A server of the suite. */
export interface Server {
  readonly host: string;
  readonly port: number;
}

/** A transport for one call, which is closed after it. */
export interface Subject {
  readonly transport: Transport;
  close(): void;
}

/** What the suite is run against. */
export interface SubjectFactory {
  create(server: Server, wire: Wire): Subject;
  /** No further call follows. */
  close?(): Promise<void>;
}
