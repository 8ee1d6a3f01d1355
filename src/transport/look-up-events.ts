import type { Answer, LookUpFact } from "../discovery/answer-cache.ts";
import { whyDropped } from "../discovery/dropped.ts";
import type { EndedLookUp } from "../discovery/look-up.ts";
import type { Reconciled } from "../endpoints/reconcile.ts";
import type { Emitter } from "../telemetry/emitter.ts";
import type { EventBody } from "../telemetry/events.ts";

/** Emits what the look-ups of one target came to. */
export function lookUpEvents(emit: Emitter["emit"], isFallback: boolean) {
  const source = isFallback ? ({ fallback: true } as const) : {};
  const cleartextServers = new Set<string>();
  let lastDropped = "";
  return (fact: LookUpFact, { reason, durationMs, servers }: EndedLookUp): void => {
    emit({ type: "looked-up", reason, result: resultOf(fact), durationMs, servers, ...source });
    for (const server of fact.kind === "answered" ? fact.cleartextTokens : []) {
      if (cleartextServers.has(server)) continue;
      cleartextServers.add(server);
      emit({ type: "token-in-cleartext", server, ...source });
    }
    if (fact.kind === "failed") {
      emit({ type: "resolve-failed", error: fact.error, stale: fact.stale, ...source });
    } else if (fact.kind === "unconfirmed") {
      emit({ type: "unconfirmed-empty", reason: fact.reason, ...source });
    } else if (fact.answer.endpoints.length === 0) {
      emit({ type: "empty", reason: fact.answer.reason ?? "", ...source });
    } else {
      // A registry may list the same useless record for weeks: only another reason is emitted again.
      const reason = fact.dropped.length === 0 ? "" : whyDropped(fact.dropped);
      if (reason !== "" && reason !== lastDropped) {
        emit({ type: "records-dropped", dropped: fact.dropped.length, reason, ...source });
      }
      lastDropped = reason;
    }
  };
}

function resultOf(fact: LookUpFact): "endpoints" | "empty" | "failed" {
  if (fact.kind === "failed") return "failed";
  return fact.kind === "answered" && fact.answer.endpoints.length > 0 ? "endpoints" : "empty";
}

/** An answer changed the endpoints. */
export function resolvedEvent({ ttlMs, endpoints }: Answer, { added, removed }: Reconciled): EventBody {
  return {
    type: "resolved",
    endpoints: endpoints.length,
    ttlMs,
    added: added.map(({ endpoint }) => endpoint),
    removed: removed.map(({ endpoint }) => endpoint),
  };
}
