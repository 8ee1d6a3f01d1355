// The heap that a call allocates, in a process whose young generation is never collected meanwhile (main.ts).
import { keepBusy } from "../interleaved.ts";
import { median } from "../statistics.ts";
import { balanced, connectNode, grpcJs, rawHttp2 } from "./subjects.ts";

const WARM_UP = 3_000;
const CALLS = 2_000;
const ROUNDS = 9;

const { gc } = globalThis;
if (gc === undefined) throw new Error("needs --expose-gc");
const [ports, inFlight] = JSON.parse(process.argv[2] ?? "") as [number[], number];
const variant = { name: "message only" };
const kilobytes: Record<string, number> = {};
for (const subject of [
  grpcJs(ports, variant),
  connectNode("connect", ports, variant),
  balanced("connect", ports, variant),
  balanced("grpc", ports, variant),
  rawHttp2(ports),
]) {
  await keepBusy(WARM_UP, inFlight, subject.call);
  const rounds: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    gc();
    const before = process.memoryUsage().heapUsed;
    await keepBusy(CALLS, inFlight, subject.call);
    rounds.push((process.memoryUsage().heapUsed - before) / CALLS / 1_000);
  }
  kilobytes[subject.name] = median(rounds);
  subject.close();
}
console.log(JSON.stringify(kilobytes));
