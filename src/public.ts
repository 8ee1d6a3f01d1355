// What every entry point exports besides `createBalancedTransport`.
export type { Candidate, Picker, PickerFactory, PickInfo } from "./balancing/picker.ts";
export type { BalancedTransport } from "./call/balanced-transport.ts";
export type { WarmUpOptions } from "./call/warm-up.ts";
export type { EnvironmentTransportOptions } from "./config/from-environment.ts";
export type {
  BalancedTransportOptions,
  BreakerOptions,
  CallPolicy,
  ConnectionOptions,
  DnsOptions,
  RetryOptions,
} from "./config/options.ts";
export { deadlineFrom, type RemainingTime } from "./deadline.ts";
export type { Resolution, ResolveContext, Resolver } from "./discovery/resolver.ts";
export type { AddressFamily } from "./dns/client.ts";
export type { Endpoint, EndpointSpec } from "./endpoint.ts";
export { endpointKey } from "./endpoint-key.ts";
export { ConfigurationError } from "./errors.ts";
export type { ConnectOptions, TlsOptions } from "./net/wire-options.ts";
export type {
  ConnectionEnd,
  EndpointContext,
  EndpointTransport,
  EndpointTransportFactory,
} from "./pool/endpoint-transport.ts";
export type { BreakerState } from "./resilience/breaker.ts";
export type { Outcome } from "./resilience/outcome.ts";
export type { StopReason } from "./resilience/stop-reason.ts";
export type { Clock, Environment } from "./runtime.ts";
export { type AttemptReport, type CallReport, callReport } from "./telemetry/call-report.ts";
export type { BalancedTransportEvent, EventListener, EventOrigin, UserCallback } from "./telemetry/events.ts";
export type { AnswerSnapshot, EndpointSnapshot, RetryBudgetSnapshot, Snapshot } from "./telemetry/snapshot.ts";
