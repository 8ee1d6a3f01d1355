import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { type FailureFact, recordFact } from "../../src/resilience/failure-facts.ts";
import { classify, failureKind, type Outcome, type OutcomeContext } from "../../src/resilience/outcome.ts";

/** What connect-node and undici raise, as measured with connect-node 2.2.0 on Node 24. */
function systemError(message: string, fields: Record<string, unknown> = {}): Error {
  return Object.assign(new Error(message), fields);
}

function local(message: string, code: Code, cause?: unknown): ConnectError {
  return new ConnectError(message, code, undefined, undefined, cause);
}

function wire(code: Code, message = "the server says so"): ConnectError {
  const error = new ConnectError(message, code);
  Object.defineProperty(error, "isWireError", { value: true });
  return error;
}

/** undici's: everything is Unknown, the reason two causes down. */
function fetchFailed(cause: unknown): ConnectError {
  return local("fetch failed", Code.Unknown, new TypeError("fetch failed", { cause }));
}

function context(fields: Partial<OutcomeContext> = {}): OutcomeContext {
  return {
    signal: undefined,
    deadlinePassed: false,
    attemptTimedOut: false,
    thrownBy: undefined,
    recordsFacts: false,
    ...fields,
  };
}

const refused = () => systemError("connect ECONNREFUSED 10.0.0.1:80", { code: "ECONNREFUSED", syscall: "connect" });
const notSent = (code: string): Outcome => ({ kind: "not-sent", code });
const lost: Outcome = { kind: "ambiguous", cause: "lost" };
const answered = (code: Code): Outcome => ({ kind: "answered", code });

describe("by the shape of the error, of a transport that records no facts", () => {
  test.each<[string, unknown, Outcome]>([
    [
      "a name that does not exist",
      local(
        "getaddrinfo ENOTFOUND a.test",
        Code.Unavailable,
        systemError("", { code: "ENOTFOUND", syscall: "getaddrinfo" }),
      ),
      notSent("ENOTFOUND"),
    ],
    [
      "a name server that does not answer",
      local("getaddrinfo EAI_AGAIN", Code.Unavailable, systemError("", { code: "EAI_AGAIN", syscall: "getaddrinfo" })),
      notSent("EAI_AGAIN"),
    ],
    [
      "fetch: a name that does not exist",
      fetchFailed(systemError("", { code: "ENOTFOUND", syscall: "getaddrinfo" })),
      notSent("ENOTFOUND"),
    ],
    ["a connection refused", local("connect ECONNREFUSED", Code.Unavailable, refused()), notSent("ECONNREFUSED")],
    ["fetch: a connection refused", fetchFailed(refused()), notSent("ECONNREFUSED")],
    [
      "a connection refused at several addresses",
      local("", Code.Unavailable, Object.assign(new AggregateError([refused(), refused()]), { code: "ECONNREFUSED" })),
      notSent("ECONNREFUSED"),
    ],
    [
      "fetch: a connection refused at several addresses",
      fetchFailed(Object.assign(new AggregateError([refused(), refused()]), { code: "ECONNREFUSED" })),
      notSent("ECONNREFUSED"),
    ],
    [
      "a network that cannot be reached",
      local("connect ENETUNREACH", Code.Internal, systemError("", { code: "ENETUNREACH", syscall: "connect" })),
      notSent("ENETUNREACH"),
    ],
    [
      "a host that cannot be reached",
      local("connect EHOSTUNREACH", Code.Internal, systemError("", { code: "EHOSTUNREACH", syscall: "connect" })),
      notSent("EHOSTUNREACH"),
    ],
    [
      "a black hole, by the kernel's limit",
      local("connect ETIMEDOUT", Code.Unavailable, systemError("", { code: "ETIMEDOUT", syscall: "connect" })),
      notSent("ETIMEDOUT"),
    ],
    [
      "TLS: an authority that is not trusted",
      local("unable to verify", Code.Internal, systemError("", { code: "UNABLE_TO_VERIFY_LEAF_SIGNATURE" })),
      notSent("UNABLE_TO_VERIFY_LEAF_SIGNATURE"),
    ],
    [
      "TLS: self-signed",
      local("self-signed", Code.Internal, systemError("", { code: "DEPTH_ZERO_SELF_SIGNED_CERT" })),
      notSent("DEPTH_ZERO_SELF_SIGNED_CERT"),
    ],
    [
      "TLS: expired",
      local("expired", Code.Internal, systemError("", { code: "CERT_HAS_EXPIRED" })),
      notSent("CERT_HAS_EXPIRED"),
    ],
    [
      "TLS: another name",
      local("altnames", Code.Internal, systemError("", { code: "ERR_TLS_CERT_ALTNAME_INVALID" })),
      notSent("ERR_TLS_CERT_ALTNAME_INVALID"),
    ],
    [
      "fetch: TLS, another name",
      fetchFailed(systemError("", { code: "ERR_TLS_CERT_ALTNAME_INVALID" })),
      notSent("ERR_TLS_CERT_ALTNAME_INVALID"),
    ],
    [
      "HTTP/1.1, TLS 1.3: a client without the certificate that the server wants",
      local("alert", Code.Internal, systemError("", { code: "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED" })),
      notSent("ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED"),
    ],
    [
      "TLS to a port that speaks plain text",
      local("wrong version", Code.Internal, systemError("", { code: "ERR_SSL_WRONG_VERSION_NUMBER" })),
      notSent("ERR_SSL_WRONG_VERSION_NUMBER"),
    ],
    [
      "HTTP/1.1: TLS to a port that speaks plain text",
      local(
        "write EPROTO",
        Code.Internal,
        systemError("write EPROTO 0A00010B:SSL routines:ssl3_get_record:wrong version number", {
          code: "EPROTO",
          syscall: "write",
        }),
      ),
      notSent("EPROTO"),
    ],
    [
      "an end during the TLS handshake",
      local(
        "disconnected",
        Code.Aborted,
        systemError("Client network socket disconnected before secure TLS connection was established", {
          code: "ECONNRESET",
        }),
      ),
      notSent("ECONNRESET"),
    ],
    [
      "a reset at accept",
      local("connect ECONNRESET", Code.Aborted, systemError("", { code: "ECONNRESET", syscall: "connect" })),
      notSent("ECONNRESET"),
    ],
    [
      "a reset during the handshake, which looks like one during the request",
      local("read ECONNRESET", Code.Aborted, systemError("read ECONNRESET", { code: "ECONNRESET", syscall: "read" })),
      lost,
    ],
    ["an end at accept", local("http/2 stream closed with error code CANCEL (0x8)", Code.Canceled), lost],
    [
      "HTTP/1.1: an end",
      local("socket hang up", Code.Aborted, systemError("socket hang up", { code: "ECONNRESET" })),
      lost,
    ],
    ["fetch: an end", fetchFailed(systemError("other side closed", { code: "UND_ERR_SOCKET" })), lost],
    ["fetch: a reset", fetchFailed(systemError("read ECONNRESET", { code: "ECONNRESET", syscall: "read" })), lost],
    [
      "a write that failed",
      local("write EPIPE", Code.Internal, systemError("", { code: "EPIPE", syscall: "write" })),
      lost,
    ],
    [
      "a connection that timed out while in use",
      local("read ETIMEDOUT", Code.Unavailable, systemError("read ETIMEDOUT", { code: "ETIMEDOUT", syscall: "read" })),
      lost,
    ],
    [
      "a host that became unreachable while in use",
      local("read EHOSTUNREACH", Code.Internal, systemError("", { code: "EHOSTUNREACH", syscall: "read" })),
      lost,
    ],
    [
      "a stream refused, or beyond GOAWAY's last",
      local(
        "Stream closed with error code NGHTTP2_REFUSED_STREAM",
        Code.Internal,
        systemError("Stream closed with error code NGHTTP2_REFUSED_STREAM", { code: "ERR_HTTP2_STREAM_ERROR" }),
      ),
      { kind: "refused", leaving: false },
    ],
    [
      "GOAWAY with an error",
      local(
        "Session closed with error code 11",
        Code.Internal,
        systemError("Session closed with error code 11", { code: "ERR_HTTP2_SESSION_ERROR" }),
      ),
      lost,
    ],
    [
      "a stream reset for an internal error, which is the server's word",
      local(
        "Stream closed with error code NGHTTP2_INTERNAL_ERROR",
        Code.Internal,
        systemError("Stream closed with error code NGHTTP2_INTERNAL_ERROR", { code: "ERR_HTTP2_STREAM_ERROR" }),
      ),
      answered(Code.Internal),
    ],
    ...["429", "502", "503", "504"].map((status): [string, unknown, Outcome] => [
      `a proxy's ${status}`,
      local(`HTTP ${status}`, Code.Unavailable),
      { kind: "ambiguous", cause: "proxy" },
    ]),
    ["a proxy's 404", local("HTTP 404", Code.Unimplemented), answered(Code.Unimplemented)],
    ["what the server says", wire(Code.Unavailable), answered(Code.Unavailable)],
    ["what the server threw", wire(Code.Internal), answered(Code.Internal)],
    ["the server's deadline", wire(Code.DeadlineExceeded), answered(Code.DeadlineExceeded)],
    [
      "a server's text that looks like ours",
      wire(Code.Internal, "read ECONNRESET socket hang up"),
      answered(Code.Internal),
    ],
    [
      "a deadline that only the transport saw",
      local("the operation timed out", Code.DeadlineExceeded),
      { kind: "caller", cause: "deadline" },
    ],
    ["workerd: refused", local("Network connection lost.", Code.Unknown), { kind: "ambiguous", cause: "unknown" }],
    [
      "a response over the limit",
      local("message size is larger", Code.ResourceExhausted),
      { kind: "caller", cause: "request" },
    ],
    ["an error of an interceptor's", new TypeError("x is not a function"), { kind: "ambiguous", cause: "unknown" }],
    ["a string", "no", { kind: "ambiguous", cause: "unknown" }],
    ["nothing", undefined, { kind: "ambiguous", cause: "unknown" }],
    ["null", null, { kind: "ambiguous", cause: "unknown" }],
  ])("%s", (_, error, outcome) => {
    expect(classify(error, context())).toEqual(outcome);
  });

  test("a cause that points back at its error ends", () => {
    const error = new Error("round");
    error.cause = error;
    expect(classify(error, context())).toEqual({ kind: "ambiguous", cause: "unknown" });
  });

  test("a thousand causes end", () => {
    let error = new Error("first");
    for (let i = 0; i < 1_000; i++) error = new Error("next", { cause: error });
    expect(classify(error, context())).toEqual({ kind: "ambiguous", cause: "unknown" });
  });

  test("codes and messages that are no strings are passed over", () => {
    const error = local("odd", Code.Unknown, { code: 7, syscall: {}, message: 3, errors: "x" });
    expect(classify(error, context())).toEqual({ kind: "ambiguous", cause: "unknown" });
  });
});

describe("by our own state first", () => {
  test.each<[string, unknown]>([
    ["abort()", local("This operation was aborted", Code.Canceled)],
    ["abort(new Error())", local("x", Code.Canceled)],
    ["abort(new ConnectError(Unavailable))", local("x", Code.Unavailable)],
    ["a refused connection at the same moment", local("", Code.Unavailable, refused())],
    ["a server's word at the same moment", wire(Code.Unavailable)],
  ])("an aborted call is the caller's: %s", (_, error) => {
    const signal = AbortSignal.abort(new Error("x"));
    expect(classify(error, context({ signal }))).toEqual({ kind: "caller", cause: "abort" });
  });

  test("a signal that is not aborted says nothing", () => {
    const { signal } = new AbortController();
    expect(classify(local("", Code.Unavailable, refused()), context({ signal })).kind).toBe("not-sent");
  });

  const timedOut = () => local("the operation timed out", Code.DeadlineExceeded);

  test("the attempt's own limit is no deadline", () => {
    expect(classify(timedOut(), context({ attemptTimedOut: true }))).toEqual({ kind: "ambiguous", cause: "timeout" });
  });

  test("the call's deadline is, also where the attempt's limit passed with it", () => {
    const outcome = classify(timedOut(), context({ attemptTimedOut: true, deadlinePassed: true }));
    expect(outcome).toEqual({ kind: "caller", cause: "deadline" });
  });

  test("a deadline that passed does not hide what the server said", () => {
    expect(classify(wire(Code.NotFound), context({ deadlinePassed: true }))).toEqual(answered(Code.NotFound));
  });

  test.each<[string, unknown]>([
    ["abort(new TimeoutError())", new DOMException("The operation timed out", "TimeoutError")],
    ["a deadline that Connect keeps", local("the operation timed out", Code.DeadlineExceeded)],
  ])("a signal that is a deadline: %s", (_, reason) => {
    const signal = AbortSignal.abort(reason);
    expect(classify(local("x", Code.Canceled), context({ signal }))).toEqual({ kind: "caller", cause: "deadline" });
  });
});

describe("by facts before shapes", () => {
  const reset = () => systemError("read ECONNRESET", { code: "ECONNRESET", syscall: "read" });

  test.each<[FailureFact, Outcome]>([
    ["not-sent", notSent("ECONNRESET")],
    ["refused", { kind: "refused", leaving: false }],
    ["left-out", { kind: "refused", leaving: true }],
    ["stale", { kind: "ambiguous", cause: "stale" }],
    ["lost", lost],
    ["unsendable", { kind: "caller", cause: "request" }],
    ["reset", answered(Code.Aborted)],
  ])("%s, recorded of the error's cause", (fact, outcome) => {
    const cause = reset();
    recordFact(cause, fact);
    for (const recordsFacts of [true, false]) {
      expect(classify(local("read ECONNRESET", Code.Aborted, cause), context({ recordsFacts }))).toEqual(outcome);
    }
  });

  test("the first fact stands", () => {
    const error = reset();
    recordFact(error, "not-sent");
    recordFact(error, "lost");
    expect(classify(error, context()).kind).toBe("not-sent");
  });

  test("one without a system's code has a name all the same", () => {
    const error = new Error("no");
    recordFact(error, "not-sent");
    expect(classify(error, context())).toEqual(notSent("connection failed"));
  });

  test("a connect limit of ours is no deadline", () => {
    const error = local("the operation timed out", Code.DeadlineExceeded);
    recordFact(error, "not-sent");
    expect(classify(error, context()).kind).toBe("not-sent");
  });

  test.each<[string, unknown]>([
    ["a refused connection", local("", Code.Unavailable, refused())],
    ["a refused connection, two causes down", fetchFailed(refused())],
    ["a certificate", local("", Code.Internal, systemError("", { code: "CERT_HAS_EXPIRED" }))],
    [
      "a handshake",
      local("Client network socket disconnected before secure TLS connection was established", Code.Aborted),
    ],
    ["a refused stream", local("Stream closed with error code NGHTTP2_REFUSED_STREAM", Code.Internal)],
  ])("of a transport that records facts, what has none was sent, whatever it looks like: %s", (_, error) => {
    expect(["ambiguous", "answered"]).toContain(classify(error, context({ recordsFacts: true })).kind);
  });
});

describe("what an interceptor threw", () => {
  test.each<[string, unknown]>([
    ["a refused connection of its own", fetchFailed(refused())],
    ["a server's word that it was given", wire(Code.Unavailable)],
    ["a bug", new TypeError("x is not a function")],
    ["a string", "no"],
    ["nothing", undefined],
  ])("says nothing of the endpoint: %s", (_, error) => {
    const outcome: Outcome = { kind: "caller", cause: "interceptor" };
    expect(classify(error, context({ thrownBy: "interceptor" }))).toEqual(outcome);
    expect(failureKind(outcome)).toBeUndefined();
  });

  test("also where a fact is recorded of it, by the connection that it used itself", () => {
    const error = refused();
    recordFact(error, "not-sent");
    expect(classify(error, context({ thrownBy: "interceptor" })).kind).toBe("caller");
  });
});

describe("an HTTP answer that is not from a handler", () => {
  const request: Outcome = { kind: "caller", cause: "request" };
  const proxy: Outcome = { kind: "ambiguous", cause: "proxy" };
  test.each<[number, Outcome]>([
    ...[300, 301, 302, 307, 308].map((status): [number, Outcome] => [status, request]),
    ...[400, 402, 405, 406, 411, 413, 414, 415, 417, 422, 426, 428, 431, 451, 499].map((status): [number, Outcome] => [
      status,
      request,
    ]),
    ...[408, 425, 429].map((status): [number, Outcome] => [status, proxy]),
    ...[500, 501, 502, 503, 504, 505, 507, 511, 520, 522, 599].map((status): [number, Outcome] => [status, proxy]),
    [204, { kind: "ambiguous", cause: "unknown" }],
  ])("HTTP %i", (status, outcome) => {
    expect(classify(local(`HTTP ${status}`, Code.Unknown), context({ recordsFacts: true }))).toEqual(outcome);
  });

  test.each([
    [401, Code.Unauthenticated],
    [403, Code.PermissionDenied],
    [404, Code.Unimplemented],
  ])("HTTP %i may be the handler's", (status, code) => {
    expect(classify(local(`HTTP ${status}`, code), context({ recordsFacts: true }))).toEqual(answered(code));
  });
});

describe("what it says of the endpoint", () => {
  test.each<[Outcome, ReturnType<typeof failureKind>]>([
    [notSent("ECONNREFUSED"), "refused"],
    [{ kind: "refused", leaving: false }, "soft"],
    [{ kind: "refused", leaving: true }, undefined],
    [lost, "soft"],
    [{ kind: "ambiguous", cause: "stale" }, undefined],
    [{ kind: "ambiguous", cause: "unknown" }, "soft"],
    [{ kind: "ambiguous", cause: "timeout" }, "answered"],
    [{ kind: "ambiguous", cause: "proxy" }, "answered"],
    [answered(Code.Unavailable), "answered"],
    [answered(Code.Internal), "answered"],
    [answered(Code.Unknown), "answered"],
    [answered(Code.DeadlineExceeded), "answered"],
    [answered(Code.DataLoss), "answered"],
    [answered(Code.ResourceExhausted), "soft"],
    [answered(Code.Canceled), undefined],
    [answered(Code.InvalidArgument), undefined],
    [answered(Code.NotFound), undefined],
    [answered(Code.AlreadyExists), undefined],
    [answered(Code.PermissionDenied), undefined],
    [answered(Code.FailedPrecondition), undefined],
    [answered(Code.Aborted), undefined],
    [answered(Code.OutOfRange), undefined],
    [answered(Code.Unimplemented), undefined],
    [answered(Code.Unauthenticated), undefined],
    [{ kind: "caller", cause: "abort" }, undefined],
    [{ kind: "caller", cause: "deadline" }, undefined],
  ])("%j: %s", (outcome, kind) => {
    expect(failureKind(outcome)).toBe(kind);
  });
});
