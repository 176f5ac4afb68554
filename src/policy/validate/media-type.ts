/** Media types of a description, and the one of a message (RFC 9110 section 8.3.1). */
import { TOKEN } from "../../http/syntax.ts";

export interface MediaType {
  /** `application/json`, in lower case. */
  readonly type: string;
  /** The value of the parameter `charset`, in lower case; "": there is none. */
  readonly charset: string;
}

/** Null: the value of Content-Type is none. */
export function parseMediaType(value: string): MediaType | null {
  const [type = "", ...parameters] = value.split(";");
  const name = type.trim().toLowerCase();
  const [main = "", sub = "", ...more] = name.split("/");
  if (!TOKEN.test(main) || !TOKEN.test(sub) || more.length > 0) return null;
  let charset = "";
  for (const parameter of parameters) {
    const [, key = "", quoted, plain = ""] = /^[ \t]*([^\s=]+)=(?:"([^"]*)"|([^\s"]*))[ \t]*$/.exec(parameter) ?? [];
    if (key.toLowerCase() !== "charset") continue;
    // Which of two would count, nobody knows.
    if (charset !== "") return null;
    charset = (quoted ?? plain).toLowerCase();
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
    if (isWild && (best === null || range.length > best.length)) best = range;
  }
  return best;
}
