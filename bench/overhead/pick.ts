import { createContextValues } from "@connectrpc/connect";
import { Pool } from "../../src/endpoints/pool.ts";
import { powerOfTwoChoices } from "../../src/pickers/p2c.ts";
import { EchoService } from "../../test/support/gen/echo_pb.ts";
import { median } from "../statistics.ts";

/** A pick with its bookkeeping: from the pool's view to the slot that is given back, with the breaker's counts. In ns. */
export function pickCost(endpoints: number): number {
  const pool = new Pool({
    picker: powerOfTwoChoices,
    breaker: { consecutiveFailures: 3, failureRatio: 0.5, minCalls: 10 },
    verifiedName: () => "users.test",
    random: Math.random,
  });
  const specs = Array.from({ length: endpoints }, (_, i) => ({
    address: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`,
    port: 8080,
  }));
  pool.update(specs, Date.now());
  const call = { method: EchoService.method.get, contextValues: createContextValues(), attempt: 1 };
  const once = () => {
    const now = Date.now();
    const record = pool.pick(now, call);
    const ticket = record.breaker?.start(now);
    record.inFlight++;
    record.end();
    if (ticket !== undefined) record.breaker?.succeeded(ticket, now);
  };
  const rounds: number[] = [];
  for (let round = 0; round < 15; round++) {
    const start = process.hrtime.bigint();
    for (let i = 0; i < 100_000; i++) once();
    rounds.push(Number(process.hrtime.bigint() - start) / 100_000);
  }
  return median(rounds.slice(5));
}
