/** Environments that are wrong, for the transport of this name, and the exact message that each gets. */
export const badEnvironments: readonly {
  readonly name?: string;
  readonly env: Readonly<Record<string, string>>;
  readonly message: string;
}[] = [
  {
    env: {},
    message: 'CONNECT_LB_TARGET is not set; set it to a target such as "srv:///_grpc._tcp.users.example.com"',
  },
  {
    env: { CONNECT_LB_TARGET: "" },
    message: 'CONNECT_LB_TARGET is not set; set it to a target such as "srv:///_grpc._tcp.users.example.com"',
  },
  {
    name: "orders",
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test" },
    message: 'CONNECT_LB_ORDERS_TARGET is not set; set it to a target such as "srv:///_grpc._tcp.users.example.com"',
  },
  {
    name: "orders",
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_ORDERS_TARGET: "" },
    message: 'CONNECT_LB_ORDERS_TARGET is not set; set it to a target such as "srv:///_grpc._tcp.users.example.com"',
  },
  {
    name: "orders",
    env: { CONNECT_LB_ORDER_TARGET: "srv:///_grpc._tcp.users.test" },
    message: "CONNECT_LB_ORDERS_TARGET is not set, but CONNECT_LB_ORDER_TARGET is: is one of the names wrong?",
  },
  {
    env: { CONNECT_LB_ORDERS_TARGET: "srv:///_grpc._tcp.users.test" },
    message: 'CONNECT_LB_TARGET is not set; set it to a target such as "srv:///_grpc._tcp.users.example.com"',
  },
  {
    env: { CONNECT_LB_FALLBACK_TARGET: "srv:///_grpc._tcp.users.test" },
    message: 'CONNECT_LB_TARGET is not set; set it to a target such as "srv:///_grpc._tcp.users.example.com"',
  },
  {
    name: "fallback",
    env: { CONNECT_LB_FALLBACK_TARGET: "srv:///_grpc._tcp.users.test" },
    message: 'a transport cannot be named "fallback": CONNECT_LB_FALLBACK_… are variables of options',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_FALLBACK_TARGET: "backup.test" },
    message:
      'fallbackTarget "backup.test": it must have the form scheme://[server]/name, such as "srv:///_grpc._tcp.users.example.com"',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_FALLBACK_TRAGET: "dns:///backup.test:80" },
    message: 'unknown variable CONNECT_LB_FALLBACK_TRAGET; did you mean "CONNECT_LB_FALLBACK_TARGET"?',
  },
  {
    env: { CONNECT_LB_TRAGET: "srv:///_grpc._tcp.users.test" },
    message:
      '2 problems:\n- unknown variable CONNECT_LB_TRAGET; did you mean "CONNECT_LB_TARGET"?\n- CONNECT_LB_TARGET is not set; set it to a target such as "srv:///_grpc._tcp.users.example.com"',
  },
  {
    name: "orders",
    env: { CONNECT_LB_ORDERS_TRAGET: "srv:///_grpc._tcp.users.test" },
    message:
      '2 problems:\n- unknown variable CONNECT_LB_ORDERS_TRAGET; did you mean "CONNECT_LB_ORDERS_TARGET"?\n- CONNECT_LB_ORDERS_TARGET is not set; set it to a target such as "srv:///_grpc._tcp.users.example.com"',
  },
  {
    env: { CONNECT_LB_TARGET: "users.example.com" },
    message:
      'target "users.example.com": it must have the form scheme://[server]/name, such as "srv:///_grpc._tcp.users.example.com"',
  },
  {
    env: { CONNECT_LB_TARGET: "consul://token:secret@10.0.0.1/users" },
    message: 'target "consul://***@10.0.0.1/users": a target must not contain credentials',
  },
  {
    env: { CONNECT_LB_TARGET: "http://users" },
    message: 'target "http://users": unknown scheme "http"; write "dns:///users:80", with tls: false for cleartext',
  },
  {
    env: { CONNECT_LB_TARGET: "etcd://10.0.0.7:2379/users" },
    message:
      'target "etcd://10.0.0.7:2379/users": unknown scheme "etcd"; expected one of: srv, consul, consul+http, consul+https, dns, static',
  },
  {
    name: "retry",
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test" },
    message: 'a transport cannot be named "retry": CONNECT_LB_RETRY_… are variables of options',
  },
  {
    name: "dns",
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test" },
    message: 'a transport cannot be named "dns": CONNECT_LB_DNS_… are variables of options',
  },
  {
    name: "service",
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test" },
    message: 'a transport cannot be named "service": CONNECT_LB_SERVICE_… are variables of options',
  },
  {
    name: "port",
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test" },
    message: 'a transport cannot be named "port": CONNECT_LB_PORT_… are variables of options',
  },
  {
    name: "",
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test" },
    message: 'the name "" must be letters, digits, hyphens or underscores, starting with a letter',
  },
  {
    name: "2nd",
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test" },
    message: 'the name "2nd" must be letters, digits, hyphens or underscores, starting with a letter',
  },
  {
    name: "or ders",
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test" },
    message: 'the name "or ders" must be letters, digits, hyphens or underscores, starting with a letter',
  },
  {
    name: "target",
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test" },
    message: 'a transport cannot be named "target": CONNECT_LB_TARGET_… are variables of options',
  },
  {
    name: "Max",
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test" },
    message: 'a transport cannot be named "Max": CONNECT_LB_MAX_… are variables of options',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_TIMOUT: "1s" },
    message: 'unknown variable CONNECT_LB_TIMOUT; did you mean "CONNECT_LB_TIMEOUT"?',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_TIMEOUTS: "1s" },
    message: 'unknown variable CONNECT_LB_TIMEOUTS; did you mean "CONNECT_LB_TIMEOUT"?',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_MAX_ATTEMPT: "2" },
    message: 'unknown variable CONNECT_LB_MAX_ATTEMPT; did you mean "CONNECT_LB_MAX_ATTEMPTS"?',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_DEBUG: "true" },
    message: "unknown variable CONNECT_LB_DEBUG; docs/configuration.md lists all of them",
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_PORTS: "1" },
    message: "unknown variable CONNECT_LB_PORTS; docs/configuration.md lists all of them",
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_SERVICE: "users" },
    message: "unknown variable CONNECT_LB_SERVICE; docs/configuration.md lists all of them",
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_SERVERS: "10.0.0.1" },
    message: "unknown variable CONNECT_LB_SERVERS; docs/configuration.md lists all of them",
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_TLS_SERVERNAME: "x" },
    message: 'unknown variable CONNECT_LB_TLS_SERVERNAME; did you mean "CONNECT_LB_TLS_SERVER_NAME"?',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_DNS_SERVER: "10.0.0.2" },
    message: 'unknown variable CONNECT_LB_DNS_SERVER; did you mean "CONNECT_LB_DNS_SERVERS"?',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_RETRY_TIMEOUT: "1s" },
    message: "unknown variable CONNECT_LB_RETRY_TIMEOUT; docs/configuration.md lists all of them",
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_TIMEOUT: "500" },
    message: 'CONNECT_LB_TIMEOUT needs a unit: write "500ms" or "500s"',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_TIMEOUT: "1.5" },
    message: 'CONNECT_LB_TIMEOUT needs a unit: write "1.5ms" or "1.5s"',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_TIMEOUT: "2 s" },
    message:
      'CONNECT_LB_TIMEOUT must be a duration with a unit (ms, s, m or h), such as "500ms" or "2s", from 1ms to 596h, not "2 s"',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_TIMEOUT: "-1s" },
    message:
      'CONNECT_LB_TIMEOUT must be a duration with a unit (ms, s, m or h), such as "500ms" or "2s", from 1ms to 596h, not "-1s"',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_TIMEOUT: "0s" },
    message:
      'CONNECT_LB_TIMEOUT must be a duration with a unit (ms, s, m or h), such as "500ms" or "2s", from 1ms to 596h, not "0s"',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_TIMEOUT: "1d" },
    message:
      'CONNECT_LB_TIMEOUT must be a duration with a unit (ms, s, m or h), such as "500ms" or "2s", from 1ms to 596h, not "1d"',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_TIMEOUT: "1e3ms" },
    message:
      'CONNECT_LB_TIMEOUT must be a duration with a unit (ms, s, m or h), such as "500ms" or "2s", from 1ms to 596h, not "1e3ms"',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_TIMEOUT: "soon" },
    message:
      'CONNECT_LB_TIMEOUT must be a duration with a unit (ms, s, m or h), such as "500ms" or "2s", from 1ms to 596h, not "soon"',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_TIMEOUT: "600h" },
    message:
      'CONNECT_LB_TIMEOUT must be a duration with a unit (ms, s, m or h), such as "500ms" or "2s", from 1ms to 596h, not "600h"',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_TIMEOUT: "NaN" },
    message:
      'CONNECT_LB_TIMEOUT must be a duration with a unit (ms, s, m or h), such as "500ms" or "2s", from 1ms to 596h, not "NaN"',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_ATTEMPT_TIMEOUT: "100" },
    message: 'CONNECT_LB_ATTEMPT_TIMEOUT needs a unit: write "100ms" or "100s"',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_CONNECT_TIMEOUT: "1sec" },
    message:
      'CONNECT_LB_CONNECT_TIMEOUT must be a duration with a unit (ms, s, m or h), such as "500ms" or "2s", from 1ms to 596h, not "1sec"',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_CONNECTION_IDLE: "0ms" },
    message:
      'CONNECT_LB_CONNECTION_IDLE must be a duration with a unit (ms, s, m or h), such as "500ms" or "2s", from 1ms to 596h, not "0ms"',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_DNS_MIN_TTL: "5" },
    message: 'CONNECT_LB_DNS_MIN_TTL needs a unit: write "5ms" or "5s"',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_DNS_MAX_STALE: "1h30m" },
    message:
      'CONNECT_LB_DNS_MAX_STALE must be a duration with a unit (ms, s, m or h), such as "500ms" or "2s", from 0ms to 596h, not "1h30m"',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_MAX_ATTEMPTS: "0" },
    message: 'CONNECT_LB_MAX_ATTEMPTS must be a whole number from 1 to 10, not "0"',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_MAX_ATTEMPTS: "three" },
    message: 'CONNECT_LB_MAX_ATTEMPTS must be a whole number from 1 to 10, not "three"',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_MAX_ATTEMPTS: "1.5" },
    message: 'CONNECT_LB_MAX_ATTEMPTS must be a whole number from 1 to 10, not "1.5"',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_MAX_ATTEMPTS: "11" },
    message: 'CONNECT_LB_MAX_ATTEMPTS must be a whole number from 1 to 10, not "11"',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_MAX_ATTEMPTS: "0x2" },
    message: 'CONNECT_LB_MAX_ATTEMPTS must be a whole number from 1 to 10, not "0x2"',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_MAX_ATTEMPTS: " 2" },
    message: 'CONNECT_LB_MAX_ATTEMPTS must be a whole number from 1 to 10, not " 2"',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_BREAKER_FAILURE_RATIO: "50%" },
    message: 'CONNECT_LB_BREAKER_FAILURE_RATIO must be a number above 0 and up to 1, not "50%"',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_BREAKER_FAILURE_RATIO: "1.5" },
    message: 'CONNECT_LB_BREAKER_FAILURE_RATIO must be a number above 0 and up to 1, not "1.5"',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_BREAKER_MIN_CALLS: "-1" },
    message: 'CONNECT_LB_BREAKER_MIN_CALLS must be a whole number from 1 to 1000000, not "-1"',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_READ_MAX_BYTES: "4MB" },
    message: 'CONNECT_LB_READ_MAX_BYTES must be a whole number from 1 to 4294967295, not "4MB"',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_TLS: "off" },
    message: 'CONNECT_LB_TLS must be "true" or "false", not "off"',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_TLS: "no" },
    message: 'CONNECT_LB_TLS must be "true" or "false", not "no"',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_RETRY: "2" },
    message:
      'CONNECT_LB_RETRY must be "true" or "false", not "2"; did you mean "retry.maxAttempts" (max-attempts, CONNECT_LB_MAX_ATTEMPTS)? It counts the first attempt as well',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_BREAKER: "disabled" },
    message: 'CONNECT_LB_BREAKER must be "true" or "false", not "disabled"',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_USE_HTTP_GET: "yes" },
    message: 'CONNECT_LB_USE_HTTP_GET must be "true" or "false", not "yes"',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_PROTOCOL: "http" },
    message: 'CONNECT_LB_PROTOCOL must be "connect" or "grpc" or "grpc-web", not "http"',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_PROTOCOL: "GRPC" },
    message: 'CONNECT_LB_PROTOCOL must be "connect" or "grpc" or "grpc-web", not "GRPC"; did you mean "grpc"?',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_HTTP_VERSION: "1" },
    message: 'CONNECT_LB_HTTP_VERSION must be "2" or "1.1", not "1"',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_PICKER: "random" },
    message: 'CONNECT_LB_PICKER must be "p2c" or "round-robin", not "random"',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_DNS_FAMILY: "4" },
    message: 'CONNECT_LB_DNS_FAMILY must be "auto" or "ipv4" or "ipv6", not "4"',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_DNS_TRANSPORT: "doh" },
    message: 'CONNECT_LB_DNS_TRANSPORT must be "udp" or "tcp", not "doh"',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_LOG: "trace" },
    message: 'CONNECT_LB_LOG must be "info" or "debug", not "trace"',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_LOG: "true" },
    message: 'CONNECT_LB_LOG must be "info" or "debug", not "true"',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_PATH_PREFIX: "api" },
    message: 'CONNECT_LB_PATH_PREFIX must be a path that starts with a slash, such as "/api", not "api"',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_RETRY_CODES: "14" },
    message:
      'CONNECT_LB_RETRY_CODES must be a list of codes with commas, such as "unavailable,resource_exhausted", not "14"',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_RETRY_CODES: "unavailable," },
    message:
      'CONNECT_LB_RETRY_CODES must be a list of codes with commas, such as "unavailable,resource_exhausted", not "unavailable,"',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_RETRY_CODES: "unavailible" },
    message:
      'CONNECT_LB_RETRY_CODES must be a list of codes with commas, such as "unavailable,resource_exhausted", not "unavailible"',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_IDEMPOTENT_METHODS: "GetUser" },
    message:
      'CONNECT_LB_IDEMPOTENT_METHODS must be a list of methods, each "package.Service/Method" or "package.Service/*", not "GetUser"',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_DNS_SERVERS: "ns.example.com" },
    message:
      'CONNECT_LB_DNS_SERVERS must be a list of IP addresses, each "address" or "address:port", not "ns.example.com"',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_DNS_SERVERS: "10.0.0.2,,10.0.0.3" },
    message:
      'CONNECT_LB_DNS_SERVERS must be a list of IP addresses, each "address" or "address:port", not "10.0.0.2,,10.0.0.3"',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_TLS_TARGET_SUFFIXES: "a b" },
    message:
      'CONNECT_LB_TLS_TARGET_SUFFIXES must be a list of domains of two labels or more, such as "example.com", not "a b"',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_TLS_SERVER_NAME: "https://x" },
    message: 'CONNECT_LB_TLS_SERVER_NAME must be a host name, or "target", not "https://x"; did you mean "x"?',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_TLS_KEY: "hunter2" },
    message: 'CONNECT_LB_TLS_KEY must be PEM text, or "file:" and a path',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_TLS_CA: "/etc/ca.pem" },
    message: 'CONNECT_LB_TLS_CA must be PEM text, or "file:" and a path',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_TLS_CERT: "file:/cert.pem" },
    message: "tls.cert needs tls.key",
  },
  {
    env: {
      CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test",
      CONNECT_LB_TLS: "false",
      CONNECT_LB_TLS_CA: "file:/ca.pem",
    },
    message: "CONNECT_LB_TLS is false, so CONNECT_LB_TLS_CA has no effect: leave one of them out",
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_RETRY: "false", CONNECT_LB_MAX_ATTEMPTS: "2" },
    message: "CONNECT_LB_RETRY is false, so CONNECT_LB_MAX_ATTEMPTS has no effect: leave one of them out",
  },
  {
    name: "orders",
    env: { CONNECT_LB_ORDERS_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_ORDERS_TIMEOUT: "5" },
    message: 'CONNECT_LB_ORDERS_TIMEOUT needs a unit: write "5ms" or "5s"',
  },
  {
    name: "orders",
    env: { CONNECT_LB_ORDERS_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_ORDERS_TIMOUT: "5s" },
    message: 'unknown variable CONNECT_LB_ORDERS_TIMOUT; did you mean "CONNECT_LB_ORDERS_TIMEOUT"?',
  },
  {
    name: "orders",
    env: {
      CONNECT_LB_ORDERS_TARGET: "srv:///_grpc._tcp.users.test",
      CONNECT_LB_ORDERS_BREAKER: "false",
      CONNECT_LB_ORDERS_BREAKER_MIN_CALLS: "5",
    },
    message:
      "CONNECT_LB_ORDERS_BREAKER is false, so CONNECT_LB_ORDERS_BREAKER_MIN_CALLS has no effect: leave one of them out",
  },
  {
    name: "orders",
    env: { CONNECT_LB_ORDERS_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_TIMEOUT: "5" },
    message: 'CONNECT_LB_TIMEOUT needs a unit: write "5ms" or "5s"',
  },
  {
    env: {
      CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test",
      CONNECT_LB_PROTOCOL: "grpc",
      CONNECT_LB_HTTP_VERSION: "1.1",
    },
    message: 'protocol "grpc" needs HTTP/2: leave httpVersion out, or use protocol "grpc-web" or "connect"',
  },
  {
    env: {
      CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test",
      CONNECT_LB_DNS_MIN_TTL: "10m",
      CONNECT_LB_DNS_MAX_TTL: "1m",
    },
    message: "dns.minTtlMs (600000) must not be above dns.maxTtlMs (60000)",
  },
  {
    env: {
      CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test",
      CONNECT_LB_PROTOCOL: "grpc",
      CONNECT_LB_USE_HTTP_GET: "true",
    },
    message: 'connect.useHttpGet works with protocol "connect", not with "grpc"',
  },
  {
    env: { CONNECT_LB_TIMEOUT: "5", CONNECT_LB_PICKER: "x", CONNECT_LB_ZZZ: "1" },
    message:
      '4 problems:\n- CONNECT_LB_PICKER must be "p2c" or "round-robin", not "x"\n- CONNECT_LB_TIMEOUT needs a unit: write "5ms" or "5s"\n- unknown variable CONNECT_LB_ZZZ; docs/configuration.md lists all of them\n- CONNECT_LB_TARGET is not set; set it to a target such as "srv:///_grpc._tcp.users.example.com"',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test?timeout=500" },
    message:
      'target "srv:///_grpc._tcp.users.test?timeout=500": "timeout" in its query needs a unit: write "500ms" or "500s"',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test?max-attempts=0" },
    message:
      'target "srv:///_grpc._tcp.users.test?max-attempts=0": "max-attempts" in its query must be a whole number from 1 to 10, not "0"',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test?max-attempts=2&max-attempts=3" },
    message:
      'target "srv:///_grpc._tcp.users.test?max-attempts=2&max-attempts=3": "max-attempts" appears twice in its query',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test?maxAttempts=2" },
    message:
      'target "srv:///_grpc._tcp.users.test?maxAttempts=2": unknown key "maxAttempts" in its query; did you mean "max-attempts"?',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test?tls-key=hunter2" },
    message:
      'target "srv:///_grpc._tcp.users.test?tls-key=***": "tls-key" may be a secret and must not be in a target; set CONNECT_LB_TLS_KEY',
  },
  {
    env: { CONNECT_LB_TARGET: "consul:///users", CONSUL_NAMESPACE: "team a" },
    message: 'target "consul:///users": CONSUL_NAMESPACE must have 1 to 63 letters, digits or hyphens, not "team a"',
  },
  {
    env: { CONNECT_LB_TARGET: "consul+https://10.0.0.1/users", CONSUL_HTTP_SSL_VERIFY: "false" },
    message:
      'target "consul+https://10.0.0.1/users": CONSUL_HTTP_SSL_VERIFY must be true or unset, not "false": certificates are always verified; set CONSUL_CACERT to the authority\'s certificate, and CONSUL_TLS_SERVER_NAME if they have another name',
  },
  {
    env: { CONNECT_LB_TARGET: "consul+https://10.0.0.1/users", CONSUL_CAPATH: "/etc/ssl" },
    message:
      'target "consul+https://10.0.0.1/users": CONSUL_CAPATH is not read; put the certificates into one file and set CONSUL_CACERT to it',
  },
  {
    env: { CONNECT_LB_TARGET: "consul+http://10.0.0.1/users?auth=me:hunter2" },
    message:
      'target "consul+http://10.0.0.1/users?auth=***": "auth" is a secret and must not be in a target; set CONSUL_HTTP_AUTH',
  },
  {
    env: { CONNECT_LB_TARGET: "consul+http://10.0.0.1/users?token=hunter2" },
    message:
      'target "consul+http://10.0.0.1/users?token=***": "token" is a secret and must not be in a target; set CONSUL_HTTP_TOKEN',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test?tls-ca=x" },
    message:
      'target "srv:///_grpc._tcp.users.test?tls-ca=***": "tls-ca" may be a secret and must not be in a target; set CONNECT_LB_TLS_CA',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test?timeout=" },
    message: 'target "srv:///_grpc._tcp.users.test?timeout=": "timeout" in its query is empty',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test?picker=random" },
    message:
      'target "srv:///_grpc._tcp.users.test?picker=random": "picker" in its query must be "p2c" or "round-robin", not "random"',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test?tag=canary" },
    message:
      'target "srv:///_grpc._tcp.users.test?tag=canary": unknown key "tag" in its query; docs/configuration.md lists all of them',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test?tls=0&protocol=h2" },
    message:
      'target "srv:///_grpc._tcp.users.test?tls=0&protocol=h2": "protocol" in its query must be "connect" or "grpc" or "grpc-web", not "h2"',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test?retry-codes=busy" },
    message:
      'target "srv:///_grpc._tcp.users.test?retry-codes=busy": "retry-codes" in its query must be a list of codes with commas, such as "unavailable,resource_exhausted", not "busy"',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test?dns-servers=ns" },
    message:
      'target "srv:///_grpc._tcp.users.test?dns-servers=ns": "dns-servers" in its query must be a list of IP addresses, each "address" or "address:port", not "ns"',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test?on-event=x" },
    message:
      'target "srv:///_grpc._tcp.users.test?on-event=x": unknown key "on-event" in its query; docs/configuration.md lists all of them',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test?constructor=1" },
    message:
      'target "srv:///_grpc._tcp.users.test?constructor=1": unknown key "constructor" in its query; docs/configuration.md lists all of them',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test?log=loud" },
    message: 'target "srv:///_grpc._tcp.users.test?log=loud": "log" in its query must be "info" or "debug", not "loud"',
  },
  {
    env: { CONNECT_LB_TARGET: "consul:///users?near=_agent" },
    message:
      'target "consul:///users?near=_agent": unknown key "near" in its query; docs/configuration.md lists all of them',
  },
  {
    env: { CONNECT_LB_TARGET: "consul:///users?dcs=dc2" },
    message: 'target "consul:///users?dcs=dc2": unknown key "dcs" in its query; did you mean "dc"?',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_CALL_TIMEOUT: "1s" },
    message:
      'unknown variable CONNECT_LB_CALL_TIMEOUT; did you mean "CONNECT_LB_TIMEOUT"? (if it is that of a transport "call", CONNECT_LB_CALL_TARGET must be set too)',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_REQUEST_TIMEOUT: "1s" },
    message:
      'unknown variable CONNECT_LB_REQUEST_TIMEOUT; did you mean "CONNECT_LB_TIMEOUT"? (if it is that of a transport "request", CONNECT_LB_REQUEST_TARGET must be set too)',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_GLOBAL_TIMEOUT: "1s" },
    message:
      'unknown variable CONNECT_LB_GLOBAL_TIMEOUT; did you mean "CONNECT_LB_TIMEOUT"? (if it is that of a transport "global", CONNECT_LB_GLOBAL_TARGET must be set too)',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_ENABLE_TLS: "false" },
    message: 'unknown variable CONNECT_LB_ENABLE_TLS; did you mean "CONNECT_LB_TLS"? It is "true" or "false"',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_DISABLE_RETRY: "true" },
    message:
      'unknown variable CONNECT_LB_DISABLE_RETRY; did you mean "CONNECT_LB_RETRY"? With "false" every call is sent once',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_DISABLE_BREAKER: "true" },
    message:
      'unknown variable CONNECT_LB_DISABLE_BREAKER; did you mean "CONNECT_LB_BREAKER"? With "false" no endpoint is ever ejected',
  },
  {
    name: "orders",
    env: { CONNECT_LB_ORDERS_TARGET: "srv:///_grpc._tcp.orders.test", CONNECT_LB_ORDERS_LOG_LEVEL: "info" },
    message:
      'unknown variable CONNECT_LB_ORDERS_LOG_LEVEL; did you mean "CONNECT_LB_ORDERS_LOG"? It is "info" or "debug"',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_LOG_LEVEL: "info" },
    message: 'unknown variable CONNECT_LB_LOG_LEVEL; did you mean "CONNECT_LB_LOG"? It is "info" or "debug"',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_RETRIES: "3" },
    message:
      'unknown variable CONNECT_LB_RETRIES; did you mean "CONNECT_LB_MAX_ATTEMPTS"? It counts the first attempt as well',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_MAX_RETRIES: "3" },
    message:
      'unknown variable CONNECT_LB_MAX_RETRIES; did you mean "CONNECT_LB_MAX_ATTEMPTS"? It counts the first attempt as well',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_TLS_CA_FILE: "/ca.pem" },
    message:
      'unknown variable CONNECT_LB_TLS_CA_FILE; did you mean "CONNECT_LB_TLS_CA"? A path is written as "file:/path"',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_CA: "/ca.pem" },
    message: 'unknown variable CONNECT_LB_CA; did you mean "CONNECT_LB_TLS_CA"? A path is written as "file:/path"',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_INSECURE: "true" },
    message:
      'unknown variable CONNECT_LB_INSECURE; did you mean "CONNECT_LB_TLS"? "false" turns TLS off; certificates are always verified, by "CONNECT_LB_TLS_CA"',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_TLS_SKIP_VERIFY: "true" },
    message:
      'unknown variable CONNECT_LB_TLS_SKIP_VERIFY; certificates are always verified: "CONNECT_LB_TLS_CA" sets the authority to trust',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_DNS_TTL: "1s" },
    message: 'unknown variable CONNECT_LB_DNS_TTL; did you mean "CONNECT_LB_DNS_MIN_TTL" or "CONNECT_LB_DNS_MAX_TTL"?',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_MIN_TTL: "1s" },
    message: 'unknown variable CONNECT_LB_MIN_TTL; did you mean "CONNECT_LB_DNS_MIN_TTL"?',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_HTTP2: "true" },
    message: 'unknown variable CONNECT_LB_HTTP2; did you mean "CONNECT_LB_HTTP_VERSION"? It is "2" or "1.1"',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_GRPC: "true" },
    message:
      'unknown variable CONNECT_LB_GRPC; did you mean "CONNECT_LB_PROTOCOL"? It is "connect", "grpc" or "grpc-web"',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_POLICY: "x" },
    message: "unknown variable CONNECT_LB_POLICY; a policy can be set only in code",
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_PING_INTERVAL: "1s" },
    message:
      'unknown variable CONNECT_LB_PING_INTERVAL; there are no PINGs at intervals: "CONNECT_LB_VERIFY_AFTER" sets when an idle connection is verified',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_TLS: "__proto__" },
    message: 'CONNECT_LB_TLS must be "true" or "false", not "__proto__"',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_TLS: "constructor" },
    message: 'CONNECT_LB_TLS must be "true" or "false", not "constructor"',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", "CONNECT_LB_\u001b[31mRED": "x" },
    message: "unknown variable CONNECT_LB_\\u001b[31mRED; docs/configuration.md lists all of them",
  },
  {
    env: { CONNECTLB_TARGET: "srv:///_grpc._tcp.users.test" },
    message: "CONNECT_LB_TARGET is not set, but CONNECTLB_TARGET is: is one of the names wrong?",
  },
  {
    env: { connect_lb_target: "srv:///_grpc._tcp.users.test" },
    message: "CONNECT_LB_TARGET is not set, but connect_lb_target is: is one of the names wrong?",
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_ORDERS_TIMOUT: "1s" },
    message:
      'unknown variable CONNECT_LB_ORDERS_TIMOUT; did you mean "CONNECT_LB_TIMEOUT"? (if it is that of a transport "orders", CONNECT_LB_ORDERS_TARGET must be set too)',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_ORDERS_TIMEOUT: "1s" },
    message:
      'unknown variable CONNECT_LB_ORDERS_TIMEOUT; did you mean "CONNECT_LB_TIMEOUT"? (if it is that of a transport "orders", CONNECT_LB_ORDERS_TARGET must be set too)',
  },
  {
    name: "orders",
    env: { CONNECT_LB_ORDERS_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_ORDER_TIMEOUT: "1s" },
    message: 'unknown variable CONNECT_LB_ORDER_TIMEOUT; did you mean "CONNECT_LB_ORDERS_TIMEOUT"?',
  },
  {
    name: "orders",
    env: { CONNECT_LB_ORDERS_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_ORDERS_DEFAULT_TIMEOUT: "1s" },
    message:
      'unknown variable CONNECT_LB_ORDERS_DEFAULT_TIMEOUT; did you mean "CONNECT_LB_ORDERS_TIMEOUT"? (if it is that of a transport "default", CONNECT_LB_DEFAULT_TARGET must be set too)',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_USE_TLS: "false" },
    message: 'unknown variable CONNECT_LB_USE_TLS; did you mean "CONNECT_LB_TLS"? It is "true" or "false"',
  },
  {
    env: { CONNECT_LB_URL: "https://users.example.com" },
    message:
      '2 problems:\n- unknown variable CONNECT_LB_URL; did you mean "CONNECT_LB_TARGET"? For one server it is dns:///users.example.com:8443\n- CONNECT_LB_TARGET is not set; set it to a target such as "srv:///_grpc._tcp.users.example.com"',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_LOG: "warn" },
    message: 'CONNECT_LB_LOG must be "info" or "debug", not "warn"; did you mean "info"? It includes warnings',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_TIMEOUT: "1000" },
    message: 'CONNECT_LB_TIMEOUT needs a unit: write "1000ms" or "1000s"',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_TIMEOUT_MS: "1000" },
    message:
      'unknown variable CONNECT_LB_TIMEOUT_MS; did you mean "CONNECT_LB_TIMEOUT"? Its value has a unit, such as "500ms"',
  },
  {
    env: { CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.test", CONNECT_LB_DEFAULT_TIMEOUT: "1s" },
    message:
      'unknown variable CONNECT_LB_DEFAULT_TIMEOUT; did you mean "CONNECT_LB_TIMEOUT"? (if it is that of a transport "default", CONNECT_LB_DEFAULT_TARGET must be set too)',
  },
];
