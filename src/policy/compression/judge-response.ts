/** Whether a response is to be compressed, by its status and fields (RFC 9110 sections 8.4 and 12.5). */
import { isInRange } from "../../http/media-range.ts";

/** What compression depends on, apart from the client. */
export interface CompressionRules {
  /** Media types in lower case, with stars. */
  readonly types: readonly string[];
  readonly minBytes: number;
}

/** What a response says of itself. The lists are the values of all its lines. */
export interface ResponseFacts {
  readonly status: number;
  /** In lower case, without parameters; "": it does not say. */
  readonly type: string;
  /** -1: not known beforehand. */
  readonly length: number;
  readonly isEncoded: boolean;
  readonly cacheControl: readonly string[];
}

/**
 * - `never`: no client gets it compressed
 * - `unchanged`: a 304, about a response that may be stored compressed
 * - `compress`: clients that can decode it may get it compressed
 */
export type CompressionVerdict = "never" | "unchanged" | "compress";

export function judgeResponse(
  { status, type, length, isEncoded, cacheControl }: ResponseFacts,
  rules: CompressionRules,
): CompressionVerdict {
  // A part of a whole cannot be compressed: the client would join bytes of different representations.
  if (status < 200 || status === 204 || status === 205 || status === 206 || isEncoded || isNoTransform(cacheControl)) return "never";
  if (status === 304) return type === "" || isCompressible(type, rules.types) ? "unchanged" : "never";
  if (length === 0 || (length >= 0 && length < rules.minBytes)) return "never";
  return isCompressible(type, rules.types) ? "compress" : "never";
}

/** RFC 9111 section 5.2.2.6. */
export function isNoTransform(cacheControl: readonly string[]): boolean {
  return cacheControl.some((value) => NO_TRANSFORM.test(value));
}

const NO_TRANSFORM = /(?:^|,)\s*no-transform\s*(?:$|[,=])/i;

/** A type that is compressed by its own means is not compressed again, unless the list names it without a star. */
export function isCompressible(type: string, types: readonly string[]): boolean {
  return types.some((range) => (range.includes("*") ? isInRange(type, range) && !OWN_MEANS.test(type) : range === type));
}

const OWN_MEANS =
  /^(?:audio|video)\/|^image\/(?!svg\+xml$|bmp$|x-ms-bmp$|vnd\.microsoft\.icon$|x-icon$|tiff$)|^font\/woff|^application\/(?:zip|gzip|x-gzip|zstd|x-bzip2|x-xz|x-7z-compressed|vnd\.rar|x-rar-compressed|java-archive|epub\+zip|pdf|vnd\.openxmlformats-officedocument\.|vnd\.oasis\.opendocument\.|octet-stream$)/;

/** Types of which each write is a message that somebody waits for: nothing of them is held back. */
export function isMessages(type: string): boolean {
  return MESSAGES.has(type);
}

const MESSAGES: ReadonlySet<string> = new Set([
  "text/event-stream",
  "application/x-ndjson",
  "application/ndjson",
  "application/jsonl",
  "application/json-seq",
  "multipart/x-mixed-replace",
]);

/** Whether one of the values of Vary has that name (lower case), or the star. */
export function variesBy(vary: readonly string[], name: string): boolean {
  return vary.some((value) =>
    value.split(",").some((member) => {
      const given = member.trim().toLowerCase();
      return given === name || given === "*";
    }),
  );
}

/**
 * The entity tag of a response in another coding: another octet sequence, so the tag may only be weak (RFC 9110 section 8.8.1). Null: it is weak already,
 * or there is none.
 */
export function weakened(tags: readonly string[]): string | null {
  const [tag = ""] = tags;
  return tags.length === 1 && tag.startsWith('"') ? `W/${tag}` : null;
}

/** Whether the client has asked for the weak form of a tag, as one does that has got a compressed response. */
export function asksForWeak(ifNoneMatch: readonly string[], weak: string): boolean {
  return ifNoneMatch.some((value) => value.includes(weak));
}

/**
 * Whether an answer to that request must not be compressed, because another site has had a browser send it with what identifies its user: the site chooses a part
 * of what an answer may repeat, and learns from the length of many answers what else is in it (BREACH). A browser says so in Sec-Fetch-Site. What a user has
 * clicked on is no such request: an attack needs thousands of them.
 */
export function isExposed(site: string | undefined, user: string | undefined, hasCredentials: boolean): boolean {
  return hasCredentials && site === "cross-site" && user !== "?1";
}
