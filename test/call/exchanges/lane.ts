import { startRawHttp1 } from "../../support/raw-http1.ts";
import { startRawHttp2 } from "../../support/raw-http2.ts";
import type { Lane } from "./trial.ts";

export async function openLane(): Promise<Lane> {
  const http2 = await Promise.all([startRawHttp2(), startRawHttp2()]);
  const http1 = await Promise.all([startRawHttp1(), startRawHttp1()]);
  return {
    http2,
    http1,
    [Symbol.dispose]() {
      for (const server of [...http2, ...http1]) server[Symbol.dispose]();
    },
  };
}
