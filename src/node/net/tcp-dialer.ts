import { connect, type Socket } from "node:net";
import type { Clock } from "../../runtime.ts";
import { connectError } from "./connect-errors.ts";
import { type Destination, tcpOptions } from "./open-socket.ts";

/** RFC 8305 section 5, "Connection Attempt Delay". */
const ALTERNATE_AFTER_MS = 250;

/** A connection that was made. */
export interface Dialled {
  readonly socket: Socket;
  readonly address: string;
  /** From the start of this connection, not of the dial. */
  readonly tookMs: number;
}

/** A dial under way. */
export interface TcpDial {
  readonly isPending: boolean;
  /** No call waits any more. The dial fails with this error, unless it has ended already. */
  cancel(error: Error): void;
}

export interface DialListener {
  /** At most one of the two is called, and not before `dial` has returned. */
  onConnected(dialled: Dialled): void;
  onFailed(error: Error): void;
}

/**
 * Dials one endpoint by the addresses that lead to it. The second one starts when the first has failed, or has not
 * connected within 250 ms. The first goes on meanwhile (Node's `autoSelectFamily` would close it), so that a server that is
 * far is reached although its other address leads nowhere. Whichever connected last is dialled first the next time.
 */
export class TcpDialer {
  readonly #destination: Destination;
  readonly #clock: Clock;
  #preferred: string | undefined;
  #last: string | undefined;

  constructor(destination: Destination, clock: Clock) {
    this.#destination = destination;
    this.#clock = clock;
  }

  /** The address that connected last. */
  get address(): string | undefined {
    return this.#last;
  }

  dial({ onConnected, onFailed }: DialListener): TcpDial {
    const queue = this.#addresses();
    const open = new Set<Socket>();
    const errors: Error[] = [];
    let isPending = true;
    let alternate: NodeJS.Timeout | undefined;
    const end = (): void => {
      isPending = false;
      clearTimeout(alternate);
      for (const socket of open) socket.destroy();
    };
    const next = (): void => {
      clearTimeout(alternate);
      const address = queue.shift();
      if (address === undefined) return;
      const startedAt = this.#clock.now();
      const socket = connect({ ...tcpOptions(this.#destination), host: address }).unref();
      open.add(socket);
      if (queue.length > 0) alternate = setTimeout(next, ALTERNATE_AFTER_MS).unref();
      socket.once("connect", () => {
        open.delete(socket);
        end();
        this.#preferred = address;
        this.#last = address;
        onConnected({ socket, address, tookMs: this.#clock.now() - startedAt });
      });
      // It stays, for sockets that lost as well: an error without a listener ends the process.
      socket.on("error", (error) => {
        if (!open.delete(socket) || !isPending) return;
        errors.push(error);
        if (queue.length > 0) next();
        else if (open.size === 0) {
          end();
          onFailed(errors.length === 1 ? error : allFailed(errors));
        }
      });
    };
    next();
    return {
      get isPending() {
        return isPending;
      },
      cancel(error) {
        if (!isPending) return;
        end();
        onFailed(error);
      },
    };
  }

  /** The address connected, and what answered there was of no use: the next dial begins with the other one. */
  distrust(address: string): void {
    const other = this.#addresses().find((one) => one !== address);
    if (other !== undefined) this.#preferred = other;
  }

  #addresses(): string[] {
    const { address, alternateAddress } = this.#destination;
    const alternate = alternateAddress?.();
    if (alternate === undefined || alternate === address) return [address];
    return this.#preferred === alternate ? [alternate, address] : [address, alternate];
  }
}

/** No route, or no address of that family on this machine: what another address answered is the better reason. */
const NO_WAY = new Set(["ENETUNREACH", "EHOSTUNREACH", "EADDRNOTAVAIL", "EAFNOSUPPORT"]);

/** One error, in the shape of the kernel's, that names each. */
function allFailed(errors: readonly Error[]): Error {
  const codes = errors.map((error) => ("code" in error && typeof error.code === "string" ? error.code : ""));
  const code = codes.find((one) => !NO_WAY.has(one)) ?? codes[0] ?? "";
  const messages = errors.map((error) => error.message).join("; ");
  return Object.assign(connectError(messages, code), { errors });
}
