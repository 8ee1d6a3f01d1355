// What every entry point exports besides `createBalancedTransport`.

export type { EnvironmentTransportOptions } from "./config/from-environment.ts";
export type {
  BalancedTransportOptions,
  BreakerOptions,
  CallPolicy,
  ConnectionOptions,
  DnsOptions,
  RetryOptions,
} from "./config/options.ts";
export { mapEndpoints } from "./discovery/map-endpoints.ts";
export type { Resolution, ResolveContext, Resolver } from "./discovery/resolver.ts";
export type { AddressFamily } from "./dns/dns-client.ts";
export type { Endpoint, EndpointSpec } from "./endpoint.ts";
export type { BreakerState } from "./endpoints/breaker.ts";
export { endpointKey } from "./endpoints/endpoint-key.ts";
export type {
  ConnectionEnd,
  ConnectRequest,
  EndpointContext,
  EndpointTransport,
  EndpointTransportFactory,
} from "./endpoints/endpoint-transport.ts";
export { ConfigurationError } from "./errors.ts";
export type { ConnectOptions } from "./net/connect-options.ts";
export type { TlsOptions } from "./net/tls-options.ts";
export type { Candidate, Picker, PickerFactory, PickInfo } from "./pickers/picker.ts";
export type { Outcome } from "./resilience/outcome.ts";
export type { StopReason } from "./resilience/stop-reason.ts";
export type { Clock, Environment } from "./runtime.ts";
export { type AttemptReport, type CallReport, callReport } from "./telemetry/call-report.ts";
export type {
  BalancedTransportEvent,
  BalancedTransportEventListener,
  EventBody,
  EventOrigin,
  LookUpSource,
  UserCallback,
} from "./telemetry/events.ts";
export type { AnswerSnapshot, EndpointSnapshot, RetryBudgetSnapshot, Snapshot } from "./telemetry/snapshot.ts";
export type { BalancedTransport } from "./transport/balanced-transport.ts";
export type { ResolverOptions } from "./transport/create-resolver.ts";
export { deadlineFrom, type RemainingTime } from "./transport/deadline-from.ts";
export type { WarmUpOptions } from "./transport/warm-up.ts";
