import type { ResolveContext } from "../discovery/resolver.ts";
import type { AddressAnswer, AddressRecord } from "../dns/dns-client.ts";
import { OVER } from "../runtime.ts";
import { SLOW_MS } from "./look-up-hosts.ts";

// An additional section may hold the addresses of one family only: because the target has no others, because there was
// no room for them, or because a server only looks into one place (RFC 2782 promises nothing).

/** A target's look-up, together with what was known of it before. That alone, where the look-up brings nothing in time. */
export async function completed(
  given: readonly AddressRecord[],
  lookingUp: Promise<AddressAnswer>,
  { sleep }: ResolveContext,
): Promise<AddressAnswer> {
  if (given.length === 0) return lookingUp;
  const known = { kind: "records", records: given } as const;
  const found = new AbortController();
  const late = sleep(SLOW_MS, found.signal).then(
    () => known,
    () => known,
  );
  try {
    const answer = await Promise.race([lookingUp.catch(() => known), late]);
    return answer.kind === "records" ? { kind: "records", records: distinct([...answer.records, ...given]) } : known;
  } finally {
    found.abort(OVER);
  }
}

function distinct(records: readonly AddressRecord[]): readonly AddressRecord[] {
  const byAddress = new Map<string, AddressRecord>();
  for (const record of records) if (!byAddress.has(record.address)) byAddress.set(record.address, record);
  return [...byAddress.values()];
}
