import type { DemoDnsServer } from "../demo/dns-server.ts";
import type { Bundles } from "./bundle.ts";
import type { FunctionDescription } from "./environment.ts";
import { type LambdaFunction, startFunction } from "./function.ts";
import type { Report } from "./report.ts";
import { type Answer, errorOf } from "./runtime-api.ts";
import { startUsers, type Users } from "./users.ts";

/** What all scenarios share. */
export interface Stage {
  readonly dns: DemoDnsServer;
  readonly bundles: Bundles;
}

export interface Scenario {
  readonly title: string;
  /** Of the function, and of the servers that it calls. */
  readonly name: string;
  readonly taskRoot: string;
  readonly nodeFlags?: readonly string[];
  readonly managed?: NonNullable<FunctionDescription["managed"]>;
  readonly timeoutMs?: number;
  play(actors: Actors): Promise<Outcome>;
}

/** What a scenario's play has to work with. */
export interface Actors {
  readonly users: Users;
  readonly lambda: LambdaFunction;
  /** Invokes, and expects an answer that is right. */
  expectAnswer(event: unknown, isRight: (answer: Answer) => boolean): Promise<void>;
  /** Freezes for at least so long, while something happens elsewhere. */
  freezeDuring(ms: number, happening?: () => Promise<void>): Promise<void>;
}

interface Outcome {
  readonly remark: string;
  readonly problems: readonly string[];
}

const SERVERS = 2;
const TIMEOUT_MS = 10_000;

/** Plays a scenario on a function and servers of its own. */
export async function play(stage: Stage, scenario: Scenario): Promise<Report> {
  const users = await startUsers(stage.dns, scenario.name, SERVERS, stage.bundles.server);
  await using lambda = await startFunction({
    timeoutMs: TIMEOUT_MS,
    ...scenario,
    runtime: stage.bundles.runtime,
    handler: "index.handler",
    // All there is to configure. Without the last two, TTLs below 5 s are raised, and nothing is logged.
    variables: {
      CONNECT_LB_TARGET: users.target,
      CONNECT_LB_TLS: "false",
      CONNECT_LB_DNS_MIN_TTL: "1s",
      CONNECT_LB_LOG: "debug",
    },
  });
  const latenciesMs: number[] = [];
  const wrong: string[] = [];
  let freezes = 0;
  let frozenMs = 0;
  const { remark, problems } = await scenario.play({
    users,
    lambda,
    async expectAnswer(event, isRight) {
      const answer = await lambda.invoke(event);
      latenciesMs.push(answer.partsMs.at(-1) ?? 0);
      if (answer.failed) wrong.push(errorOf(answer));
      else if (!isRight(answer)) wrong.push(answer.body);
    },
    async freezeDuring(ms, happening) {
      await lambda.freeze();
      const frozenAt = performance.now();
      await Promise.all([new Promise((resolve) => setTimeout(resolve, ms)), happening?.()]);
      freezes += 1;
      frozenMs += performance.now() - frozenAt;
    },
  });
  return {
    title: scenario.title,
    invocations: latenciesMs.length,
    failed: wrong.length,
    freezes,
    frozenMs,
    replaced: users.replaced,
    retries: lambda.log.split('msg="connect-lb: retry"').length - 1,
    latenciesMs,
    remark,
    problems: [...wrong.map((what) => `an idempotent call failed: ${what}`), ...problems],
  };
}
