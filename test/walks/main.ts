// npm run test:walks: how many of our files and functions a reader meets on the ways through the code, in their order.

import { entered } from "./coverage.ts";
import { filesInOrder, noteOrder } from "./order.ts";
import type { Lengths } from "./walks.ts";

// The clock stands still: after a gap, a call takes another way.
const now = Date.now();
Date.now = () => now;
noteOrder();
// Not before: it loads our modules.
const { walks } = await import("./walks.ts");

for (const { name, most, goal, prepare } of walks) {
  const { walk, end } = await prepare();
  await walk();
  const functions = await entered(walk);
  const ordered = await filesInOrder(walk);
  // A class whose fields alone run has no function that could note it.
  const files = [...new Set([...ordered, ...functions.map(({ file }) => file)])];
  await end();
  const calls = functions.reduce((sum, each) => sum + each.calls, 0);
  console.log(`\n${name}: ${files.length} files, ${functions.length} functions, ${calls} calls`);
  for (const file of files) {
    const here = functions.filter((each) => each.file === file);
    console.log(`  ${file}: ${here.map((each) => `${each.name || "(anonymous)"}${times(each.calls)}`).join(", ")}`);
  }
  const lengths: Lengths = { files: files.length, calls };
  for (const what of ["files", "calls"] as const) {
    const { [what]: aim = Number.POSITIVE_INFINITY } = goal;
    const { [what]: limit = Number.POSITIVE_INFINITY } = most;
    if (aim < Number.POSITIVE_INFINITY)
      console.log(`  goal: ${aim} ${what}, ${lengths[what] <= aim ? "met" : "not met"}`);
    if (lengths[what] <= limit) continue;
    console.log(`  too many ${what}: ${lengths[what]}, of at most ${limit}`);
    process.exitCode = 1;
  }
}
process.exit();

function times(calls: number): string {
  return calls === 1 ? "" : ` ×${calls}`;
}
