import type { ThreadContext } from "./feature.ts";

/** Remembers what is made for the values of one configuration, as long as the returned function is there. */
export function onceEach(): ThreadContext["once"] {
  const made = new WeakMap<object, { readonly of: unknown }>();
  return <T>(value: object, make: () => T): T => {
    const known = made.get(value);
    // Only the feature that a value belongs to asks for it, so the type is the one that this feature's `make` returns.
    if (known !== undefined) return known.of as T;
    const fresh = make();
    made.set(value, { of: fresh });
    return fresh;
  };
}
