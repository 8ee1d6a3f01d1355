import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { quotes } from "./quotes.ts";
import { pages, root } from "./repository.ts";
import { tablesOf } from "./results.ts";

const read = (page: string) => readFileSync(root + page, "utf8");

describe("the figures that pages quote", () => {
  it.each(quotes)(
    "are those of bench/$bench/RESULTS.md: $page, $passage.source",
    ({ page, bench, passage, figures }) => {
      expect(passage.exec(read(page))?.slice(1)).toEqual(figures(tablesOf(bench)));
    },
  );

  it.each(pages)("have a check wherever %s links to results", (page) => {
    const linked = [...read(page).matchAll(/\/bench\/(\w+)\/RESULTS\.md/g)].map(([, bench]) => bench);
    const checked = quotes.filter((quote) => quote.page === page).map(({ bench }) => bench);
    expect(linked.filter((bench) => !checked.includes(bench as string))).toEqual([]);
  });
});
