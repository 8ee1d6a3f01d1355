import type { Answers } from "../discovery/failover.ts";
import type { Pool } from "../pool/pool.ts";

/**
 * Closes the connections of a transport that nobody can call any more. Nobody needs to close a transport, so one that is
 * made for each request and forgotten would otherwise keep its connections until the process ends.
 */
const dropped = new FinalizationRegistry<() => void>((close) => close());

/** @param owner what every user of the transport, and every call of it, holds; and nothing that `close` needs. */
export function closeWhenDropped(owner: object, directory: Answers, pool: Pool): void {
  dropped.register(owner, () => {
    directory.close();
    pool.close();
  });
}
