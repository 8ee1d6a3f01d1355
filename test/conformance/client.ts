// The program that the suite's runner starts: `client.ts bare|static|srv` reads cases from stdin, makes each one's
// call, and writes what came of it to stdout, in whichever order the calls end.
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { createSrvFactory, createStatic } from "./balanced.ts";
import { createBare } from "./bare.ts";
import { frame, readFrames } from "./frames.ts";
import {
  type ClientCompatRequest,
  ClientCompatRequestSchema,
  type ClientCompatResponse,
  ClientCompatResponseSchema,
} from "./gen/connectrpc/conformance/v1/client_compat_pb.js";
import { invoke } from "./invoke.ts";
import type { SubjectFactory } from "./subject.ts";
import { wireOf } from "./wire.ts";

/** Enough to fill the waits of the cases about time, few enough that none of them is late for want of a CPU. */
const PARALLEL = 8;

const factories: Readonly<Record<string, () => SubjectFactory | Promise<SubjectFactory>>> = {
  bare: () => ({ create: createBare }),
  static: () => ({ create: createStatic }),
  srv: createSrvFactory,
};

const name = process.argv[2] ?? "";
const factory = await factories[name]?.();
if (factory === undefined) throw new Error(`usage: client.ts ${Object.keys(factories).join("|")}`);
const { create: createSubject } = factory;

const running = new Set<Promise<void>>();
for await (const message of readFrames(process.stdin)) {
  const request = fromBinary(ClientCompatRequestSchema, message);
  const answered = answer(request).then((response) => {
    process.stdout.write(frame(toBinary(ClientCompatResponseSchema, response)));
    running.delete(answered);
  });
  running.add(answered);
  if (running.size >= PARALLEL) await Promise.race(running);
}
await Promise.all(running);
await factory.close?.();

async function answer(request: ClientCompatRequest): Promise<ClientCompatResponse> {
  const { testName } = request;
  try {
    const subject = createSubject(request, wireOf(request));
    try {
      const response = await invoke(request, subject.transport);
      return create(ClientCompatResponseSchema, { testName, result: { case: "response", value: response } });
    } finally {
      subject.close();
    }
  } catch (error) {
    const result = {
      case: "error" as const,
      value: { message: error instanceof Error ? `${error.stack}` : `${error}` },
    };
    return create(ClientCompatResponseSchema, { testName, result });
  }
}
