import type { EndpointState } from "../endpoints/endpoint-state.ts";

/** An attempt, as far as its connection goes. */
export interface Dialling {
  readonly endpointState: EndpointState;
  /** The connection that is being made. */
  readonly connecting: Promise<void> | undefined;
  /** It has nowhere else to go. */
  isPatient: boolean;
  stopWaiting(): void;
}

/**
 * Connections that a call asked for and stopped waiting for, because another endpoint was untried. They go on while the
 * call does: when there is nothing else to try, it comes back to them.
 */
export class LateDials {
  readonly #attempts: Dialling[] = [];

  add(attempt: Dialling): void {
    attempt.isPatient = false;
    this.#attempts.push(attempt);
  }

  /** Whether the call has come back to this endpoint, or is about to. */
  has(endpointState: EndpointState): boolean {
    return this.#attempts.some((attempt) => attempt.endpointState === endpointState);
  }

  /** The endpoint of the first connection that is made. Rejects when none is. */
  first(): Promise<EndpointState> {
    for (const attempt of this.#attempts) attempt.isPatient = true;
    return Promise.any(
      this.#attempts.map(async ({ connecting, endpointState }) => {
        await connecting;
        return endpointState;
      }),
    );
  }

  /** The call is over. */
  end(): void {
    for (const attempt of this.#attempts) attempt.stopWaiting();
  }
}
