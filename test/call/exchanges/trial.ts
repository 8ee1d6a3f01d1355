import { type Client, Code, ConnectError, createClient } from "@connectrpc/connect";
import { type BalancedTransport, createBalancedTransport } from "../../../src/node.ts";
import { EchoService } from "../../support/gen/echo_pb.ts";
import type { RawHttp1Server } from "../../support/raw-http1.ts";
import type { RawHttp2Server } from "../../support/raw-http2.ts";
import { type AnswerKind, SERVER_NAME, WIRE_ERROR, type WireProtocol } from "../../support/wire-answers.ts";
import { type Settled, settled, turns } from "./settled.ts";

/** One call whose first exchange with a server breaks, and what may become of it. */
export interface Trial {
  readonly name: string;
  /** What breaks it, roughly. */
  readonly group: string;
  readonly protocol: WireProtocol;
  readonly httpVersion: "2" | "1.1";
  /** `get` may be retried, `post` must not. */
  readonly method: "get" | "post";
  readonly answer: AnswerKind;
  readonly setting: Setting;
  readonly fate: Fate;
  /** `get` too is sent once: another server would say the same. */
  readonly once: boolean;
  /** The next call finds a server that answers. */
  readonly goesOn: boolean;
  stage(lane: Lane): Stage;
}

export interface Setting {
  /** Two: each exchange with the first breaks, none with the second. One: only the first exchange with it breaks. */
  readonly servers: 1 | 2;
  /** The connection has had an exchange. */
  readonly warm: boolean;
  /** What was sent before reaches the client some turns before the event does. */
  readonly apart: boolean;
}

export type Fate =
  /** The answer is complete: it is the call's, as it is. */
  | "whole"
  /** It is known that the request was not processed: any method succeeds on another connection. */
  | "unprocessed"
  /** The server accepts and says nothing: another one is tried. */
  | "unconnected"
  /** Lost before an answer began: what may be retried succeeds. */
  | "ambiguous"
  /** Silent: the call ends by its deadline. */
  | "deadline"
  /** The call ends somehow. */
  | "open";

/** Two raw servers; a trial says of which kind. */
export interface Lane extends Disposable {
  readonly http2: readonly [faulty: RawHttp2Server, good: RawHttp2Server];
  readonly http1: readonly [faulty: RawHttp1Server, good: RawHttp1Server];
}

/** What a trial does with the servers. */
export interface Stage {
  readonly ports: readonly [faulty: number, good: number];
  /** Both answer, over new connections. */
  reset(): void;
  /** From now on the faulty one breaks. */
  begin(): Promise<void>;
  /** Both answer. */
  heal(): void;
  /** Since then, at both. */
  requests(): readonly { readonly complete: boolean; readonly disowned: boolean }[];
}

const DEADLINE_MS = 100;
/** How long a server without a word is waited for while another one is untried. */
const CONNECT_MS = 100;
/** More than a call needs that is not held up, on a machine that is busy with other tests. */
const PROMPT_MS = 3_000;

/** Resolves to what is wrong with the end of the trial's call; empty if nothing is. */
export async function run(trial: Trial, lane: Lane): Promise<string[]> {
  const { protocol, httpVersion, method, setting, fate } = trial;
  const stage = trial.stage(lane);
  stage.reset();
  const transport = createBalancedTransport({
    target: `static:///${stage.ports
      .slice(0, setting.servers)
      .map((port) => `127.0.0.1:${port}`)
      .join(",")}`,
    protocol,
    httpVersion,
    tls: false,
    // The faulty server is the first one.
    picker: (candidates) => ({ pick: () => candidates[0] as (typeof candidates)[number] }),
    retry: { baseDelayMs: 1, maxDelayMs: 2 },
    ...(fate === "unconnected" && { connectTimeoutMs: CONNECT_MS }),
  });
  const client = createClient(EchoService, transport);
  if (setting.warm) await client.get({ text: "warm-up" });
  await stage.begin();
  const isTimed = fate === "deadline";
  const end = await settled(
    client[method]({ text: trial.name }, isTimed ? { timeoutMs: DEADLINE_MS } : {}),
    isTimed ? DEADLINE_MS + 500 : PROMPT_MS,
  );
  const problems = [...wrongEnd(trial, end), ...wrongCount(trial, stage), ...heldSlots(transport)];
  if (trial.goesOn) problems.push(...(await nextCall(client, stage)));
  transport.close();
  return problems;
}

function wrongEnd(trial: Trial, end: Settled<{ text: string; server: string }>): string[] {
  const { name, method, answer, fate } = trial;
  if (end.kind === "hung") return ["hangs"];
  if (end.kind === "value") {
    const { text, server } = end.value;
    if (text !== name || server !== SERVER_NAME) return [`an answer that is not its own: ${JSON.stringify(end.value)}`];
    const mustFail = fate === "deadline" || (fate === "whole" && answer !== "ok");
    return mustFail ? [`succeeds (${fate})`] : [];
  }
  const { error } = end;
  if (!(error instanceof ConnectError)) return [`not a ConnectError: ${error}`];
  const seen = `${error.message}, caused by ${error.cause}`;
  const problems = /127\.0\.0\.1|undefined|\[object/.test(error.message) ? [`message: ${error.message}`] : [];
  if (fate === "deadline")
    return error.code === Code.DeadlineExceeded ? problems : [...problems, `no deadline: ${seen}`];
  if (fate === "whole" && answer !== "ok") {
    const isTheServers = error.code === WIRE_ERROR.code && error.rawMessage === WIRE_ERROR.message && error.isWireError;
    return isTheServers ? problems : [...problems, `not the server's error: ${seen}`];
  }
  const mustSucceed =
    fate === "whole" || fate === "unprocessed" || fate === "unconnected" || (fate === "ambiguous" && method === "get");
  return mustSucceed ? [...problems, `fails (${fate}): ${seen}`] : problems;
}

/** `post` has been sent once, but for requests that servers said they did not process. */
function wrongCount({ method, once }: Trial, stage: Stage): string[] {
  const sent = stage.requests().filter(({ disowned }) => !disowned);
  const executed = sent.filter(({ complete }) => complete);
  if (method === "get" && !once) return [];
  if (executed.length > 1) return [`executed ${executed.length} times`];
  return sent.length > 1 ? [`sent ${sent.length} times`] : [];
}

function heldSlots(transport: BalancedTransport): string[] {
  const held = transport.snapshot().endpoints.map(({ inFlight }) => inFlight);
  return held.every((count) => count === 0) ? [] : [`slots held: ${held}`];
}

/** Nothing of a broken exchange reaches another call: once it has been read, that goes on elsewhere. */
async function nextCall(client: Client<typeof EchoService>, stage: Stage): Promise<string[]> {
  await turns();
  stage.heal();
  const end = await settled(client.post({ text: "next" }), PROMPT_MS);
  const executed = stage.requests().length;
  const problems = executed === 1 ? [] : [`the next call is executed ${executed} times`];
  if (end.kind === "value" && end.value.text === "next") return problems;
  if (end.kind === "value") return [...problems, `the next call gets another's answer: ${JSON.stringify(end.value)}`];
  return [...problems, `the next call ${end.kind === "hung" ? "hangs" : `fails: ${end.error}`}`];
}
