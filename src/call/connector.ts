import { ConnectTimeoutError, LONGEST_CONNECT_MS } from "../resilience/connect-limit.ts";
import type { Runtime } from "../runtime.ts";
import type { Attempt } from "./attempt.ts";
import type { EndpointChooser } from "./choose-endpoint.ts";
import { LateDials } from "./late-dials.ts";
import type { Settler } from "./settle.ts";
import { connected } from "./wait-for-connection.ts";

export interface ConnectorOptions {
  readonly chooser: EndpointChooser;
  readonly settler: Settler;
  readonly runtime: Runtime;
  /** How long a call waits for a connection while there is another endpoint to try. */
  readonly connectTimeoutMs: number;
  /** Calls may go on with further attempts. */
  readonly retries: boolean;
}

/** Waits for the connections of attempts: not for long where there is another endpoint to try. */
export class Connector {
  readonly #options: ConnectorOptions;

  constructor(options: ConnectorOptions) {
    this.#options = options;
  }

  /** @throws what `connected()` throws. After its ConnectTimeoutError the connection goes on without the attempt. */
  async connect(attempt: Attempt, connecting: Promise<void>): Promise<void> {
    const { connectTimeoutMs, chooser, runtime, retries } = this.#options;
    const { call, startedAt, race, endpointState } = attempt;
    const { lateDials } = call;
    const mayGoElsewhere = retries && chooser.hasUntried(call, endpointState, startedAt);
    attempt.isPatient = !mayGoElsewhere;
    const isAlone = mayGoElsewhere || lateDials === undefined || lateDials.has(endpointState);
    const waiting = isAlone ? connecting : orAnother(connecting, lateDials.first());
    try {
      await connected(waiting, {
        signal: race === undefined ? call.signal : eitherOf(call.signal, race.decided),
        leftMs: call.deadline(startedAt) - startedAt,
        connectTimeoutMs: mayGoElsewhere ? connectTimeoutMs : LONGEST_CONNECT_MS,
        clock: runtime.clock,
      });
    } catch (error) {
      attempt.code?.link?.failed(error);
      if (error instanceof ConnectTimeoutError && retries) this.#leave(attempt, connecting);
      else attempt.stopWaiting();
      throw error;
    }
    chooser.ready(attempt, runtime.clock.now());
  }

  /** The call goes elsewhere, and may come back when the connection is there. */
  #leave(attempt: Attempt, connecting: Promise<void>): void {
    const { call, endpointState } = attempt;
    call.lateDials ??= new LateDials();
    call.lateDials.add(attempt);
    connecting.then(
      () => this.#options.settler.reached(endpointState),
      () => {},
    );
  }
}

function eitherOf(signal: AbortSignal | undefined, other: AbortSignal): AbortSignal {
  return signal === undefined ? other : AbortSignal.any([signal, other]);
}

/** Rejects if another endpoint is reached first. */
function orAnother(own: Promise<void>, another: Promise<unknown>): Promise<void> {
  const reached = another.then(
    () => {
      throw new ConnectTimeoutError("another endpoint was reached first");
    },
    () => own,
  );
  return Promise.race([own, reached]);
}
