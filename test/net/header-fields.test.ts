import { describe, expect, test, vi } from "vitest";
import { checkedFields, headerFields } from "../../src/net/header-fields.ts";

// Every caller's headers come to what `Headers` makes of them; plain ones without it.

const text = (from: number, to: number) =>
  String.fromCharCode(...Array.from({ length: to - from + 1 }, (_, i) => from + i));

const headers: Record<string, unknown> = {
  "an object": { authorization: "Bearer abc", "x-two": "2" },
  "an object without a prototype": Object.assign(Object.create(null), { "x-a": "1" }),
  pairs: [
    ["x-a", "1"],
    ["x-b", "2"],
  ],
  "pairs of one name": [
    ["x-a", "1"],
    ["x-a", "2"],
  ],
  Headers: new Headers({ "x-a": "1" }),
  "a Map": new Map([["x-a", "1"]]),
  "an object that is iterable": {
    *[Symbol.iterator]() {
      yield ["x-a", "1"];
    },
  },
  "an object of a class": new (class {
    "x-a" = "1";
  })(),
  "names in capitals": { Authorization: "x", "X-A": "1" },
  "names that differ in case only": { "x-a": "1", "X-A": "2" },
  "every sign that a name may have": { "!#$%&'*+-.^_`|~09az": "1" },
  "a name from the prototype": { __proto__: null, constructor: "1", tostring: "2" },
  "every sign that a value may have": { "x-a": `a\t${text(0x20, 0x7e)}${text(0x80, 0xff)}` },
  "space at the ends of a value": { "x-a": " \t1\r\n " },
  "an empty value": { "x-a": "" },
  "values that are not text": { "x-a": 1, "x-b": undefined, "x-c": true, "x-d": ["1", "2"] },
  "no headers": {},
  "no pairs": [],
  "an empty name": { "": "1" },
  "a space in a name": { "x a": "1" },
  "a colon in a name": { ":path": "/" },
  "a letter that is not ASCII in a name": { "x-ä": "1" },
  "a line end in a value": { "x-a": "1\r\nx-b: 2" },
  "a NUL in a value": { "x-a": "1\u0000" },
  "a value beyond Latin-1": { "x-a": "€" },
  "a pair of three": [["x-a", "1", "2"]],
  "a pair of one": [["x-a"]],
  "a text in place of a pair": ["xa"],
  "a symbol as a value": { "x-a": Symbol("1") },
  "a text": "x-a: 1",
  "a number": 1,
  null: null,
};

/** What `Headers` makes of it; "refused" if it throws. */
function reference(header: unknown): unknown {
  try {
    return Object.fromEntries(new Headers(header as HeadersInit));
  } catch {
    return "refused";
  }
}

function ours(header: unknown): unknown {
  try {
    return { ...headerFields(header as HeadersInit) };
  } catch {
    return "refused";
  }
}

test.each(Object.entries(headers))("%s: as Headers", (_, header) => {
  expect(ours(header)).toEqual(reference(header));
});

test("each character, in a name and in a value: as Headers", () => {
  for (let code = 0; code < 0x180; code++) {
    const sign = String.fromCharCode(code);
    for (const header of [{ [`x${sign}y`]: "1" }, { x: `a${sign}b` }, { x: sign }]) {
      expect(ours(header), `character ${code}`).toEqual(reference(header));
    }
  }
});

describe("Headers is not touched", () => {
  test.each(["an object", "pairs", "an object without a prototype", "an empty value", "no headers"])(
    "for %s",
    (name) => {
      const spy = vi.fn();
      vi.stubGlobal("Headers", spy);
      try {
        headerFields(headers[name] as HeadersInit);
        checkedFields(headerFields(headers[name] as HeadersInit));
      } finally {
        vi.unstubAllGlobals();
      }
      expect(spy).not.toHaveBeenCalled();
    },
  );
});

test("what was checked is what is sent: a value that changes afterwards is not", () => {
  let reads = 0;
  const changing = {
    get "x-a"() {
      return reads++ === 0 ? "1" : "1\r\nx-b: 2";
    },
  };
  const fields = headerFields(changing);
  expect(fields["x-a"]).toBe("1");
  expect(checkedFields(fields)["x-a"]).toBe("1");
});

test("a long value is checked in time proportional to its length", () => {
  const spaces = `a${" ".repeat(200_000)}`;
  expect(headerFields({ "x-a": spaces })["x-a"]).toBe("a");
});
