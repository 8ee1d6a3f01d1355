/** Options that are wrong, and the exact message that each gets. */
export const badOptions: readonly { readonly options: unknown; readonly message: string }[] = [
  {
    options: undefined,
    message:
      'the options must be an object, such as { target: "srv:///_grpc._tcp.users.example.com" }; nothing was given',
  },
  {
    options: null,
    message: 'the options must be an object, such as { target: "srv:///_grpc._tcp.users.example.com" }; null was given',
  },
  {
    options: "srv:///x",
    message: 'the options must be an object, such as { target: "srv:///x" }; "srv:///x" was given',
  },
  {
    options: [],
    message: 'the options must be an object, such as { target: "srv:///_grpc._tcp.users.example.com" }; [] was given',
  },
  {
    options: {},
    message: 'target must be a URI such as "srv:///_grpc._tcp.users.example.com", or a resolver; it is missing',
  },
  {
    options: { target: "" },
    message: 'target must be a URI such as "srv:///_grpc._tcp.users.example.com", or a resolver; it is missing',
  },
  {
    options: { target: 8080 },
    message:
      'target must be a URI such as "srv:///_grpc._tcp.users.example.com", or a resolver; it is not text and has no resolve()',
  },
  {
    options: { target: {} },
    message:
      'target must be a URI such as "srv:///_grpc._tcp.users.example.com", or a resolver; it is not text and has no resolve()',
  },
  {
    options: { target: "static:///127.0.0.1:1", retrys: {} },
    message: 'unknown option "retrys"; did you mean "retry"?',
  },
  {
    options: { target: "static:///127.0.0.1:1", zzz: 1 },
    message:
      'unknown option "zzz"; expected one of: target, fallbackTarget, protocol, httpVersion, tls, pathPrefix, connect, interceptors, attemptInterceptors, picker, defaultTimeoutMs, attemptTimeoutMs, connectTimeoutMs, retry, breaker, policy, dns, connection, createEndpointTransport, onEvent, log',
  },
  {
    options: { target: "static:///127.0.0.1:1", maxAttempts: 2 },
    message: 'unknown option "maxAttempts"; did you mean "retry.maxAttempts"?',
  },
  {
    options: { target: "static:///127.0.0.1:1", retry: { useHttpGet: true } },
    message: 'unknown option "retry.useHttpGet"; did you mean "connect.useHttpGet"?',
  },
  {
    options: { target: "static:///127.0.0.1:1", retry: { maxAttempt: 2 } },
    message: 'unknown option "retry.maxAttempt"; did you mean "retry.maxAttempts"?',
  },
  {
    options: { target: "static:///127.0.0.1:1", tls: { servername: "x" } },
    message: 'unknown option "tls.servername"; did you mean "tls.serverName"?',
  },
  {
    options: { target: "static:///127.0.0.1:1", protocol: "http", picker: "random" },
    message:
      '2 problems:\n- protocol must be "connect" or "grpc" or "grpc-web", not "http"\n- picker must be "p2c" or "round-robin", or a function, not "random"',
  },
  {
    options: { target: "static:///127.0.0.1:1", protocol: "grpcweb" },
    message: 'protocol must be "connect" or "grpc" or "grpc-web", not "grpcweb"; did you mean "grpc-web"?',
  },
  {
    options: { target: "static:///127.0.0.1:1", httpVersion: 2 },
    message: 'httpVersion must be "2" or "1.1", not 2; did you mean "2"?',
  },
  {
    options: { target: "static:///127.0.0.1:1", httpVersion: "3" },
    message: 'httpVersion must be "2" or "1.1", not "3"',
  },
  {
    options: { target: "static:///127.0.0.1:1", tls: true },
    message: "tls must be an object, or false, not true; it is on by default: leave it out",
  },
  {
    options: { target: "static:///127.0.0.1:1", tls: { key: "-----BEGIN PRIVATE KEY-----\nsecret" } },
    message: "tls.key needs tls.cert",
  },
  {
    options: { target: "static:///127.0.0.1:1", tls: { cert: "-----BEGIN CERTIFICATE-----" } },
    message: "tls.cert needs tls.key",
  },
  {
    options: { target: "static:///127.0.0.1:1", tls: { ca: "/etc/ca.pem" } },
    message: 'tls.ca must be PEM text, bytes, or "file:" and a path, or a list of these',
  },
  {
    options: { target: "static:///127.0.0.1:1", tls: { key: "hunter2", cert: "-----BEGIN CERTIFICATE-----" } },
    message: 'tls.key must be PEM text, bytes, or "file:" and a path',
  },
  {
    options: { target: "static:///127.0.0.1:1", tls: { serverName: "https://x" } },
    message: 'tls.serverName must be a host name, or "target", not "https://x"; did you mean "x"?',
  },
  {
    options: { target: "static:///127.0.0.1:1", tls: { serverName: "users.test:443" } },
    message: 'tls.serverName must be a host name, or "target", not "users.test:443"; did you mean "users.test"?',
  },
  {
    options: { target: "static:///127.0.0.1:1", tls: { serverName: "Target" } },
    message: 'tls.serverName must be a host name, or "target", not "Target"; did you mean "target"?',
  },
  {
    options: { target: "static:///127.0.0.1:1", tls: { serverName: "target." } },
    message: 'tls.serverName must be a host name, or "target", not "target."; did you mean "target"?',
  },
  {
    options: { target: "static:///127.0.0.1:1", tls: { serverName: "a\u001b[31m\u0085\u2028b" } },
    message: 'tls.serverName must be a host name, or "target", not "a\\u001b[31m\\u0085\\u2028b"',
  },
  {
    options: { target: "srv:///users.test", tls: { serverName: "target", targetSuffixes: ["users.test", "test"] } },
    message:
      'tls.targetSuffixes must be a list of domains of two labels or more, such as "example.com", not ["users.test","test"]',
  },
  {
    options: { target: "srv:///users.test", tls: { serverName: "target", targetSuffixes: ["*.users.test"] } },
    message:
      'tls.targetSuffixes must be a list of domains of two labels or more, such as "example.com", not ["*.users.test"]; did you mean "users.test"?',
  },
  {
    options: { target: "srv:///users.test", tls: { serverName: "target", targetSuffixes: ["10.0.0.1"] } },
    message:
      'tls.targetSuffixes must be a list of domains of two labels or more, such as "example.com", not ["10.0.0.1"]',
  },
  {
    options: { target: "srv:///users.test", tls: { serverName: "target", targetSuffixes: [] } },
    message: 'tls.targetSuffixes must be a list of domains of two labels or more, such as "example.com", not []',
  },
  {
    options: { target: "srv:///_grpc._tcp.local", tls: { serverName: "target" } },
    message:
      'tls.serverName "target" needs tls.targetSuffixes, because target is verified by a name of one label, "local"',
  },
  {
    options: { target: "dns:///10.0.0.1:443", tls: { serverName: "target" } },
    message: 'tls.serverName "target" needs tls.targetSuffixes, because target is verified by an IP address, 10.0.0.1',
  },
  {
    options: { target: "srv:///users.test", fallbackTarget: "static:///a.test:1", tls: { serverName: "target" } },
    message: 'tls.serverName "target" needs tls.targetSuffixes, because fallbackTarget has no name of its own',
  },
  {
    options: { target: { target: "mine", authority: "https://users.test/", resolve() {} } },
    message:
      'target.authority must be a host name or an IP address, not "https://users.test/"; did you mean "users.test"?',
  },
  {
    options: { target: { target: "mine", authority: 7, resolve() {} } },
    message: "target.authority must be a host name or an IP address, not number",
  },
  {
    options: { target: { target: "mine", authority: null, resolve() {} } },
    message: "target.authority must be a host name or an IP address, not object",
  },
  {
    options: {
      target: "static:///127.0.0.1:1",
      fallbackTarget: {
        target: "mine",
        get authority() {
          throw new Error("no\nname");
        },
        resolve() {},
      },
    },
    message: 'fallbackTarget.authority cannot be read: "no\\nname"',
  },
  {
    options: { target: "static:///127.0.0.1:1,a%2fb:2", tls: false },
    message:
      'target "static:///127.0.0.1:1,a%2fb:2": "a/b" is not a host name: it contains characters other than letters, digits, "-", "_" and dots; did you mean "a"?',
  },
  {
    options: { target: "dns:///1.2.3:80", tls: false },
    message: 'target "dns:///1.2.3:80": "1.2.3" is not a host name: its last label is a number',
  },
  {
    options: { target: "dns:///users.0x7f:80", tls: false },
    message: 'target "dns:///users.0x7f:80": "users.0x7f" is not a host name: its last label is a number',
  },
  {
    options: { target: "srv:///_grpc._tcp.ü\u001b.test", tls: false },
    message:
      'target "srv:///_grpc._tcp.ü\\u001b.test": "ü\\u001b.test" is not a host name: it contains characters other than letters, digits, "-", "_" and dots',
  },
  {
    options: { target: "srv:///\ufdd0.test", tls: false },
    message: 'target "srv:///\ufdd0.test": "\ufdd0.test" is not a host name: IDNA does not allow it (RFC 5891)',
  },
  {
    options: { target: "static:///１２７.0.0.1:80", tls: false },
    message: 'target "static:///１２７.0.0.1:80": "１２７.0.0.1" is not a host name: IDNA does not allow it (RFC 5891)',
  },
  {
    options: { target: "consul+http://a|b/users", tls: false },
    message: 'target "consul+http://a|b/users": the server "a|b" must be a host or an IP address, or host:port',
  },
  {
    options: { target: "static:///127.0.0.1:1", tls: { targetSuffixes: ["x.test"] } },
    message: 'tls.targetSuffixes needs tls.serverName: "target"',
  },
  {
    options: { target: "static:///127.0.0.1:1", pathPrefix: "api" },
    message: 'pathPrefix must be a path that starts with a slash, such as "/api", not "api"',
  },
  {
    options: { target: "static:///127.0.0.1:1", pathPrefix: "/api?x=1" },
    message: 'pathPrefix must be a path that starts with a slash, such as "/api", not "/api?x=1"',
  },
  {
    options: { target: "static:///127.0.0.1:1", interceptors: [1] },
    message: "interceptors must be a list, each entry a function, not [1]",
  },
  {
    options: { target: "static:///127.0.0.1:1", attemptInterceptors: () => {} },
    message:
      "attemptInterceptors must be a list, each entry a function, not a function; write a list, even for one entry",
  },
  {
    options: { target: "static:///127.0.0.1:1", picker: "p2" },
    message: 'picker must be "p2c" or "round-robin", or a function, not "p2"; did you mean "p2c"?',
  },
  {
    options: { target: "static:///127.0.0.1:1", defaultTimeoutMs: 0 },
    message: "defaultTimeoutMs must be a number of milliseconds from 1 to 2147483647, not 0",
  },
  {
    options: { target: "static:///127.0.0.1:1", defaultTimeoutMs: NaN },
    message: "defaultTimeoutMs must be a number of milliseconds from 1 to 2147483647, not NaN",
  },
  {
    options: { target: "static:///127.0.0.1:1", attemptTimeoutMs: "2s" },
    message: 'attemptTimeoutMs must be a number of milliseconds from 1 to 2147483647, not "2s"; did you mean 2000?',
  },
  {
    options: { target: "static:///127.0.0.1:1", connectTimeoutMs: Infinity },
    message: "connectTimeoutMs must be a number of milliseconds from 1 to 2147483647, not Infinity",
  },
  {
    options: { target: "static:///127.0.0.1:1", defaultTimeoutMs: 2147483648 },
    message: "defaultTimeoutMs must be a number of milliseconds from 1 to 2147483647, not 2147483648",
  },
  {
    options: { target: "static:///127.0.0.1:1", retry: { maxAttempts: 0 } },
    message: "retry.maxAttempts must be a whole number from 1 to 10, not 0",
  },
  {
    options: { target: "static:///127.0.0.1:1", retry: { maxAttempts: 1.5 } },
    message: "retry.maxAttempts must be a whole number from 1 to 10, not 1.5",
  },
  {
    options: { target: "static:///127.0.0.1:1", retry: true },
    message: "retry must be an object, or false, not true; it is on by default: leave it out",
  },
  {
    options: { target: "static:///127.0.0.1:1", retry: { codes: ["unavailable"] } },
    message:
      'retry.codes must be a list of Codes of @connectrpc/connect, not ["unavailable"]; write [Code.Unavailable], with Code of @connectrpc/connect',
  },
  {
    options: { target: "static:///127.0.0.1:1", retry: { codes: [99] } },
    message: "retry.codes must be a list of Codes of @connectrpc/connect, not [99]",
  },
  {
    options: { target: "static:///127.0.0.1:1", retry: { idempotentMethods: ["GetUser"] } },
    message:
      'retry.idempotentMethods must be a list of methods, each "package.Service/Method" or "package.Service/*", not ["GetUser"]',
  },
  {
    options: { target: "static:///127.0.0.1:1", retry: { baseDelayMs: 500, maxDelayMs: 100 } },
    message: "retry.baseDelayMs (500) must not be above retry.maxDelayMs (100)",
  },
  {
    options: { target: "static:///127.0.0.1:1", breaker: { failureRatio: 50 } },
    message: "breaker.failureRatio must be a number above 0 and up to 1, not 50",
  },
  {
    options: { target: "static:///127.0.0.1:1", breaker: { consecutiveFailures: 0 } },
    message: "breaker.consecutiveFailures must be a whole number from 1 to 1000, not 0",
  },
  {
    options: { target: "static:///127.0.0.1:1", policy: () => {} },
    message: "policy must be an object, not a function",
  },
  {
    options: { target: "static:///127.0.0.1:1", dns: { servers: ["dns.example.com"] } },
    message: 'dns.servers must be a list of IP addresses, each "address" or "address:port", not ["dns.example.com"]',
  },
  {
    options: { target: "static:///127.0.0.1:1", dns: { servers: ["10.0.0.2:99999"] } },
    message: 'dns.servers must be a list of IP addresses, each "address" or "address:port", not ["10.0.0.2:99999"]',
  },
  {
    options: { target: "static:///127.0.0.1:1", dns: { servers: "10.0.0.2" } },
    message:
      'dns.servers must be a list of IP addresses, each "address" or "address:port", not "10.0.0.2"; write a list, even for one entry',
  },
  {
    options: { target: "static:///127.0.0.1:1", dns: { transport: "https" } },
    message: 'dns.transport must be "udp" or "tcp", not "https"',
  },
  {
    options: { target: "static:///127.0.0.1:1", dns: { family: 4 } },
    message: 'dns.family must be "auto" or "ipv4" or "ipv6", not 4',
  },
  {
    options: { target: "static:///127.0.0.1:1", dns: { minTtlMs: 10000, maxTtlMs: 5000 } },
    message: "dns.minTtlMs (10000) must not be above dns.maxTtlMs (5000)",
  },
  {
    options: { target: "static:///127.0.0.1:1", onEvent: "console.log" },
    message: 'onEvent must be a function, not "console.log"',
  },
  {
    options: { target: "static:///127.0.0.1:1", connectTimeoutMs: 5n },
    message: "connectTimeoutMs must be a number of milliseconds from 1 to 2147483647, not 5n",
  },
  {
    options: { target: "static:///127.0.0.1:1", protocol: Symbol("x") },
    message: 'protocol must be "connect" or "grpc" or "grpc-web", not a symbol',
  },
  {
    options: { target: "static:///127.0.0.1:1", protocol: "grpc", httpVersion: "1.1" },
    message: 'protocol "grpc" needs HTTP/2: leave httpVersion out, or use protocol "grpc-web" or "connect"',
  },
  {
    options: { target: "static:///127.0.0.1:1", protocol: "grpc-web", connect: { useHttpGet: true } },
    message: 'connect.useHttpGet works with protocol "connect", not with "grpc-web"',
  },
  {
    options: { target: "users.example.com", tls: false },
    message:
      'target "users.example.com": it must have the form scheme://[server]/name, such as "srv:///_grpc._tcp.users.example.com"',
  },
  {
    options: { target: "users.example.com:8443", tls: false },
    message:
      'target "users.example.com:8443": it must have the form scheme://[server]/name, such as "dns:///users.example.com:8443"',
  },
  {
    options: { target: "_grpc._tcp.users.example.com", tls: false },
    message:
      'target "_grpc._tcp.users.example.com": it must have the form scheme://[server]/name, such as "srv:///_grpc._tcp.users.example.com"',
  },
  {
    options: { target: "http://users.example.com", tls: false },
    message:
      'target "http://users.example.com": unknown scheme "http"; write "dns:///users.example.com:80", with tls: false for cleartext',
  },
  {
    options: { target: "srv:/users", tls: false },
    message:
      'target "srv:/users": it must have the form scheme://[server]/name, such as "srv:///_grpc._tcp.users.example.com"',
  },
  {
    options: { target: "dns:users:80", tls: false },
    message: 'target "dns:users:80": it must have the form scheme://[server]/name, such as "dns:///users:80"',
  },
  {
    options: { target: "srv://", tls: false },
    message: 'target "srv://": it has no name, as in "srv:///_grpc._tcp.users.example.com"',
  },
  {
    options: { target: "srv:///", tls: false },
    message: 'target "srv:///": it has no name, as in "srv:///_grpc._tcp.users.example.com"',
  },
  {
    options: { target: "srv://_grpc._tcp.users.example.com", tls: false },
    message:
      'target "srv://_grpc._tcp.users.example.com": it has no name after the server, as in "srv:///_grpc._tcp.users.example.com"',
  },
  {
    options: { target: "srv://10.0.0.2", tls: false },
    message:
      'target "srv://10.0.0.2": it has no name after the server, as in "srv://10.0.0.2/_grpc._tcp.users.example.com"',
  },
  {
    options: { target: "srv://ns.example.com/_grpc._tcp.users", tls: false },
    message:
      'target "srv://ns.example.com/_grpc._tcp.users": the server "ns.example.com" must be an IP address, or address:port; for the system\'s DNS servers write "srv:///_grpc._tcp.users"',
  },
  {
    options: { target: "srv://10.0.0.2:0/x.test", tls: false },
    message:
      'target "srv://10.0.0.2:0/x.test": the server "10.0.0.2:0" must be an IP address, or address:port; for the system\'s DNS servers write "srv:///x.test"',
  },
  {
    options: { target: "srv:///a..b", tls: false },
    message: 'target "srv:///a..b": "a..b" is not a host name: it has an empty label; did you mean "a.b"?',
  },
  {
    options: { target: "srv:///aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.test", tls: false },
    message:
      'target "srv:///aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.test": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.test" is not a host name: it has a label of more than 63 characters',
  },
  {
    options: { target: "srv:///_müsli._tcp.users.test", tls: false },
    message:
      'target "srv:///_müsli._tcp.users.test": "_müsli._tcp.users.test" is not a DNS name: only printable ASCII is allowed, write it in its xn-- form',
  },
  {
    options: { target: "srv:///_grpc._tcp", tls: false },
    message: 'target "srv:///_grpc._tcp": "_grpc._tcp" has only service labels: add the domain',
  },
  {
    options: { target: "srv:///users.example.com:8443", tls: false },
    message:
      'target "srv:///users.example.com:8443": "users.example.com:8443" has a port, but ports come from the SRV records: leave it out, or use dns:///',
  },
  {
    options: { target: "srvs:///x.test", tls: false },
    message: 'target "srvs:///x.test": unknown scheme "srvs"; did you mean "srv"?',
  },
  {
    options: { target: "etcd://10.0.0.7/services", tls: false },
    message:
      'target "etcd://10.0.0.7/services": unknown scheme "etcd"; expected one of: srv, consul, consul+http, consul+https, dns, static',
  },
  {
    options: { target: "srv:///x.test?max-atempts=2", tls: false },
    message:
      'target "srv:///x.test?max-atempts=2": unknown key "max-atempts" in its query; did you mean "max-attempts"?',
  },
  {
    options: { target: "consul:///users?tags=canary", tls: false },
    message: 'target "consul:///users?tags=canary": unknown key "tags" in its query; did you mean "tag"?',
  },
  {
    options: { target: "consul:///users?tag=a&tag=b", tls: false },
    message: 'target "consul:///users?tag=a&tag=b": "tag" appears twice in its query',
  },
  {
    options: { target: "consul:///users?dc=", tls: false },
    message: 'target "consul:///users?dc=": "dc" in its query is empty',
  },
  {
    options: { target: "consul:///us ers", tls: false },
    message:
      'target "consul:///us ers": "us ers" is not a Consul service that DNS can look up: 1 to 63 letters, digits, hyphens or underscores',
  },
  {
    options: { target: "consul://user:secret@10.0.0.1/users", tls: false },
    message: 'target "consul://***@10.0.0.1/users": a target must not contain credentials',
  },
  {
    options: { target: "consul:///users#x", tls: false },
    message:
      'target "consul:///users#x": it must have the form scheme://[server]/name, such as "srv:///_grpc._tcp.users.example.com"',
  },
  {
    options: { target: "dns:///users", tls: false },
    message: 'target "dns:///users": "users" has no port: write it behind the host, as in "users:8443"',
  },
  {
    options: { target: "dns:///users:http", tls: false },
    message: 'target "dns:///users:http": "users:http" is not "host:port"; an IPv6 address needs brackets',
  },
  {
    options: { target: "dns:///users:0", tls: false },
    message: 'target "dns:///users:0": "users:0" has a port outside 1 to 65535',
  },
  {
    options: { target: "dns:///[::1:80", tls: false },
    message: 'target "dns:///[::1:80": "[::1:80" is not "host:port"; an IPv6 address needs brackets',
  },
  {
    options: { target: "srv:///_grpc._tcp.users.test?sample=true", tls: false },
    message:
      'target "srv:///_grpc._tcp.users.test?sample=true": "sample" in its query must be the most records of one answer, such as 8 for AWS Cloud Map, not "true"',
  },
  {
    options: { target: "dns:///users.test:80?sample=0", tls: false },
    message:
      'target "dns:///users.test:80?sample=0": "sample" in its query must be the most records of one answer, such as 8 for AWS Cloud Map, not "0"',
  },
  {
    options: { target: "static:///127.0.0.1:1", fallbackTarget: "users.test" },
    message:
      'fallbackTarget "users.test": it must have the form scheme://[server]/name, such as "srv:///_grpc._tcp.users.example.com"',
  },
  {
    options: { target: "static:///127.0.0.1:1", fallbackTarget: "" },
    message: 'fallbackTarget must be a URI such as "srv:///_grpc._tcp.users.example.com", or a resolver, not ""',
  },
  {
    options: { target: "static:///127.0.0.1:1", fallbackTarget: { target: "mine" } },
    message:
      'fallbackTarget must be a URI such as "srv:///_grpc._tcp.users.example.com", or a resolver, not {"target":"mine"}',
  },
  {
    options: { target: "static:///127.0.0.1:1", fallbackTarget: "static:///10.0.0.1", retry: { maxAttempts: 0 } },
    message: "retry.maxAttempts must be a whole number from 1 to 10, not 0",
  },
  {
    options: { target: "static:///127.0.0.1", fallbackTarget: "static:///10.0.0.1" },
    message:
      '2 problems:\n- target "static:///127.0.0.1": "127.0.0.1" has no port: write it behind the host, as in "127.0.0.1:8443"\n- fallbackTarget "static:///10.0.0.1": "10.0.0.1" has no port: write it behind the host, as in "10.0.0.1:8443"',
  },
  {
    options: { target: "static:///127.0.0.1:1", fallbackTarget: "static:///10.0.0.1:1?max-attempts=2" },
    message:
      'fallbackTarget "static:///10.0.0.1:1?max-attempts=2": "max-attempts" in its query is an option of the whole transport, which only "target" can give',
  },
  {
    options: { target: "static:///127.0.0.1:1?fallback-target=static:///10.0.0.1:1" },
    message:
      'target "static:///127.0.0.1:1?fallback-target=static:///10.0.0.1:1": "fallback-target" must not be in a target; set CONNECT_LB_FALLBACK_TARGET',
  },
  {
    options: { target: "static:///", tls: false },
    message: 'target "static:///": it has no name, as in "static:///10.0.0.1:8080,10.0.0.2:8080"',
  },
  {
    options: { target: "static:///10.0.0.1", tls: false },
    message: 'target "static:///10.0.0.1": "10.0.0.1" has no port: write it behind the host, as in "10.0.0.1:8443"',
  },
  {
    options: { target: "static://10.0.0.1:80", tls: false },
    message: 'target "static://10.0.0.1:80": it has no name after the server, as in "static:///10.0.0.1:80"',
  },
  {
    options: { target: "static:///10.0.0.1:80,,10.0.0.2:80", tls: false },
    message: 'target "static:///10.0.0.1:80,,10.0.0.2:80": "" is not "host:port"; an IPv6 address needs brackets',
  },
  {
    options: { target: "static:///10.0.0.1:70000", tls: false },
    message: 'target "static:///10.0.0.1:70000": "10.0.0.1:70000" has a port outside 1 to 65535',
  },
  {
    options: { target: "srv:///%zz", tls: false },
    message: 'target "srv:///%zz": it has a percent sign that does not start an escape',
  },
  {
    options: { target: "srv:///x.test/y", tls: false },
    message: 'target "srv:///x.test/y": its name has a slash; write one name after the server',
  },
  {
    options: { target: " srv:///x.test", tls: false },
    message:
      'target " srv:///x.test": it must have the form scheme://[server]/name, such as "srv:///_grpc._tcp.users.example.com"',
  },
  {
    options: { target: "consul:///users?query=geo&tag=v1", tls: false },
    message: 'target "consul:///users?query=geo&tag=v1": "tag" is for services; a prepared query has tags of its own',
  },
  {
    options: { target: "consul://10.0.0.1,agent/users", tls: false },
    message:
      'target "consul://10.0.0.1,agent/users": the server "agent" must be an IP address, or address:port; for the system\'s DNS servers write "consul:///users"',
  },
  {
    options: { target: "consul+http:///users", tls: false },
    message: 'target "consul+http:///users": it needs a server, as in "consul+http://127.0.0.1:8500/users"',
  },
  {
    options: { target: "consul+https:///users", tls: false },
    message: 'target "consul+https:///users": it needs a server, as in "consul+https://127.0.0.1:8501/users"',
  },
  {
    options: { target: "consul+http://10.0.0.1:8500", tls: false },
    message:
      'target "consul+http://10.0.0.1:8500": it has no name after the server, as in "consul+http://10.0.0.1:8500/users"',
  },
  {
    options: { target: "consul+http://10.0.0.1,/users", tls: false },
    message: 'target "consul+http://10.0.0.1,/users": the server "" must be a host or an IP address, or host:port',
  },
  {
    options: { target: "consul+http://agent:85000/users", tls: false },
    message:
      'target "consul+http://agent:85000/users": the server "agent:85000" must be a host or an IP address, or host:port',
  },
  {
    options: { target: "consul+http://10.0.0.1/users/canary", tls: false },
    message: 'target "consul+http://10.0.0.1/users/canary": its name has a slash; write one name after the server',
  },
  {
    options: { target: "consul+http://10.0.0.1/us ers", tls: false },
    message:
      'target "consul+http://10.0.0.1/us ers": "us ers.service.consul" is not a host name: it contains characters other than letters, digits, "-", "_" and dots',
  },
  {
    options: { target: "consul+http://10.0.0.1/_users._canary", tls: false },
    message:
      'target "consul+http://10.0.0.1/_users._canary": write the service "_users._canary" as in "users?tag=canary"',
  },
  {
    options: { target: "consul+http://10.0.0.1/users?peer=p1&dc=dc2", tls: false },
    message:
      'target "consul+http://10.0.0.1/users?peer=p1&dc=dc2": "peer" and "dc" exclude each other: a peer is a cluster of its own; leave one out',
  },
  {
    options: { target: "consul:///users?peer=p1&dc=dc2", tls: false },
    message:
      'target "consul:///users?peer=p1&dc=dc2": "peer" and "dc" exclude each other: a peer is a cluster of its own; leave one out',
  },
  {
    options: { target: "consul+http://10.0.0.1/users?query=geo&ns=team-a", tls: false },
    message:
      'target "consul+http://10.0.0.1/users?query=geo&ns=team-a": "peer", "ns" and "partition" are for services; a prepared query has its own',
  },
  {
    options: { target: "consul:///users?ns=team_a", tls: false },
    message:
      'target "consul:///users?ns=team_a": "ns" in its query must have 1 to 63 letters, digits or hyphens, not "team_a"',
  },
  {
    options: { target: "consul:///users?namespace=team-a", tls: false },
    message: 'target "consul:///users?namespace=team-a": unknown key "namespace" in its query; did you mean "ns"?',
  },
  {
    options: { target: "consul:///users?partitions=a", tls: false },
    message: 'target "consul:///users?partitions=a": unknown key "partitions" in its query; did you mean "partition"?',
  },
  {
    options: { target: "consul+http://10.0.0.1/users?passing=yes", tls: false },
    message:
      'target "consul+http://10.0.0.1/users?passing=yes": "passing" in its query must be "true" or "false", not "yes"',
  },
  {
    options: { target: "consul+http://10.0.0.1/users?pasing=true", tls: false },
    message:
      'target "consul+http://10.0.0.1/users?pasing=true": unknown key "pasing" in its query; did you mean "passing"?',
  },
  {
    options: { target: "consul+http://10.0.0.1/users?index=7", tls: false },
    message:
      'target "consul+http://10.0.0.1/users?index=7": unknown key "index" in its query; docs/configuration.md lists all of them',
  },
  {
    options: { target: "consul+http://10.0.0.1/users?near=a&near=b", tls: false },
    message: 'target "consul+http://10.0.0.1/users?near=a&near=b": "near" appears twice in its query',
  },
  {
    options: { target: "consul+http://10.0.0.1/users?tag=a&tag=", tls: false },
    message: 'target "consul+http://10.0.0.1/users?tag=a&tag=": "tag" in its query is empty',
  },
  {
    options: { target: "consul+http://10.0.0.1/users?query=geo&filter=x", tls: false },
    message:
      'target "consul+http://10.0.0.1/users?query=geo&filter=x": "tag", "filter" and "passing" are for services; a prepared query has its own',
  },
  {
    options: { target: "consul+http://:secret@10.0.0.1/users", tls: false },
    message: 'target "consul+http://***@10.0.0.1/users": a target must not contain credentials',
  },
  {
    options: { target: "consul-http://10.0.0.1/users", tls: false },
    message: 'target "consul-http://10.0.0.1/users": unknown scheme "consul-http"; did you mean "consul+http"?',
  },
  {
    options: { target: "static:///127.0.0.1:1", timeoutMs: 1 },
    message: 'unknown option "timeoutMs"; did you mean "defaultTimeoutMs"? A call has a "timeoutMs" of its own',
  },
  {
    options: { target: "static:///127.0.0.1:1", retries: 3 },
    message: 'unknown option "retries"; did you mean "retry.maxAttempts"? It counts the first attempt as well',
  },
  {
    options: { target: "static:///127.0.0.1:1", "grpc.service_config": "x" },
    message:
      'unknown option "grpc.service_config"; channel options of grpc-js have no effect here: "retry", "breaker" and "picker" do what a service config does',
  },
  {
    options: { target: "static:///127.0.0.1:1", baseUrl: "x" },
    message: 'unknown option "baseUrl"; did you mean "target"? For one server it is "dns:///users.example.com:8443"',
  },
  {
    options: { target: "static:///127.0.0.1:1", nodeOptions: {} },
    message:
      'unknown option "nodeOptions"; did you mean "tls" (certificates) or "connection" (how long connections live)?',
  },
  {
    options: { target: "static:///127.0.0.1:1", tls: { rejectUnauthorized: false } },
    message:
      'unknown option "tls.rejectUnauthorized"; certificates are always verified: "tls.ca" sets the authority to trust',
  },
  {
    options: { target: "https://users.example.com" },
    message: 'target "https://users.example.com": unknown scheme "https"; write "dns:///users.example.com:443"',
  },
  {
    options: { target: "https://users.example.com:8443/api" },
    message:
      'target "https://users.example.com:8443/api": unknown scheme "https"; write "dns:///users.example.com:8443"',
  },
  {
    options: { target: ["10.0.0.1:80"] },
    message:
      'target must be a URI such as "srv:///_grpc._tcp.users.example.com", or a resolver; it is not text and has no resolve(); a list is written "static:///10.0.0.1:8080,10.0.0.2:8080"',
  },
  {
    options: { target: "static:///::1:8080" },
    message:
      'target "static:///::1:8080": "::1:8080" is not "host:port"; an IPv6 address needs brackets; did you mean "[::1]:8080"?',
  },
  {
    options: { target: "static:///127.0.0.1:1", retry: { idempotentMethods: ["/users.v1.UserService/GetUser"] } },
    message:
      'retry.idempotentMethods must be a list of methods, each "package.Service/Method" or "package.Service/*", not ["/users.v1.UserService/GetUser"]; did you mean "users.v1.UserService/GetUser"?',
  },
  {
    options: { target: "static:///127.0.0.1:1", picker: "round_robin" },
    message: 'picker must be "p2c" or "round-robin", or a function, not "round_robin"; did you mean "round-robin"?',
  },
  {
    options: { target: "static:///127.0.0.1:1", useBinaryFormat: false },
    message: 'unknown option "useBinaryFormat"; did you mean "connect.useBinaryFormat"?',
  },
  {
    options: { target: "static:///127.0.0.1:1", retry: { attempts: 2 } },
    message: 'unknown option "retry.attempts"; did you mean "retry.maxAttempts"?',
  },
  {
    options: { target: "static:///127.0.0.1:1", retry: 3 },
    message:
      'retry must be an object, or false, not 3; did you mean "retry.maxAttempts" (max-attempts, CONNECT_LB_MAX_ATTEMPTS)? It counts the first attempt as well',
  },
  {
    options: { target: "static:///127.0.0.1:1", retry: { maxAttempts: 11 } },
    message: "retry.maxAttempts must be a whole number from 1 to 10, not 11",
  },
  {
    options: { target: "static:///127.0.0.1:1", breaker: true },
    message: "breaker must be an object, or false, not true; it is on by default: leave it out",
  },
  {
    options: { target: "static:///127.0.0.1:1", log: true },
    message: 'log must be "info" or "debug", not true; did you mean "info"? It includes warnings',
  },
  {
    options: { target: "static:///127.0.0.1:1", log: "warn" },
    message: 'log must be "info" or "debug", not "warn"; did you mean "info"? It includes warnings',
  },
  {
    options: { target: "static:///127.0.0.1:1", log: { info() {} } },
    message: 'log must be "info" or "debug", not {}; to write to a logger of your own, use "onEvent"',
  },
  {
    options: { target: "static:///127.0.0.1:1", interceptors: () => {} },
    message: "interceptors must be a list, each entry a function, not a function; write a list, even for one entry",
  },
  {
    options: { target: "static:///127.0.0.1:1", connect: { sendCompression: "gzip" } },
    message:
      'connect.sendCompression must be an object, not "gzip"; write compressionGzip, of @connectrpc/connect-node',
  },
  {
    options: { target: "static:///127.0.0.1:1", connection: { idleMs: 0 } },
    message: "connection.idleMs must be a number of milliseconds from 1 to 2147483647, not 0",
  },
  {
    options: { target: "static:///127.0.0.1:1", defaultTimeoutMs: "2s" },
    message: 'defaultTimeoutMs must be a number of milliseconds from 1 to 2147483647, not "2s"; did you mean 2000?',
  },
  {
    options: { target: "grpcs://users.example.com", tls: false },
    message: 'target "grpcs://users.example.com": unknown scheme "grpcs"; write "dns:///users.example.com:443"',
  },
  {
    options: { target: "dns://users.example.com:8443" },
    message:
      'target "dns://users.example.com:8443": it has no name after the server, as in "dns:///users.example.com:8443"',
  },
  {
    options: { target: "consul://users" },
    message: 'target "consul://users": it has no name after the server, as in "consul:///users"',
  },
  {
    options: { target: "etcd:///users" },
    message:
      'target "etcd:///users": unknown scheme "etcd"; expected one of: srv, consul, consul+http, consul+https, dns, static',
  },
  {
    options: { target: "xds:///users" },
    message:
      'target "xds:///users": unknown scheme "xds"; expected one of: srv, consul, consul+http, consul+https, dns, static',
  },
  {
    options: { target: "static:///127.0.0.1:8080/" },
    message: 'target "static:///127.0.0.1:8080/": its name ends with a slash; leave that out',
  },
  {
    options: { target: "static:///127.0.0.1:8080, 127.0.0.1:8081" },
    message:
      'target "static:///127.0.0.1:8080, 127.0.0.1:8081": " 127.0.0.1" is not a host name: it contains characters other than letters, digits, "-", "_" and dots; did you mean "127.0.0.1"?',
  },
  {
    options: {
      target: "static:///127.0.0.1:1",
      createEndpointTransport: () => {},
      attemptInterceptors: [() => {}],
      connection: { idleMs: 1_000, maxAgeMs: undefined },
    },
    message:
      "2 problems:\n- attemptInterceptors has no effect beside createEndpointTransport: pass it to the transport that this factory creates\n- connection.idleMs has no effect beside createEndpointTransport: pass it to the transport that this factory creates",
  },
];
