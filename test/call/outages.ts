/** What a DNS server does about each query. */
export type DnsBehaviour =
  | "answers"
  | "is silent"
  | "refuses"
  | "sends SERVFAIL"
  | "sends garbage"
  | "sends NXDOMAIN"
  | { readonly answersAfterMs: number };

/** Something happens to DNS, and what calls see of it: one a second, and the waits are those of look-ups. */
export interface Outage {
  readonly name: string;
  /** With a good answer first, before anything happens. */
  readonly known: boolean;
  /** The DNS servers, in the order in which they are asked. */
  readonly dns: readonly DnsBehaviour[];
  readonly seconds: number;
  /** From this second on, every server answers again. */
  readonly overAfter?: number;
  /** Default: none. */
  readonly timeoutMs?: number;
  /** Different errors that calls failed with. */
  readonly errors: readonly string[];
  /** Calls that failed, and the longest time that one waited. */
  readonly failed: number;
  readonly longestMs: number;
  /** Calls that waited at all. */
  readonly waited: number;
}

const HOUR = 3_600;
const LOOK_UP = "[unavailable] the service's servers could not be looked up";
const NO_SERVERS = "[unavailable] the service has no servers";
const TIMED_OUT = "[deadline_exceeded] the operation timed out";

export const OUTAGES: readonly Outage[] = [
  // After one good answer, of a TTL of 30 s.
  row("silent for an hour", { known: true, dns: ["is silent"], seconds: HOUR, waited: 102, longestMs: 500 }),
  row("silent for an hour, calls with a deadline of 100 ms", {
    known: true,
    dns: ["is silent"],
    seconds: HOUR,
    timeoutMs: 100,
    waited: 102,
    longestMs: 50,
  }),
  row("gone for an hour", { known: true, dns: ["refuses"], seconds: HOUR }),
  row("SERVFAIL for an hour", { known: true, dns: ["sends SERVFAIL"], seconds: HOUR }),
  row("garbage for an hour", { known: true, dns: ["sends garbage"], seconds: HOUR }),
  row("slower than a call's deadline", {
    known: true,
    dns: [{ answersAfterMs: 3_000 }],
    seconds: HOUR,
    timeoutMs: 1_000,
  }),
  row("silent for two hours, calls with a deadline of 2 s", {
    known: true,
    dns: ["is silent"],
    seconds: 2 * HOUR,
    timeoutMs: 2_000,
    waited: 612,
    longestMs: 1_000,
  }),
  row("restarted without its data for 20 s", { known: true, dns: ["sends NXDOMAIN"], seconds: 120, overAfter: 45 }),
  row("the name is deleted", { known: true, dns: ["sends NXDOMAIN"], seconds: 120, errors: [NO_SERVERS], failed: 64 }),
  // From the start.
  row("silent from the start", {
    known: false,
    dns: ["is silent"],
    seconds: 60,
    errors: [LOOK_UP],
    failed: 60,
    waited: 9,
    longestMs: 9_890,
  }),
  row("silent from the start, calls with a deadline of 2 s", {
    known: false,
    dns: ["is silent"],
    seconds: 60,
    timeoutMs: 2_000,
    errors: [TIMED_OUT, LOOK_UP],
    failed: 60,
    waited: 29,
    longestMs: 2_000,
  }),
  row("gone from the start", {
    known: false,
    dns: ["refuses"],
    seconds: 60,
    errors: [LOOK_UP],
    failed: 60,
    waited: 8,
    longestMs: 4_950,
  }),
  row("SERVFAIL from the start", {
    known: false,
    dns: ["sends SERVFAIL"],
    seconds: 60,
    errors: [LOOK_UP],
    failed: 60,
    waited: 8,
    longestMs: 4_950,
  }),
  row("no such name from the start", {
    known: false,
    dns: ["sends NXDOMAIN"],
    seconds: 60,
    errors: [NO_SERVERS],
    failed: 60,
  }),
  row("gone for the first 10 s", {
    known: false,
    dns: ["refuses"],
    seconds: 60,
    overAfter: 10,
    errors: [LOOK_UP],
    failed: 14,
    waited: 6,
    longestMs: 4_790,
  }),
  row("slower than a call's deadline, from the start", {
    known: false,
    dns: [{ answersAfterMs: 3_000 }],
    seconds: 60,
    timeoutMs: 1_000,
    errors: [TIMED_OUT],
    failed: 3,
    waited: 3,
    longestMs: 1_000,
  }),
  // Some of three.
  row("the first of three silent", {
    known: false,
    dns: ["is silent", "answers", "answers"],
    seconds: HOUR,
    waited: 1,
    longestMs: 820,
  }),
  row("the first of three gone", { known: false, dns: ["refuses", "answers", "answers"], seconds: HOUR }),
  row("the first of three sends SERVFAIL", {
    known: false,
    dns: ["sends SERVFAIL", "answers", "answers"],
    seconds: HOUR,
  }),
  row("two of three silent", {
    known: false,
    dns: ["is silent", "is silent", "answers"],
    seconds: HOUR,
    waited: 1,
    longestMs: 1_640,
  }),
];

type Row = Omit<Outage, "name" | "errors" | "failed" | "waited" | "longestMs"> & Partial<Outage>;

/** Nothing is seen of it, unless the row says so. */
function row(name: string, told: Row): Outage {
  return { errors: [], failed: 0, waited: 0, longestMs: 0, ...told, name };
}
