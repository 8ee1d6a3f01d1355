import { setImmediate } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** A full garbage collection, and the turns of the event loop in which finalizers run. */
export async function collectGarbage(): Promise<void> {
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc") as () => void;
  // What an async function awaits is held by its frame for a turn longer.
  for (let turn = 0; turn < 3; turn++) {
    await setImmediate();
    gc();
  }
  await setImmediate();
}
