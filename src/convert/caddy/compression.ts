/** Compression of answers: the directive `encode`. */
import { defined } from "../model/conditions.ts";
import type { Keys } from "../model/draft.ts";
import type { Directive } from "./parse.ts";

/** Levels of zstd by the names that Caddy has for them. */
const ZSTD_LEVELS: Readonly<Record<string, number>> = { fastest: 1, default: 3, better: 7, best: 11 };

/**
 * The key `compression` of a route.
 * @param formats what stands in the line of the directive
 * @returns `unknown`: names of what has no equivalent
 */
export function compressionOf(
  formats: readonly string[],
  { block }: Directive,
): { readonly keys: Keys | null; readonly unknown: readonly string[] } {
  const lines = block ?? [];
  const named = [...formats, ...lines.map(({ name }) => name)];
  const encodings = [...new Set(named.flatMap((name) => (name === "gzip" || name === "zstd" || name === "br" ? [name] : [])))];
  const argument = (name: string): string => lines.find((line) => line.name === name)?.args[0] ?? "";
  const gzip = /^[1-9]$/.test(argument("gzip")) ? Number(argument("gzip")) : undefined;
  const zstd = ZSTD_LEVELS[argument("zstd")];
  const levels = defined({ zstd, gzip });
  const size = /^\d{1,9}$/.test(argument("minimum_length")) ? Number(argument("minimum_length")) : undefined;
  const unknown = named.filter((name) => !["gzip", "zstd", "br", "minimum_length", "prefer"].includes(name));
  // Caddy has zstd and gzip where none is named.
  const isNamed = named.some((name) => name !== "minimum_length" && name !== "match" && name !== "prefer");
  if (encodings.length === 0 && isNamed) return { keys: null, unknown };
  return {
    keys: defined({
      encodings: encodings.length === 0 ? ["zstd", "gzip"] : encodings,
      levels: Object.keys(levels).length === 0 ? undefined : levels,
      min_size: size,
    }),
    unknown,
  };
}
