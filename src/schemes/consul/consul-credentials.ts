import { quoted } from "../../common/quoted.ts";
import { isNoPath, NOT_SHOWN } from "../../common/secret.ts";
import type { Environment } from "../../runtime.ts";

/** What an agent is shown. */
export interface ConsulCredentials {
  /** Of each request. */
  readonly headers: Readonly<Record<string, string>>;
  /** Every secret in them, in each form in which it could come back. */
  readonly values: readonly string[];
  /** The variable that gave the token. */
  readonly tokenFrom: string | undefined;
}

/** Reads a text file, as it is now. */
export type ReadTextFile = (path: string) => Promise<string>;

/**
 * The credentials that Consul's own variables name, with the order of Consul's Go client: CONSUL_HTTP_TOKEN_FILE beats
 * CONSUL_HTTP_TOKEN unless the file is empty, and one that cannot be read is an error. Read at each look-up, so that a
 * token can be replaced while the process runs.
 */
export async function consulCredentials(env: Environment, readTextFile: ReadTextFile): Promise<ConsulCredentials> {
  const headers: Record<string, string> = {};
  const values: string[] = [];
  const path = env.CONSUL_HTTP_TOKEN_FILE;
  const inFile = path ? await readToken(path, readTextFile) : "";
  const token = inFile || env.CONSUL_HTTP_TOKEN?.trim();
  if (token) {
    headers["x-consul-token"] = checkHeader(inFile ? `the file of CONSUL_HTTP_TOKEN_FILE` : "CONSUL_HTTP_TOKEN", token);
    values.push(token);
  }
  const auth = env.CONSUL_HTTP_AUTH?.trim();
  if (auth) {
    // Without a colon, all of it is the user's name (RFC 7617 section 2 wants the colon then, too).
    const pair = auth.includes(":") ? auth : `${auth}:`;
    const encoded = base64(pair);
    headers.authorization = `Basic ${encoded}`;
    values.push(auth, encoded);
    const password = pair.slice(pair.indexOf(":") + 1);
    if (password !== "") values.push(password);
  }
  const tokenFrom = token ? (inFile ? "CONSUL_HTTP_TOKEN_FILE" : "CONSUL_HTTP_TOKEN") : undefined;
  return { headers, values, tokenFrom };
}

async function readToken(path: string, readTextFile: ReadTextFile): Promise<string> {
  try {
    return (await readTextFile(path)).trim();
  } catch (error) {
    const code = error instanceof Error && "code" in error ? ` (${error.code})` : "";
    // Somebody may have put the token where its file belongs.
    const shown = isNoPath(path) ? NOT_SHOWN : quoted(path);
    throw new Error(`the file of CONSUL_HTTP_TOKEN_FILE, ${shown}, cannot be read${code}`);
  }
}

/** Node would refuse it with an error of its own, that names no variable. */
function checkHeader(from: string, token: string): string {
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new Error(`${from} must contain exactly one token, without spaces, line ends or characters outside ASCII`);
}

/** `btoa` takes bytes; the pair is UTF-8 (RFC 7617 section 2.1). */
function base64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}
