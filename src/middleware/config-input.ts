/** What people write into a configuration in TypeScript, where a middleware itself can be given. */
import type {
  ConfigInput,
  DefaultsInput,
  DefaultsRoutesInput,
  RouteInput,
  RouteKeyOff,
  ShortConfigInput,
  UpstreamInput,
  UpstreamKeyOff,
} from "../config/input.ts";
import type { ConfiguredMiddleware } from "./define-middleware.ts";

/** The same with entries of `middleware` that may be a middleware itself, with its options. */
export type WithMiddleware<Holder extends { middleware?: unknown }> = Omit<Holder, "middleware"> & {
  /** Middleware of one's own, in the order in which they act: by module, or the result of calling one, such as `stamp({ header: "X-Stamp" })`. */
  middleware?: (NonNullable<RouteInput["middleware"]>[number] | ConfiguredMiddleware)[] | undefined;
};

/** The same with keys that may be `false`, which takes them out. */
export type WithFalse<Holder, Key extends keyof Holder> = Omit<Holder, Key> & { [Each in Key]?: Holder[Each] | false };

/** A route of a configuration in TypeScript. */
export type RouteConfig = WithFalse<WithMiddleware<RouteInput>, RouteKeyOff>;
/** An upstream of a configuration in TypeScript. */
export type UpstreamConfig = WithFalse<UpstreamInput, UpstreamKeyOff>;
/** The defaults of a configuration in TypeScript. */
export type DefaultsConfig = Omit<DefaultsInput, "routes"> & { routes?: WithMiddleware<DefaultsRoutesInput> | undefined };

/** The full form of a configuration, in TypeScript. */
export type FullConfig = Omit<WithMiddleware<ConfigInput>, "upstreams" | "routes" | "defaults"> & {
  /** Groups of endpoints by name; routes refer to them. */
  upstreams?: Record<string, UpstreamConfig> | undefined;
  /** Which requests go where: the first route that takes a request wins. When none takes it, the answer is 404. */
  routes: RouteConfig[];
  /** Values for the keys that a route or an upstream does not state, each taken as a whole. `false` takes a key out. */
  defaults?: DefaultsConfig | undefined;
};
/** The short form of a configuration, in TypeScript. */
export type ShortConfig = WithMiddleware<ShortConfigInput>;

/** The same type with everything readonly, so that constants (`as const`) are accepted too. */
export type Constant<T> = T extends object ? { readonly [Key in keyof T]: Constant<T[Key]> } : T;

/** The same type with any text in the place of texts of a certain form, such as durations: programs make them while they run. */
export type Loose<T> = T extends string
  ? // oxlint-disable-next-line typescript/no-generated-empty-object-type -- it has all keys of a certain form, and lacks a key that is one literal
    Record<never, never> extends Record<T, 1>
    ? string
    : T
  : T extends object
    ? { readonly [Key in keyof T]: Loose<T[Key]> }
    : T;

/** One form of a configuration, with everything readonly, which may not have the keys that only the other form has. */
export type OneForm<Form, Other> = Constant<Form> & { readonly [Key in Exclude<keyof Other, keyof Form>]?: never };

/** A configuration in the full form or in the short form. */
export type DefinedConfig = OneForm<FullConfig, ShortConfig> | OneForm<ShortConfig, FullConfig>;

/** A configuration for {@link createProxy}. In the full form it may leave out `listeners`. */
export type ProxyConfig = Loose<
  OneForm<Omit<FullConfig, "listeners"> & Partial<Pick<FullConfig, "listeners">>, ShortConfig> | OneForm<ShortConfig, FullConfig>
>;

/**
 * A configuration in the full form whose routes name upstreams that it has. With `include` the upstreams may be those of other files, so then any
 * name will do.
 * `Name` is the name of an upstream, `Reference` one that a route refers to, and `Files` the value of `include`.
 */
export type NamedConfig<Name extends string, Reference extends string, Files> = Omit<
  OneForm<FullConfig, ShortConfig>,
  "upstreams" | "routes" | "include"
> & {
  /** Groups of endpoints by name; routes refer to them. */
  readonly upstreams?: { readonly [Each in Name]: Constant<UpstreamConfig> } | undefined;
  /** Which requests go where: the first route that takes a request wins. When none takes it, the answer is 404. */
  readonly routes?: readonly Referring<RouteConfig, KnownName<Reference, [Files] extends [undefined] ? Name : string>>[] | undefined;
  /**
   * Further files with upstreams and routes, such as `conf.d/*.yaml`. A path is relative to the file that says it; `*` and `?` stand for a part
   * of a name.
   */
  readonly include?: Files;
} & ([Files] extends [undefined] ? { readonly routes: unknown } : unknown);

/** The value of `include`. */
export type Included = Constant<NonNullable<ConfigInput["include"]>>;

/** A reference that must be one of these names, unless it is only known to be some text. */
export type KnownName<Reference extends string, Name extends string> = (Reference | NoInfer<Name>) &
  ([string] extends [Reference] ? unknown : NoInfer<Name>);

/** The same with another type of the names of upstreams in it, at its keys of this name and at those that hold such. */
export type Referring<Holder, Name extends string> = {
  readonly [Key in keyof Holder]: Key extends "upstream"
    ? Name | Extract<Holder[Key], undefined>
    : Key extends "split" | "mirror"
      ? ReferringInside<Holder[Key], Name>
      : Constant<Holder[Key]>;
};

/** {@link Referring} for the value of a key that holds names of upstreams, which may be a list. */
export type ReferringInside<Value, Name extends string> = Value extends readonly (infer Item)[]
  ? readonly Referring<Item, Name>[]
  : Value extends object
    ? Referring<Value, Name>
    : Value;
