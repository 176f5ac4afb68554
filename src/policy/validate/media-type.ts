/** Media types of a description, and the one of a message (RFC 9110 section 8.3.1). */
import { TOKEN } from "../../http/syntax.ts";

export interface MediaType {
  /** `application/json`, in lower case. */
  readonly type: string;
  /** The value of the parameter `charset`, in lower case; "": there is none. */
  readonly charset: string;
}

const PARAMETER = /[ \t]*;[ \t]*(?:([!#$%&'*+.^_`|~0-9A-Za-z-]+)=(?:([!#$%&'*+.^_`|~0-9A-Za-z-]+)|"((?:[^"\\]|\\.)*)"))?/y;

/** Null: the value of Content-Type is none, or one that two readers may read differently. */
export function parseMediaType(value: string): MediaType | null {
  const [whole = ""] = /^[^;]*/.exec(value) ?? [];
  const name = whole.trim().toLowerCase();
  const [main = "", sub = "", ...more] = name.split("/");
  if (!TOKEN.test(main) || !TOKEN.test(sub) || more.length > 0) return null;
  let charset = "";
  PARAMETER.lastIndex = whole.trimEnd().length;
  while (PARAMETER.lastIndex < value.trimEnd().length) {
    const [, key = "", plain, quoted = ""] = PARAMETER.exec(value) ?? [""];
    // After a failure it stands at the beginning.
    if (PARAMETER.lastIndex === 0) return null;
    if (key.toLowerCase() !== "charset") continue;
    // Which of two would count, nobody knows.
    if (charset !== "") return null;
    charset = (plain ?? quoted).toLowerCase();
  }
  return { type: name, charset };
}

export function isJson(type: string): boolean {
  return type === "application/json" || type === "text/json" || type.endsWith("+json");
}

/**
 * The key among `ranges` that fits the type best: the type itself, then `application/*`, then `*` followed by `/*`. Null: none.
 * @param ranges in lower case
 */
export function rangeFor(type: string, ranges: Iterable<string>): string | null {
  let best: string | null = null;
  for (const range of ranges) {
    if (range === type) return range;
    const isWild = range === "*/*" || (range.endsWith("/*") && type.startsWith(range.slice(0, -1)));
    if (isWild && (best === null || best === "*/*")) best = range;
  }
  return best;
}
