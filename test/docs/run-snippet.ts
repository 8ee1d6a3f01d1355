// Runs a snippet of the documentation in a process of its own, and its handler if it exports one, as Lambda would.
const snippet: { handler?: (event: object, context: object) => Promise<unknown> } = await import(
  process.argv[2] as string
);
const context = { getRemainingTimeInMillis: () => 3_000 };
if (snippet.handler !== undefined) console.log(JSON.stringify(await snippet.handler({ userId: "42" }, context)));
