// An ES module can make the init phase wait, which CommonJS cannot: an environment that is frozen right after it (with
// provisioned concurrency, for instance) then has its connections.
import { warm } from "./handler.ts";

export { handler } from "./handler.ts";

await warm;
