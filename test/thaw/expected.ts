import type { Cell, Fault, FreezeLength, Wire } from "./cells.ts";

/** Cells in which a call may fail that must not be sent twice: nothing tells whether it was processed. */
interface Unknowable {
  readonly fault: Fault;
  readonly wires: readonly Wire[];
  readonly freezes: readonly FreezeLength[];
  readonly code: string;
}

const unknowable: readonly Unknowable[] = [
  // Within `verifyAfterMs` the connection is trusted: the request is sent on it, and lost.
  { fault: "RST on first write", wires: ["Connect h2", "gRPC h2"], freezes: ["short"], code: "Unavailable" },
  { fault: "silent drop", wires: ["Connect h2", "gRPC h2"], freezes: ["short"], code: "DeadlineExceeded" },
  // HTTP/1.1 has no PING: up to `idleMs`, only the request itself finds out.
  { fault: "RST on first write", wires: ["Connect h1.1"], freezes: ["short", "doubtful"], code: "Unavailable" },
  { fault: "silent drop", wires: ["Connect h1.1"], freezes: ["short", "doubtful"], code: "DeadlineExceeded" },
];

/** What the balanced client's first call after the thaw must come to: "ok", or the code of a failure. */
export function expectedOutcome({ fault, wire, kind, freeze }: Cell): string {
  if (kind === "idempotent") return "ok";
  const cell = unknowable.find((one) => {
    return one.fault === fault && one.wires.includes(wire) && one.freezes.includes(freeze);
  });
  return cell?.code ?? "ok";
}

/** What a first call may add to a warm one, as the relay and the DNS server count it. A warm call is one flight. */
export const most = { connects: 1, flights: 2, lookUps: 1 };
