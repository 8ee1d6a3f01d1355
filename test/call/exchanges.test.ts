import { expect, onTestFinished, test } from "vitest";
import { expectNone } from "../support/expect-none.ts";
import { sample } from "../support/sample.ts";
import { failuresOf, groups } from "./exchanges.ts";

// Every way in which an exchange with a server breaks: a method that may not be repeated is executed once, no call
// hangs, none fails that could be known unsent, and each ends by itself: with its own answer, or with an error.

/** Of each group. `npm run test:exchanges` runs all. */
const CASES = Number(process.env.EXCHANGES ?? 250);

const all = groups();
const sampled = all.map(({ name, trials }) => ({ name, trials: sample(trials, CASES) }));

test("there are more than 50,000 broken exchanges", () => {
  expect(all.reduce((sum, { trials }) => sum + trials.length, 0)).toBeGreaterThan(50_000);
});

test.each(sampled)("$name ($trials.length cases)", { timeout: 60_000 + CASES * 50 }, async ({ trials }) => {
  const failures: string[] = [];
  const onUncaught = (error: unknown): void => void failures.push(`uncaught: ${error}`);
  process.on("uncaughtException", onUncaught).on("unhandledRejection", onUncaught);
  onTestFinished(() => void process.off("uncaughtException", onUncaught).off("unhandledRejection", onUncaught));
  failures.push(...(await failuresOf(trials)));
  expectNone(failures);
});
