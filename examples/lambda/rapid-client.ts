// The part of aws-lambda-ric that is native code: three functions that speak the Runtime API. Here over node:http, so
// that the example installs without a C++ toolchain; everything above them is the official client's own.
import { Agent, type IncomingHttpHeaders, request } from "node:http";

const [hostname, port] = (process.env.AWS_LAMBDA_RUNTIME_API ?? "").split(":");
/** Events come over a connection of their own, so that answers are sent while a runtime waits for the next one. */
const agents = { GET: new Agent({ keepAlive: true, maxSockets: 1 }), POST: new Agent({ keepAlive: true }) };
/** What done() and error() have begun: the native ones block until it is sent. */
const posts = new Set<Promise<unknown>>();

export async function next(): Promise<{ bodyJson: string; headers: IncomingHttpHeaders }> {
  await Promise.all(posts);
  return send("GET", "next", undefined, {});
}

export function done(id: string, body: string): void {
  post(`${id}/response`, body, {});
}

export function error(id: string, body: string, xrayCause: string): void {
  post(`${id}/error`, body, { "lambda-runtime-function-xray-error-cause": xrayCause });
}

function post(path: string, body: string, headers: Record<string, string>): void {
  const sent = send("POST", path, body, { "content-type": "application/json", ...headers });
  posts.add(sent);
  void sent.finally(() => posts.delete(sent));
}

function send(method: keyof typeof agents, path: string, body: string | undefined, headers: Record<string, string>) {
  return new Promise<{ bodyJson: string; headers: IncomingHttpHeaders }>((resolve, reject) => {
    const options = {
      hostname,
      port,
      agent: agents[method],
      method,
      headers,
      path: `/2018-06-01/runtime/invocation/${path}`,
    };
    const sent = request(options, async (response) => {
      response.setEncoding("utf8");
      const chunks: string[] = await response.toArray();
      resolve({ bodyJson: chunks.join(""), headers: response.headers });
    });
    sent.on("error", reject).end(body);
  });
}
