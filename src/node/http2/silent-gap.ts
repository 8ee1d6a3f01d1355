/**
 * A gap that a connection did not survive: the process was frozen, or the network forgot it. The other connections that
 * were idle through it are taken for dead, too, so that a call does not find that out for one after the other.
 */
export class SilentGap {
  #before = Number.NEGATIVE_INFINITY;
  #foundAt = 0;

  /** @param before a connection that was last heard before this moment was idle through the gap. */
  foundSilent(before: number, now: number): void {
    this.#before = before;
    this.#foundAt = now;
  }

  covers(heardAt: number, now: number): boolean {
    // A clock that went back would condemn every connection until it has caught up.
    return heardAt < this.#before && now >= this.#foundAt;
  }
}
