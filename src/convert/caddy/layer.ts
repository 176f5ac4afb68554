/** What directives add to routes that come after them, such as fields, a folder or a prefix to take off. */
import { both, defined } from "../model/conditions.ts";
import type { Conditions } from "../model/conditions.ts";
import type { Keys, Value } from "../model/draft.ts";

/** What a route gets. Each layer gives a new one. */
export interface Additions {
  readonly root?: string | undefined;
  readonly fallback?: string | undefined;
  readonly rewrite?: Keys | undefined;
  readonly requestHeaders?: Fields | undefined;
  readonly responseHeaders?: Fields | undefined;
  readonly maxBody?: Value | undefined;
  readonly access?: Keys | undefined;
  readonly rateLimit?: Keys | undefined;
}

export interface Fields {
  readonly set?: Readonly<Record<string, string>> | undefined;
  readonly add?: Readonly<Record<string, string>> | undefined;
  readonly remove?: readonly string[] | undefined;
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

function joined(one: Additions, other: Additions): Additions {
  return defined({
    root: other.root ?? one.root,
    fallback: other.fallback ?? one.fallback,
    rewrite: one.rewrite === undefined ? other.rewrite : { ...one.rewrite, ...other.rewrite },
    requestHeaders: joinedFields(one.requestHeaders, other.requestHeaders),
    responseHeaders: joinedFields(one.responseHeaders, other.responseHeaders),
    maxBody: other.maxBody ?? one.maxBody,
    access: other.access ?? one.access,
    rateLimit: other.rateLimit ?? one.rateLimit,
  });
}

export function joinedFields(one: Fields | undefined, other: Fields | undefined): Fields | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return defined({
    set: one.set === undefined ? other.set : { ...withoutNames(one.set, other.set ?? {}), ...other.set },
    add: one.add === undefined ? other.add : { ...one.add, ...other.add },
    remove: one.remove === undefined ? other.remove : [...new Set([...one.remove, ...(other.remove ?? [])])],
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
  return defined({ remove, set, add, own_answers: isOwn && (set !== undefined || add !== undefined) ? true : undefined });
}
