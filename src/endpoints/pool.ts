// endpoints/ is all that is known of each endpoint, as long as it is worth knowing: its transport, what is under way
// on it, its breaker, its tier and weight; and which of them are eligible now. It may know pickers and an endpoint's
// identity. It must not know of calls, or where endpoints come from.

import { rank } from "../common/rendezvous.ts";
import type { Endpoint, ListedEndpoint } from "../endpoint.ts";
import type { Picker, PickerFactory, PickInfo } from "../pickers/picker.ts";
import { answeredBadly, type EligibleView, eligibleView, isClosed, isEligible, isOnTrial } from "./eligible.ts";
import { EndpointState, type EndpointStateOptions } from "./endpoint-state.ts";
import { type Reconciled, reconcile } from "./reconcile.ts";

export interface PoolOptions extends EndpointStateOptions {
  readonly picker: PickerFactory;
  /** The name to verify for an endpoint of the answer. */
  readonly verifiedName: (spec: ListedEndpoint) => string;
  /** Called with each set of endpoints that calls are to go to. */
  readonly onView?: (view: EligibleView) => void;
}

const NONE_TRIED: ReadonlySet<EndpointState> = new Set();

/** The endpoints of the current answer, with what is known of each, and the choice among them. */
export class Pool {
  readonly #options: PoolOptions;
  readonly #states = new Map<string, EndpointState>();
  #tiers: readonly (readonly EndpointState[])[] = [];
  #view: (EligibleView & { readonly picker: Picker; readonly since: number }) | undefined;
  /** Drawn with the first answer, so that clones of a process's snapshot have orders of their own. */
  #seed: number | undefined;
  #specs: readonly ListedEndpoint[] | undefined;
  #picker: Picker | undefined;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  /** Takes over an answer; undefined if it is the one in use. */
  update(specs: readonly ListedEndpoint[], now: number): Reconciled | undefined {
    if (specs === this.#specs) return undefined;
    this.#seed ??= Math.floor(this.#options.random() * 0x1_0000_0000);
    const reconciled = reconcile(this.#states, specs, this.#options.verifiedName, this.#create, now);
    this.#specs = specs;
    this.#tiers = reconciled.tiers;
    this.invalidate();
    return reconciled;
  }

  /** Something other than the clock changed who is eligible. */
  invalidate(): void {
    this.#view = undefined;
  }

  /** The endpoint of a call's first attempt. The answer must have at least one. */
  pick(now: number, call: PickInfo): EndpointState {
    const view = this.#currentView(now);
    // Left to chance, a server that is back would wait for its first call as long as there are few of them.
    if (view.trial !== undefined) return view.trial;
    const picked = view.picker.pick(now, call) as EndpointState;
    if (picked.transport?.isFull !== true) return picked;
    const withRoom = view.members.filter((state) => state.transport?.isFull !== true);
    return this.#pickOf([withRoom], now, call, NONE_TRIED) ?? picked;
  }

  /** An endpoint for a further attempt of a call: an untried one of the tier in use, else of the tiers after it. */
  pickUntried(now: number, call: PickInfo, tried: ReadonlySet<EndpointState>): EndpointState | undefined {
    const { members, tier } = this.#currentView(now);
    const groups = [members, ...this.#tiersAfter(tier).map((later) => later.filter((one) => isEligible(one, now)))];
    return this.#pickOf(groups, now, call, tried);
  }

  /**
   * An endpoint for a request that never left, which may go to any: an untried one whose breaker is closed, else one
   * whose trial is due (as its probe) or under way. Where no breaker is closed, or the last tier panics, one that is out
   * because it *answered* badly: it is there, and law 3 of docs/ARCHITECTURE.md forbids to fail without trying it. One
   * that is out because it could not be reached would be dialled in vain.
   */
  pickForUnsent(now: number, call: PickInfo, tried: ReadonlySet<EndpointState>): EndpointState | undefined {
    const { tier, mode, members } = this.#currentView(now);
    const inUse = mode === "none-eligible" ? this.#tiers : this.#tiersFrom(tier);
    // A trial becomes due by the clock alone: also that of the server that the call has just failed to reach.
    const hasClosed = members.some((one) => isClosed(one, now));
    const groups = [
      ...[isClosed, isOnTrial].flatMap((fits) => inUse.map((each) => each.filter((one) => fits(one, now)))),
      ...(hasClosed && mode === "eligible" ? [] : this.#tiers.map((each) => each.filter(answeredBadly))),
    ];
    return this.#pickOf(groups, now, call, tried);
  }

  /** Whether another endpoint would take the calls of this one, as far as is known. */
  hasAlternative(state: EndpointState, now: number): boolean {
    return this.#tiers.some((tier) => tier.some((other) => other !== state && isClosed(other, now)));
  }

  /** From the first group that has an untried endpoint. */
  #pickOf(
    groups: readonly (readonly EndpointState[])[],
    now: number,
    call: PickInfo,
    tried: ReadonlySet<EndpointState>,
  ): EndpointState | undefined {
    for (const group of groups) {
      const untried = group.filter((state) => !tried.has(state));
      if (untried.length === 0) continue;
      return this.#options.picker(untried, undefined, this.#options.random).pick(now, call) as EndpointState;
    }
    return undefined;
  }

  #tiersFrom(tier: number): readonly (readonly EndpointState[])[] {
    return this.#tiers.filter((each) => (each[0] as EndpointState).tier >= tier);
  }

  #tiersAfter(tier: number): readonly (readonly EndpointState[])[] {
    return this.#tiersFrom(tier).filter((each) => (each[0] as EndpointState).tier > tier);
  }

  /**
   * Whether calls go to endpoints of this list that are not a fallback's, by their health. A list that is not in use
   * yet has nothing against it.
   */
  servesWithoutFallback(specs: readonly ListedEndpoint[], now: number): boolean {
    if (specs !== this.#specs) return true;
    const { mode, members } = this.#currentView(now);
    return mode === "eligible" && !members[0]?.endpoint.fallback;
  }

  view(now: number): EligibleView {
    return this.#currentView(now);
  }

  /** The endpoints of the answer in use, by tier. */
  get tiers(): readonly (readonly EndpointState[])[] {
    return this.#tiers;
  }

  close(): void {
    for (const state of this.#states.values()) state.leave();
  }

  #currentView(now: number): EligibleView & { readonly picker: Picker } {
    const cached = this.#view;
    if (cached !== undefined && now < cached.changesAt && now >= cached.since) return cached;
    const view = eligibleView(this.#tiers, now);
    this.#picker = this.#options.picker(view.members, this.#picker, this.#options.random);
    this.#view = { ...view, picker: this.#picker, since: now };
    this.#options.onView?.(view);
    return this.#view;
  }

  readonly #create = (key: string, endpoint: Endpoint): EndpointState =>
    new EndpointState(key, endpoint, rank(this.#seed as number, key), this.#options);
}
