import { powerOfTwoChoices } from "./p2c.ts";
import type { Candidate, Picker, PickerFactory } from "./picker.ts";

/**
 * A user's picker that cannot fail a call: where the factory or a pick throws, or a pick is none of the candidates,
 * power of two choices decides.
 *
 * @param onFailed called with each failure.
 */
export function safePicker(factory: PickerFactory, onFailed: (error: unknown) => void): PickerFactory {
  return (candidates, previous, random) => {
    const fallback = powerOfTwoChoices(candidates, undefined, random);
    const members = new Set<Candidate>(candidates);
    // A copy: a factory may sort it, or take from it.
    const inner = attempt(() => usable(factory([...candidates], innerPickers.get(previous as object), random)));
    const picker = {
      pick: (now: number, call: Parameters<typeof fallback.pick>[1]) => {
        const picked = inner && attempt(() => memberOf(members, inner.pick(now, call)));
        return picked ?? fallback.pick(now, call);
      },
    };
    if (inner !== undefined) innerPickers.set(picker, inner);
    return picker;
  };

  function attempt<T>(fn: () => T): T | undefined {
    try {
      return fn();
    } catch (error) {
      onFailed(error);
      return undefined;
    }
  }
}

/** The user's own picker behind each guarded one: `previous` must be what the user's factory made. */
const innerPickers = new WeakMap<object, ReturnType<PickerFactory>>();

function usable(picker: Picker): Picker {
  if (typeof Object(picker).pick === "function") return picker;
  throw new TypeError("the picker factory must return an object with pick()");
}

function memberOf(candidates: ReadonlySet<Candidate>, picked: Candidate): Candidate {
  if (candidates.has(picked)) return picked;
  throw new TypeError("pick() must return one of the candidates that the factory was given");
}
