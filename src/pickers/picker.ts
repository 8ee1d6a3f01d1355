// pickers/ has functions from the eligible endpoints to the one for a call. They may know of an endpoint what
// `Candidate` says, and nothing of connections, breakers or discovery; they draw at random only by what they are
// given.

import type { DescMethod } from "@bufbuild/protobuf";
import type { ContextValues } from "@connectrpc/connect";
import type { Endpoint } from "../endpoint.ts";

/** An eligible endpoint, as a picker sees it. `inFlight` and `load` change between picks; the rest does not. */
export interface Candidate {
  /** The server: its address, name and metadata. */
  readonly endpoint: Endpoint;
  /** Share of the traffic relative to the other candidates, above 0. */
  readonly weight: number;
  /** Place in this process's own random order of all endpoints (rendezvous hashing), in [0, 1): stable over changes of the set. */
  readonly rank: number;
  /** Calls under way, streams until their end. */
  readonly inFlight: number;
  /** Natural log of how many times slower than average the endpoint seems: 0 is average or unknown. */
  load(now: number): number;
}

/** What is known of the attempt that a pick is for. */
export interface PickInfo {
  /** The method that is called, as its proto describes it. */
  readonly method: DescMethod;
  /** The call's own context values: for keys that decide the pick. */
  readonly contextValues: ContextValues;
  /** 1 for a call's first attempt. */
  readonly attempt: number;
}

/** Chooses one of the candidates it was made with. */
export interface Picker {
  /**
   * Called for each attempt; must be quick.
   *
   * @param now the transport's clock, in milliseconds.
   * @returns one of the candidates. If it throws, or returns anything else, power of two choices picks, and the event
   * `callback-failed` says so, once.
   */
  pick(now: number, call: PickInfo): Candidate;
}

/**
 * Makes a picker for the eligible endpoints; called only when that set changes. `previous` is the one it replaces, to
 * carry state over.
 *
 * @param candidates at least one, all of one tier.
 * @param random uniform in [0, 1).
 */
export type PickerFactory = (
  candidates: readonly Candidate[],
  previous: Picker | undefined,
  random: () => number,
) => Picker;
