/** The entry point of the package: what configurations and middleware in TypeScript import. */
import type { FullConfig, ShortConfig } from "./middleware/config-input.ts";

export type { ConfigInput, ShortConfigInput } from "./config/input.ts";
export { buildRequestHead, buildResponseHead } from "./http/build-head.ts";
export type { Fields, RequestLine, StatusLine } from "./http/build-head.ts";
export { fieldLine } from "./http/field-edits.ts";
export type { RequestChanges, ResponseChanges } from "./http/head-edits.ts";
export type { RequestHead } from "./http/request-head.ts";
export type { ResponseHead } from "./http/response-head.ts";
export { answer } from "./middleware/answer.ts";
export type { AnswerOptions } from "./middleware/answer.ts";
export type { FullConfig, ShortConfig } from "./middleware/config-input.ts";
export { defineMiddleware } from "./middleware/define-middleware.ts";
export type { ConfiguredMiddleware, DefinedMiddleware, MiddlewareDefinition, MiddlewareHooks } from "./middleware/define-middleware.ts";
export type { Counter, MiddlewareContext, MiddlewareLog } from "./middleware/middleware-context.ts";
export type { StandardSchema } from "./middleware/standard-schema.ts";
export type { Failure } from "./proxy/exchange/failure.ts";
export type { BodyStage, StageOutput } from "./proxy/feature/body-stage.ts";
export { ExchangeState } from "./proxy/feature/exchange-state.ts";
export type { FetchOptions, FetchRequest, FetchResult } from "./proxy/feature/fetch.ts";
export type { ExchangeView, FinishedExchange, UpstreamResult } from "./proxy/feature/middleware.ts";
export { NO_INPUT } from "./proxy/feature/response-source.ts";
export type { ResponseSource, SourceInput, SourceResponse } from "./proxy/feature/response-source.ts";
export type { LocalAnswer } from "./proxy/local-answer.ts";

/** The same type with everything readonly, so that constants (`as const`) are accepted too. */
type Constant<T> = T extends object ? { readonly [Key in keyof T]: Constant<T[Key]> } : T;

/** One form of a configuration, which may not have the keys that only the other form has. */
type Only<Form, Other> = Constant<Form> & { readonly [Key in Exclude<keyof Other, keyof Form>]?: never };

/** A configuration in the full form or in the short form. */
export type DefinedConfig = Only<FullConfig, ShortConfig> | Only<ShortConfig, FullConfig>;

/**
 * Returns its argument unchanged. It exists so that editors know the keys of a configuration and the compiler checks them. Values are checked
 * when Millrace loads the file.
 */
export function defineConfig(config: DefinedConfig): DefinedConfig {
  return config;
}
