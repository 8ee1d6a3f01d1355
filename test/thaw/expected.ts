import type { Cell, Fault, FreezeLength, Wire } from "./cells.ts";
import type { TrialResult } from "./trial.ts";

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

/** What a first call may take, as the relay and the DNS server count it. A warm call takes one flight. */
const FLIGHTS = [1, 2];
const MOST_LOOK_UPS = 1;

/** Where the balanced client's first call falls short of what is claimed; empty if nowhere. */
export function shortfalls(cell: Cell, result: TrialResult): string[] {
  const { outcome, message, connects, flights, lookUps, executions } = result;
  const expected = expectedOutcome(cell);
  // None where the connection in hand is good and not past its use.
  const expectedConnects = cell.fault === "nothing" && (cell.freeze === "short" || cell.freeze === "doubtful") ? 0 : 1;
  return [
    ...(outcome === expected ? [] : [`${outcome} instead of ${expected} (${message})`]),
    ...(outcome === "ok" && connects !== expectedConnects
      ? [`${connects} connects instead of ${expectedConnects}`]
      : []),
    ...(FLIGHTS.includes(flights) ? [] : [`${flights} flights`]),
    ...(lookUps > MOST_LOOK_UPS ? [`${lookUps} look-ups`] : []),
    ...(executions > 1 || (outcome === "ok" && executions !== 1) ? [`${executions} executions`] : []),
  ];
}
