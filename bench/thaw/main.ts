// npm run bench:thaw: the first call after a freeze, of this library and of its peers.
import { readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { endAll } from "../../examples/demo/fleet.ts";
import { inParallel } from "../../test/support/in-parallel.ts";
import { allCells, nameOf } from "../../test/thaw/cells.ts";
import { bundlePrograms, type SubjectName, subjects } from "../../test/thaw/subjects.ts";
import { runTrial } from "../../test/thaw/trial.ts";
import { shuffled } from "../statistics.ts";
import { preamble, report } from "./report.ts";
import { type Place, Trials } from "./trials.ts";

const ROUNDS = 6;
const WIDTH = 48;

for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(1));

const { devDependencies } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
  devDependencies: Record<string, string>;
};
const cells = allCells();
const names = Object.keys(subjects) as SubjectName[];
const places: Place[] = names.flatMap((subject) =>
  cells
    .filter(({ wire }) => (subjects[subject].wires as readonly string[]).includes(wire))
    .map((cell) => ({ subject, cell })),
);
const trials = new Trials(new URL("trials.jsonl", import.meta.url));
const programs = await bundlePrograms();
process.on("exit", () => {
  endAll();
  programs[Symbol.dispose]();
});

for (let round = 1; round <= ROUNDS; round++) {
  const due = shuffled(places.filter((place) => trials.of(place).length < round));
  // The longest first, or all others would wait for them at the end.
  due.sort((a, b) => Number(b.cell.freeze === "defaults") - Number(a.cell.freeze === "defaults"));
  const startedAt = performance.now();
  await inParallel(due, WIDTH, async (place) => {
    try {
      trials.add(place, await runTrial(programs.subject(place.subject), place.cell));
    } catch (error) {
      console.error(`${place.subject}, ${nameOf(place.cell)}: ${error instanceof Error ? error.message : error}`);
    }
  });
  console.log(`round ${round}: ${due.length} trials in ${((performance.now() - startedAt) / 1_000).toFixed(0)} s`);
  const { lines, problems } = report(cells, trials);
  const machine = [
    `Node ${process.version}, connect-node ${devDependencies["@connectrpc/connect-node"]}, grpc-js ${devDependencies["@grpc/grpc-js"]}`,
    `${cpus().length} × ${cpus()[0]?.model ?? "unknown CPU"}, ${new Date().toISOString().slice(0, 10)}; ${round} of ${ROUNDS} rounds.`,
  ];
  writeFileSync(
    new URL("RESULTS.md", import.meta.url),
    `${[...preamble(), machine.join(", "), "", ...lines].join("\n")}\n`,
  );
  for (const problem of problems) console.log(`connect-lb: ${problem}`);
}
