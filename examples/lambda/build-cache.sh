#!/bin/sh
# Run in the folder that is deployed, with the function's variables: docs/lambda.md has the reasons.
export NODE_COMPILE_CACHE=compile-cache NODE_COMPILE_CACHE_PORTABLE=1
node --expose-gc --input-type=module --eval '
  const { handler } = await import("./index.mjs");
  await handler({ userId: "42" }, { getRemainingTimeInMillis: () => 3_000 }).catch(console.warn);
'
chmod -R a+rX,a-w compile-cache
