// Runs a snippet of the documentation in a process of its own, and its handler if it exports one, as Lambda would.
const snippet: { handler?: () => Promise<unknown> } = await import(process.argv[2] as string);
if (snippet.handler !== undefined) console.log(JSON.stringify(await snippet.handler()));
