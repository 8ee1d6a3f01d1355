import type { Http2Server, ServerHttp2Session } from "node:http2";

/**
 * Prepares a server for a graceful end. The returned function stops it from listening and tells each client not to
 * begin anything new (GOAWAY); it settles when the calls under way have ended, at the latest after `limitMs`.
 */
export function drainable(server: Http2Server): (limitMs: number) => Promise<void> {
  const sessions = new Set<ServerHttp2Session>();
  server.on("session", (session) => {
    sessions.add(session);
    session.on("error", () => {});
    session.on("close", () => sessions.delete(session));
  });
  return async (limitMs) => {
    const limit = setTimeout(() => {
      for (const session of sessions) session.destroy();
    }, limitMs);
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      // Node 24 does this by itself; older ones leave the sessions open.
      for (const session of sessions) session.close();
    });
    clearTimeout(limit);
  };
}
