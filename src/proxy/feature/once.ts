import type { ThreadContext } from "./feature.ts";

/** Remembers what is made for the values of one configuration, as long as the returned function is there. */
export function onceEach(): ThreadContext["once"] {
  const made = new WeakMap<object, { readonly of: unknown }>();
  return <T>(value: object, make: () => T): T => {
    const known = made.get(value);
    // What was made for a value is what its feature makes of it: nobody else asks for the value.
    if (known !== undefined) return known.of as T;
    const fresh = make();
    made.set(value, { of: fresh });
    return fresh;
  };
}
