/** Compression of answers: `gzip`, and the modules for Brotli and zstd with directives of the same names. */
import { defined } from "../model/conditions.ts";
import type { Keys } from "../model/draft.ts";
import type { Scope } from "./scope.ts";
import { sizeOf } from "./units.ts";

/** The directives by the coding, the best first. */
const CODINGS = [
  { coding: "zstd", directive: "zstd", level: /^(?:[1-9]|1[0-9])$/ },
  { coding: "br", directive: "brotli", level: /^(?:[0-9]|1[01])$/ },
  { coding: "gzip", directive: "gzip", level: /^[1-9]$/ },
] as const;

const MEDIA_TYPE = /^[!#$%&'+.^_`|~0-9A-Za-z-]+\/[!#$%&'+.^_`|~0-9A-Za-z-]+$/;

/** The key `compression` of a route; undefined: nothing is compressed. */
export function compressionKeys(scope: Scope): Keys | undefined {
  const on = CODINGS.filter(({ directive }) => scope.value(directive) === "on");
  if (on.length === 0) return undefined;
  const types = on.flatMap(({ directive }) => scope.last(`${directive}_types`)?.args ?? []);
  const levels = on.flatMap(({ coding, directive, level }) => {
    const given = scope.value(`${directive}_comp_level`) ?? "";
    return level.test(given) ? [[coding, Number(given)] as const] : [];
  });
  const sizes = on.map(({ directive }) => sizeOf(scope.value(`${directive}_min_length`))).filter((size) => size !== undefined);
  return defined({
    encodings: on.map(({ coding }) => coding),
    levels: levels.length === 0 ? undefined : Object.fromEntries(levels),
    // HTML is compressed in any case.
    types: types.includes("*") ? ["*/*"] : [...new Set(["text/html", ...types.filter((type) => MEDIA_TYPE.test(type))])],
    min_size: sizes[0],
  });
}
