import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type DemoDnsServer, startDnsServer } from "../../examples/demo/dns-server.ts";
import { endAll } from "../../examples/demo/fleet.ts";
import { type Bundles, bundle } from "../../examples/lambda/bundle.ts";
import { lambdaVariables } from "../../examples/lambda/environment.ts";
import { startFunction } from "../../examples/lambda/function.ts";
import { buffered, deadline, managedInstance, serverError, streaming } from "../../examples/lambda/scenarios.ts";
import { play, type Scenario } from "../../examples/lambda/stage.ts";

const folder = mkdtempSync(join(tmpdir(), "connect-lb-lambda-"));
let bundles: Bundles;
let dns: DemoDnsServer;

beforeAll(async () => {
  bundles = await bundle(folder, false);
  dns = await startDnsServer();
  mkdirSync(`${folder}/probe`);
  writeFileSync(
    `${folder}/probe/index.mjs`,
    `export async function handler({ takesMs }) {
      await new Promise((resolve) => setTimeout(resolve, takesMs));
      return Object.keys(process.env);
    }`,
  );
});

afterAll(async () => {
  endAll();
  await dns.close();
  rmSync(folder, { recursive: true });
});

describe("the Lambda example, in short", { concurrent: true, timeout: 30_000 }, () => {
  it.each<[string, (bundles: Bundles) => Scenario, { freezes: number }]>([
    ["buffered, ES module", (bundles) => buffered(bundles, "esm", 2), { freezes: 2 }],
    ["streaming", (bundles) => streaming(bundles, 1), { freezes: 1 }],
    ["managed instance", managedInstance, { freezes: 0 }],
  ])("%s: keeps its promises", async (_, scenario, expected) => {
    const report = await play({ dns, bundles }, scenario(bundles));
    expect(report).toMatchObject({ ...expected, failed: 0, problems: [] });
    expect(report.invocations).toBeGreaterThan(0);
  });
});

it("warms up in the init phase of an ES module", { timeout: 30_000 }, async () => {
  await play(
    { dns, bundles },
    {
      title: "no event",
      name: "warm",
      taskRoot: bundles.esm,
      async play({ lambda }) {
        await expect.poll(() => lambda.log).toContain('msg="connect-lb: resolved"');
        return { remark: "", problems: [] };
      },
    },
  );
});

describe("the Lambda example, alone because it measures time", { timeout: 30_000 }, () => {
  it.each([
    ["deadline", deadline],
    ["error of the server's", serverError],
  ])("%s: is told in time, and the function goes on", async (_, scenario) => {
    expect(await play({ dns, bundles }, scenario(bundles))).toMatchObject({ failed: 0, problems: [] });
  });
});

describe("its Lambda", () => {
  const probe = (timeoutMs: number) =>
    startFunction({ ...probeFunction(), runtime: bundles.runtime, timeoutMs, nodeFlags: [] });
  const probeFunction = () => ({
    name: "probe",
    taskRoot: `${folder}/probe`,
    handler: "index.handler",
    variables: { CONNECT_LB_TARGET: "static:///127.0.0.1:1" },
  });
  const stateOf = (pid: number) => /^State:\t(\w)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];

  it("sets the variables of a real environment, and nothing else", async () => {
    await using lambda = await probe(5_000);
    const { body } = await lambda.invoke({ takesMs: 0 });
    const expected = ["_X_AMZN_TRACE_ID", ...Object.keys(lambdaVariables(probeFunction(), ""))];
    expect((JSON.parse(body) as string[]).sort()).toEqual(expected.sort());
    expect(expected).not.toContain("HOME");
  });

  it("really stops the process, and goes on with the next event", async () => {
    await using lambda = await probe(5_000);
    await lambda.freeze();
    await expect.poll(() => stateOf(lambda.pid)).toBe("T");
    expect(await lambda.invoke({ takesMs: 0 })).toMatchObject({ failed: false });
    expect(stateOf(lambda.pid)).not.toBe("T");
  });

  it("ends a function that is not done in time", async () => {
    await using lambda = await probe(300);
    await expect(lambda.invoke({ takesMs: 60_000 })).rejects.toThrow("the function's process ended (SIGKILL)");
  });

  it("tells of a forgotten target in the init phase", async () => {
    const forgetful = { name: "forgetful", taskRoot: bundles.cjs, handler: "index.handler", variables: {} };
    await expect(startFunction({ ...forgetful, runtime: bundles.runtime, timeoutMs: 5_000 })).rejects.toThrow(
      /init phase failed.*CONNECT_LB_TARGET/,
    );
  });
});
