/** More reasons than these say nothing new. */
const SHOWN = 3;

/** Why records were left out, in one text: a reason for each, the same ones once, in an order that does not change. */
export function whyDropped(reasons: readonly string[]): string {
  const distinct = [...new Set(reasons)].sort();
  const more = distinct.length - SHOWN;
  return `${distinct.slice(0, SHOWN).join("; ")}${more > 0 ? `; and ${more} more` : ""}`;
}

/** A look-up whose records all had to be dropped has failed: it is not an empty answer, so the last one goes on serving. */
export function nothingLeft(reasons: readonly string[]): string {
  const reason = `no record of the answer can be used: ${whyDropped(reasons)}`;
  return reason;
}
