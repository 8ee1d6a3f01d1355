/** What a client saw in a phase. */
export interface PhaseReport {
  /** Calls that began in the phase and have ended. */
  readonly calls: number;
  /** Calls that failed for the caller. */
  readonly failures: number;
  /** ms; undefined if no call succeeded. */
  readonly p50: number | undefined;
  readonly p99: number | undefined;
  /** Calls by the server that answered. */
  readonly served: Readonly<Record<string, number>>;
  readonly sinceStart: Totals;
}

/** What a client saw in all phases until now. */
export interface Totals {
  readonly calls: number;
  /** Calls that failed, by their error. */
  readonly errors: Readonly<Record<string, number>>;
}

/** What the story orders a client to do. Each order is answered by the report of the phase. */
export type ClientCommand =
  | { readonly id: number; readonly do: "start" | "begin-phase" | "pause" | "report" }
  | { readonly id: number; readonly do: "use"; readonly baseUrl: string };
