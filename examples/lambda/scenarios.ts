import type { Bundles } from "./bundle.ts";
import { type Answer, errorOf } from "./runtime-api.ts";
import type { Actors, Scenario } from "./stage.ts";
import { TTL_SECONDS } from "./users.ts";

const USER_ID = "42";

/** Within the answer's TTL of 1 s, beyond it, and beyond twice that, where it is not used without asking any more. */
const FREEZES_MS = [200, 1_100, 200, 2_200, 200];

/** Buffered responses, from a bundle of either kind. */
export function buffered(bundles: Bundles, kind: "esm" | "cjs", invocations: number): Scenario {
  return {
    title: kind === "esm" ? "buffered, ES module" : "buffered, CommonJS",
    name: kind,
    taskRoot: bundles[kind],
    // The runtimes of Node 20 and 22 have these flags: a CommonJS bundle must not need what they take away.
    nodeFlags: kind === "cjs" ? ["--no-experimental-require-module", "--no-experimental-detect-module"] : [],
    async play(actors) {
      for (let i = 0; i < invocations; i++) {
        await freezeWithReplacement(actors, i);
        await actors.expectAnswer({ userId: USER_ID }, isAda);
      }
      return { remark: "", problems: [] };
    },
  };
}

/** Lambda's response streaming: each line is sent when it is known. */
export function streaming(bundles: Bundles, invocations: number): Scenario {
  const userIds = ["1", "2", "3"];
  return {
    title: "response streaming",
    name: "streaming",
    taskRoot: bundles.streaming,
    async play(actors) {
      const aheadMs: number[] = [];
      actors.users.setServiceTime(30);
      for (let i = 0; i < invocations; i++) {
        await freezeWithReplacement(actors, i);
        await actors.expectAnswer({ userIds }, ({ body, partsMs }) => {
          aheadMs.push((partsMs.at(-1) as number) - (partsMs[0] as number));
          return body.trim().split("\n").every(isLineOfAda) && body.trim().split("\n").length === userIds.length;
        });
      }
      const least = Math.min(...aheadMs);
      return {
        remark: `first line at least ${least.toFixed(0)} ms before the last`,
        problems: least > 0 ? [] : ["a response was not streamed, but sent as a whole"],
      };
    },
  };
}

/** A managed instance: never frozen, several invocations at once, on threads that have transports of their own. */
export function managedInstance(bundles: Bundles): Scenario {
  const managed = { maxConcurrency: 8, threads: 2 };
  return {
    title: `managed instance, ${managed.maxConcurrency} at once`,
    name: "managed",
    taskRoot: bundles.esm,
    managed,
    async play({ users, lambda, expectAnswer }) {
      let replacing = true;
      users.setServiceTime(50);
      const worker = async () => {
        while (replacing) await expectAnswer({ userId: USER_ID }, isAda);
      };
      const workers = Promise.all(Array.from({ length: managed.maxConcurrency }, worker));
      await users.replaceOne();
      // Servers must outlive the answers that name them; to a frozen function they may not seem to.
      await users.replaceAll(1_500 * TTL_SECONDS);
      replacing = false;
      await workers;
      return {
        remark: `${lambda.runtimes} threads`,
        problems: lambda.runtimes === managed.threads ? [] : [`${lambda.runtimes} threads asked for events`],
      };
    },
  };
}

/** A call that takes longer than the invocation may. */
export function deadline(bundles: Bundles): Scenario {
  const timeoutMs = 1_500;
  return {
    title: "deadline",
    name: "deadline",
    taskRoot: bundles.esm,
    timeoutMs,
    async play({ users, lambda, expectAnswer }) {
      await expectAnswer({ userId: USER_ID }, isAda);
      users.setServiceTime(60_000);
      const answer = await lambda.invoke({ userId: USER_ID });
      const spareMs = timeoutMs - (answer.partsMs[0] as number);
      users.setServiceTime(0);
      await expectAnswer({ userId: USER_ID }, isAda);
      const clear = errorOf(answer) === "[deadline_exceeded] the operation timed out";
      return {
        remark: `${errorOf(answer)}, ${spareMs.toFixed(0)} ms before the limit of ${timeoutMs} ms`,
        problems: clear ? [] : [`a call beyond the deadline was answered by ${answer.body}`],
      };
    },
  };
}

/** An error of the server's is the caller's to handle. */
export function serverError(bundles: Bundles): Scenario {
  return {
    title: "error of the server's",
    name: "error",
    taskRoot: bundles.cjs,
    async play({ lambda, expectAnswer }) {
      const answer = await lambda.invoke({ userId: "" });
      await expectAnswer({ userId: USER_ID }, isAda);
      const clear = errorOf(answer) === "[invalid_argument] user_id is missing";
      return { remark: errorOf(answer), problems: clear ? [] : [`the server's error arrived as ${answer.body}`] };
    },
  };
}

/** Every freeze but each third replaces servers: all of them, or one. Each length meets each kind. */
function freezeWithReplacement({ users, freezeDuring }: Actors, i: number): Promise<void> {
  const happening = [() => users.replaceAll(), () => users.replaceOne(), undefined][i % 3];
  return freezeDuring(FREEZES_MS[i % FREEZES_MS.length] as number, happening);
}

function isAda({ body }: Answer): boolean {
  return isLineOfAda(body);
}

function isLineOfAda(line: string): boolean {
  return (JSON.parse(line) as { name?: string }).name === "Ada";
}
