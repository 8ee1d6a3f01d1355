/** What happens while the client is frozen. */
export const faults = [
  "nothing",
  "FIN",
  "RST",
  "RST on first write",
  "silent drop",
  "GOAWAY and FIN",
  "GOAWAY without close",
  "server replaced",
] as const;
export type Fault = (typeof faults)[number];

export const wires = {
  "Connect h2": { protocol: "connect", httpVersion: "2" },
  "gRPC h2": { protocol: "grpc", httpVersion: "2" },
  "Connect h1.1": { protocol: "connect", httpVersion: "1.1" },
} as const;
export type Wire = keyof typeof wires;

export const kinds = ["idempotent", "unknown", "stream"] as const;
/** The call after the thaw: unary and idempotent by its proto, unary of unknown idempotency, a server stream. */
export type Kind = (typeof kinds)[number];

/** The options of the balanced client, short so that a freeze can be. */
export const limits = { verifyAfterMs: 500, idleMs: 2_000, ttlSeconds: 3, attemptTimeoutMs: 2_000 };

/** The deadline of every client's calls. */
export const TIMEOUT_MS = 4_000;

/** How long the relay holds back what passes, each way. */
export const ONE_WAY_MS = 20;

interface Freeze {
  readonly ms: number;
  /** A trial counts if the client was idle for this long, which a busy machine may stretch. */
  readonly idle: readonly [atLeastMs: number, belowMs: number];
  readonly title: string;
}

const { verifyAfterMs, idleMs, ttlSeconds } = limits;
const staleMs = 2_000 * ttlSeconds;
export const freezes = {
  short: { ms: 200, idle: [150, verifyAfterMs], title: "shorter than `verifyAfterMs`" },
  doubtful: { ms: 1_100, idle: [verifyAfterMs, idleMs], title: "between `verifyAfterMs` and `idleMs`" },
  idle: { ms: 2_800, idle: [idleMs, staleMs - 1_000], title: "longer than `idleMs`" },
  expired: { ms: 6_600, idle: [staleMs, 20_000], title: "longer than 2 × TTL" },
  defaults: {
    ms: 55_000,
    idle: [50_000, 90_000],
    title: "longer than `idleMs` and 2 × TTL, all options at their defaults",
  },
} as const satisfies Record<string, Freeze>;
export type FreezeLength = keyof typeof freezes;

/** One cell of the matrix. */
export interface Cell {
  readonly fault: Fault;
  readonly wire: Wire;
  readonly kind: Kind;
  readonly freeze: FreezeLength;
}

/** Every cell; those with the defaults first, because they take longest. */
export function allCells(): Cell[] {
  const cells: Cell[] = [];
  for (const freeze of ["defaults", "expired", "idle", "doubtful", "short"] as const) {
    for (const fault of faults) {
      if (freeze === "defaults" && fault !== "silent drop") continue;
      for (const wire of Object.keys(wires) as Wire[]) {
        // HTTP/1.1 has no such thing.
        if (fault === "GOAWAY without close" && wire === "Connect h1.1") continue;
        for (const kind of kinds) cells.push({ fault, wire, kind, freeze });
      }
    }
  }
  return cells;
}

export function nameOf({ wire, kind, fault, freeze }: Cell): string {
  return `${wire}, ${kind}, ${fault}, ${freeze}`;
}
