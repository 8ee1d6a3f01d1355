// An ES module can make the init phase wait, which CommonJS cannot: the first event then finds the connections made.
import { warm } from "./handler.ts";

export { handler } from "./handler.ts";

await warm;
