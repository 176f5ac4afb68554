/** What directives add to routes that come after them, such as fields, a folder or a prefix to take off. */
import { both, defined } from "../model/conditions.ts";
import type { Conditions } from "../model/conditions.ts";
import type { Keys, Value } from "../model/draft.ts";
import { NOBODY } from "../model/tls.ts";

/** What a route gets. Each layer gives a new one. */
export interface Additions {
  readonly root?: string | undefined;
  readonly fallback?: string | undefined;
  readonly rewrite?: Keys | undefined;
  readonly requestHeaders?: Fields | undefined;
  readonly responseHeaders?: Fields | undefined;
  readonly compression?: Keys | undefined;
  readonly maxBody?: Value | undefined;
  readonly access?: Keys | undefined;
  readonly authentication?: Keys | undefined;
  readonly rateLimit?: Keys | undefined;
}

export interface Fields {
  readonly set?: Readonly<Record<string, string>> | undefined;
  readonly add?: Readonly<Record<string, string>> | undefined;
  readonly remove?: readonly string[] | undefined;
  /** The field in which the origin is told the name of who has logged in. */
  readonly user?: string | undefined;
}

/** @param matcher one of these is enough */
export interface Layer {
  readonly matcher: readonly Conditions[];
  readonly additions: Additions;
}

export interface Variant {
  readonly conditions: Conditions;
  readonly additions: Additions;
}

/** Variants that one route may fall into. */
const VARIANTS_MAX = 24;

/** A route once for each combination of the layers that it may get, the more particular ones first; null: there are too many, or they have no equivalent. */
export function variantsOf(conditions: Conditions, layers: readonly Layer[]): readonly Variant[] | null {
  let variants: readonly Variant[] = [{ conditions, additions: {} }];
  for (const { matcher, additions } of layers) {
    const made: Variant[] = [];
    for (const variant of variants) {
      const more = joined(variant.additions, additions);
      let isAlways = false;
      for (const each of matcher) {
        const common = both(variant.conditions, each);
        if (common === "unknown") return null;
        if (common === "never") continue;
        made.push({ conditions: common, additions: more });
        isAlways ||= JSON.stringify(common) === JSON.stringify(defined(variant.conditions));
      }
      if (!isAlways) made.push(variant);
    }
    if (made.length > VARIANTS_MAX) return null;
    variants = made;
  }
  return variants;
}

/** What keeps clients away from requests that some of the layers may act on, where they cannot be told apart from others. */
export function guardsOf(conditions: Conditions, layers: readonly Layer[]): Additions {
  return layers
    .filter(({ matcher }) => matcher.some((each) => both(conditions, each) !== "never"))
    .map(({ additions: { access, authentication } }): Additions => defined({ access, authentication }))
    .reduce(joined, {});
}

function joined(one: Additions, other: Additions): Additions {
  const meets =
    one.authentication !== undefined && other.authentication !== undefined && !isSameLogin(one.authentication, other.authentication);
  return defined({
    root: other.root ?? one.root,
    fallback: other.fallback ?? one.fallback,
    rewrite: one.rewrite === undefined ? other.rewrite : { ...one.rewrite, ...other.rewrite },
    requestHeaders: joinedFields(one.requestHeaders, other.requestHeaders),
    responseHeaders: joinedFields(one.responseHeaders, other.responseHeaders),
    compression: other.compression ?? one.compression,
    maxBody: other.maxBody ?? one.maxBody,
    access: meets ? NOBODY : (other.access ?? one.access),
    authentication: other.authentication ?? one.authentication,
    rateLimit: other.rateLimit ?? one.rateLimit,
  });
}

/** Whether the same users come in by both; what they are told when they are asked may differ. */
export function isSameLogin(one: Keys, other: Keys): boolean {
  return usersOf(one) === usersOf(other);
}

function usersOf({ basic, forward }: Keys): string {
  return JSON.stringify(basic === undefined ? forward : (basic as Keys)["users_file"]);
}

export function joinedFields(one: Fields | undefined, other: Fields | undefined): Fields | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  const removed = new Set([...(one.remove ?? []), ...(other.remove ?? [])]);
  // The name is told in one field.
  if (one.user !== undefined && other.user !== undefined && one.user !== other.user) removed.add(one.user);
  return defined({
    set: one.set === undefined ? other.set : { ...withoutNames(one.set, other.set ?? {}), ...other.set },
    add: one.add === undefined ? other.add : { ...one.add, ...other.add },
    remove: removed.size === 0 ? undefined : [...removed],
    user: other.user ?? one.user,
  });
}

function withoutNames(
  fields: Readonly<Record<string, string>>,
  others: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const names = new Set(Object.keys(others).map((name) => name.toLowerCase()));
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !names.has(name.toLowerCase())));
}

export function fieldKeys(fields: Fields | undefined, isOwn: boolean): Keys | undefined {
  if (fields === undefined) return undefined;
  const { set, add, remove } = fields;
  if (set === undefined && add === undefined && remove === undefined) return undefined;
  return defined({ remove, set, add, own_answers: isOwn && (set !== undefined || add !== undefined) ? true : undefined });
}
