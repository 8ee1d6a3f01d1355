import { powerOfTwoChoices } from "./p2c.ts";
import type { Candidate, PickerFactory } from "./picker.ts";

/**
 * A user's picker that cannot fail a call: where the factory or a pick throws, or a pick is none of the candidates,
 * power of two choices decides.
 */
export function guardedPicker(factory: PickerFactory): PickerFactory {
  return (candidates, previous, random) => {
    const fallback = powerOfTwoChoices(candidates, undefined, random);
    const members = new Set<Candidate>(candidates);
    const inner = attempt(() => factory(candidates, innerPickers.get(previous as object), random));
    const picker = {
      pick: (now: number, call: Parameters<typeof fallback.pick>[1]) => {
        const picked = attempt(() => inner?.pick(now, call));
        return picked !== undefined && members.has(picked) ? picked : fallback.pick(now, call);
      },
    };
    if (inner !== undefined) innerPickers.set(picker, inner);
    return picker;
  };
}

/** The user's own picker behind each guarded one: `previous` must be what the user's factory made. */
const innerPickers = new WeakMap<object, ReturnType<PickerFactory>>();

function attempt<T>(fn: () => T): T | undefined {
  try {
    return fn();
  } catch {
    return undefined;
  }
}
