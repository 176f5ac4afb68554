/** A configuration in the making: the values of its keys in the order in which they are written, with comments. */
import type { Conditions } from "./conditions.ts";

/** A value of YAML. Keys whose value is undefined are left out. */
export type Value = string | number | boolean | readonly Value[] | { readonly [key: string]: Value | undefined };
export type Keys = Readonly<Record<string, Value | undefined>>;

export interface ListenerDraft {
  readonly keys: Keys;
  readonly comments: readonly string[];
}

export interface UpstreamDraft {
  readonly name: string;
  readonly keys: Keys;
  readonly comments: readonly string[];
}

export interface RouteDraft {
  /** One of them is enough. */
  readonly match: readonly Conditions[];
  /** Everything but `match`. */
  readonly keys: Keys;
  readonly comments: readonly string[];
}

/** A file that the configuration names and that has to be made too. */
export interface FileDraft {
  /** Relative to the configuration's folder. */
  readonly name: string;
  readonly text: string;
}

export interface Draft {
  /** About the file as a whole. */
  readonly comments: readonly string[];
  readonly listeners: readonly ListenerDraft[];
  /** Keys at the top of the configuration besides listeners, upstreams and routes. */
  readonly keys: Keys;
  readonly upstreams: readonly UpstreamDraft[];
  readonly routes: readonly RouteDraft[];
  readonly files?: readonly FileDraft[];
}
