/**
 * The entry point of the package: `createProxy` for programs that run the proxy themselves, and what configurations and middleware in TypeScript
 * import. It loads nothing of the proxy before it is asked for one.
 */
import type { MillraceProxy, ProxyOptions } from "./embed/proxy-types.ts";
import type { DefinedConfig, FullConfig, Included, NamedConfig, OneForm, ProxyConfig, ShortConfig } from "./middleware/config-input.ts";

export type * from "./config/input.ts";
export type {
  ExplainRequest,
  FetchedFor,
  FetchHandler,
  LogEntry,
  MillraceProxy,
  NodeHandler,
  NodeRequest,
  NodeResponse,
  OpenListener,
  ProxyEvents,
  ProxyOptions,
  Reloaded,
  UpgradeHandler,
} from "./embed/proxy-types.ts";
export type { ExplainedRoute, ExplainedSide, Explanation } from "./explain/explained.ts";
export type { BodyLength } from "./http/body-length.ts";
export { buildRequestHead, buildResponseHead } from "./http/build-head.ts";
export type { Fields, RequestLine, StatusLine } from "./http/build-head.ts";
export { fieldLine } from "./http/field-edits.ts";
export type { FieldSection } from "./http/field-section.ts";
export type { FieldChanges, RequestChanges, ResponseChanges } from "./http/head-edits.ts";
export type { HttpVersion } from "./http/http-version.ts";
export type { RequestHead } from "./http/request-head.ts";
export type { ResponseHead } from "./http/response-head.ts";
export { answer } from "./middleware/answer.ts";
export type { AnswerOptions } from "./middleware/answer.ts";
export { textStage, transformStage, watchStage } from "./middleware/body-stages.ts";
export type { BodyWatcher, BytesTransform, TextTransform, Write } from "./middleware/body-stages.ts";
export type {
  Constant,
  DefaultsConfig,
  DefinedConfig,
  FullConfig,
  Included,
  KnownName,
  Loose,
  NamedConfig,
  OneForm,
  ProxyConfig,
  Referring,
  ReferringInside,
  RouteConfig,
  ShortConfig,
  UpstreamConfig,
  WithFalse,
  WithMiddleware,
} from "./middleware/config-input.ts";
export { defineMiddleware } from "./middleware/define-middleware.ts";
export type {
  AnyMiddleware,
  CheckedOptions,
  ConfiguredMiddleware,
  DefinedMiddleware,
  GivenOptions,
  MiddlewareDefinition,
  MiddlewareHooks,
  OptionsArgument,
} from "./middleware/define-middleware.ts";
export type { Counter, LogFields, MiddlewareContext, MiddlewareLog } from "./middleware/middleware-context.ts";
export type { SchemaIssue, SchemaResult, StandardSchema } from "./middleware/standard-schema.ts";
export { responseSource } from "./middleware/response-source.ts";
export { isEncoded, mediaType } from "./http/content.ts";
export { markTransformed, requestPlainBody } from "./middleware/transformed-body.ts";
export type { Failure, FailureKind } from "./proxy/exchange/failure.ts";
export type { BodyStage, StageOutput } from "./proxy/feature/body-stage.ts";
export { ExchangeState } from "./proxy/feature/exchange-state.ts";
export type { FetchFailure, FetchOptions, FetchRequest, FetchResult, HeadRequest, PlainRequest } from "./proxy/feature/fetch.ts";
export type { RelayOptions } from "./proxy/feature/relay.ts";
export type { ClientPlace, ExchangeHooks, ExchangeView, FinishedExchange, TokenUse, UpstreamResult } from "./proxy/feature/middleware.ts";
export { NO_INPUT } from "./proxy/feature/response-source.ts";
export type { ResponseSource, SourceInput, SourceRequest, SourceResponse } from "./proxy/feature/response-source.ts";
export type { LocalAnswer } from "./proxy/local-answer.ts";
export type { ProxiedConnection } from "./proxy/ports/proxied-connection.ts";
export type { ConnectionAddresses, ProxyDetails, ProxyHeader, ProxyTls } from "./proxy-protocol/header.ts";
export type { Identity } from "./proxy/ports/identity.ts";
export type { ClientCertificate, TlsFacts } from "./proxy/ports/tls-facts.ts";
export type { Address, Duration, Size, Variable } from "./values/written.ts";

/**
 * Returns its argument unchanged. It exists so that editors know the keys of a configuration, and the compiler checks them: durations, sizes and
 * addresses have a form, and a route names an upstream that there is. Values are checked when Millrace loads the file.
 *
 * Upstreams that the program makes have the type `Record<string, ...>`, and then routes may have any name. A text such as `"${TIMEOUT:-10s}"` reads the
 * environment.
 */
export function defineConfig<
  const Name extends string,
  const Reference extends string = string,
  const Files extends Included | undefined = undefined,
>(config: NamedConfig<Name, Reference, Files> | OneForm<ShortConfig, FullConfig>): DefinedConfig {
  return config as DefinedConfig;
}

/**
 * Runs the proxy within this program. Resolves when the configuration is in use, with no listener open: `listen()` opens them. Rejects with an
 * Error that names every problem of the configuration, one a line.
 *
 * Without `workers` everything runs in the calling thread. With `workers` that many threads serve the listeners.
 *
 * ```ts
 * const proxy = await createProxy({ listeners: [{ address: ":8080" }], upstreams: { app: { endpoints: ["http://127.0.0.1:3000"] } }, routes: [{ upstream: "app" }] });
 * await proxy.listen();
 * ```
 */
export async function createProxy(config: ProxyConfig, options: ProxyOptions = {}): Promise<MillraceProxy> {
  const { startProxy } = await import("./embed/running-proxy.ts");
  return startProxy(config, options);
}
