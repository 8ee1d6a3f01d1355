import { type Client, Code, ConnectError } from "@connectrpc/connect";
import { callReport } from "../../src/node.ts";
import type { EchoService } from "../support/gen/echo_pb.ts";

export const TIMEOUT_MS = 8_000;

export const KINDS = ["get", "post", "serverStream"] as const;
export type Kind = (typeof KINDS)[number];

/** A call that is over. */
export interface CallRecord {
  readonly id: string;
  readonly kind: Kind;
  readonly startedAt: number;
  readonly endedAt: number;
  /** Undefined if it succeeded; else its code, and what it tried. */
  readonly failure:
    | { readonly code: string; readonly message: string; readonly attempts: readonly string[] }
    | undefined;
}

export async function call(client: Client<typeof EchoService>, kind: Kind, id: string): Promise<CallRecord> {
  const startedAt = performance.now();
  const over = (failure: CallRecord["failure"]): CallRecord => {
    return { id, kind, startedAt, endedAt: performance.now(), failure };
  };
  try {
    if (kind === "serverStream") {
      const messages = client.serverStream({ text: id, count: 5, intervalMs: 20 }, { timeoutMs: TIMEOUT_MS });
      for await (const { text } of messages) if (text !== id) throw new Error("the answer to another request");
    } else {
      const { text } = await client[kind]({ text: id }, { timeoutMs: TIMEOUT_MS });
      if (text !== id) throw new Error("the answer to another request");
    }
    return over(undefined);
  } catch (error) {
    const { code, message } = ConnectError.from(error);
    const attempts = callReport(error)?.attempts ?? [];
    const tried = attempts.map(
      ({ endpoint, outcome, durationMs, error }) =>
        `${endpoint} ${outcome} after ${Math.round(durationMs)} ms (${error})`,
    );
    return over({ code: Code[code] ?? `${code}`, message, attempts: tried });
  }
}
