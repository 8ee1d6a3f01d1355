// The same function by connect-lb, warmed up in the init phase (docs/lambda.md).
import { transport } from "./balanced.ts";
import { initEnds } from "./phases.ts";

export { handler } from "./balanced.ts";

await transport.warmUp({ signal: AbortSignal.timeout(2_000) }).catch(console.warn);
initEnds();
