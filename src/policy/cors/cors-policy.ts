/**
 * Cross-origin resource sharing by the Fetch standard (sections 3.2 and 4.8): the fields that answers to preflights and to actual requests
 * must carry. Nothing here refuses a request: CORS tells browsers what pages may read, it is no access control.
 *
 * - A preflight whose origin, method or one of whose header names is not allowed gets the same 204 as others, but without any
 *   Access-Control field: the browser then blocks the request, and no configured name is shown to a foreign page.
 * - `*` among the origins turns credentials off, whatever the rule says: both together would let every site act in its visitors' name.
 * - `*` among methods or headers is sent as `*` without credentials. With credentials browsers take it literally, so the names that the
 *   preflight asks for are sent instead. Without credentials `*` does not cover Authorization, which must be listed beside it.
 * - The case of methods counts, that of header names does not.
 */
import { trimOws } from "../../http/trim-ows.ts";
import { compileOrigins } from "./origins.ts";

export interface CorsConfig {
  readonly allowed_origins: readonly string[];
  readonly allowed_methods: readonly string[];
  readonly allowed_headers: readonly string[];
  readonly exposed_headers: readonly string[];
  readonly allow_credentials: boolean;
  /** How many milliseconds a browser may remember the answer to a preflight. Without it browsers use their own default, 5 seconds. */
  readonly max_age?: number | undefined;
}

type Fields = readonly (readonly [name: string, value: string])[];

export interface PreflightQuestion {
  /** The value of Origin. */
  readonly origin: string;
  /** The value of Access-Control-Request-Method. */
  readonly method: string;
  /** The values of all Access-Control-Request-Headers lines. */
  readonly headers: readonly string[];
}

export interface CorsPolicy {
  /** Whether answers depend on the request's Origin. If so, each must carry `Vary: Origin`, or a cache mixes them up. */
  readonly variesByOrigin: boolean;
  /** The value of Vary for answers to preflights. */
  readonly preflightVary: string;
  /** The Access-Control fields of the answer to a preflight; null when it is not allowed, after `why` was called with the reason. */
  preflight(question: PreflightQuestion, why: (reason: string) => void): Fields | null;
  /** The Access-Control fields of the answer to an actual request; null when its origin is not allowed. */
  actual(origin: string): Fields | null;
}

/** Compiles a route's CORS rule. */
export function compileCors(config: CorsConfig): CorsPolicy {
  const origins = compileOrigins(config.allowed_origins);
  const credentials = config.allow_credentials && !origins.any;
  const methods = nameRule(config.allowed_methods, (name) => name);
  const headers = nameRule(config.allowed_headers, (name) => name.toLowerCase());
  const exposed = config.exposed_headers.join(", ");
  const maxAge: Fields = config.max_age === undefined ? [] : [["Access-Control-Max-Age", String(Math.floor(config.max_age / 1000))]];

  function common(origin: string): Fields | null {
    if (!origins.any && !origins.lists(origin)) return null;
    const allowOrigin = ["Access-Control-Allow-Origin", origins.any ? "*" : origin] as const;
    return credentials ? [allowOrigin, ["Access-Control-Allow-Credentials", "true"]] : [allowOrigin];
  }

  return {
    variesByOrigin: !origins.any,
    preflightVary: `${origins.any ? "" : "Origin, "}Access-Control-Request-Method, Access-Control-Request-Headers`,

    preflight({ origin, method, headers: headerLines }, why) {
      const fields = common(origin);
      if (fields === null) {
        why("the origin is not allowed");
        return null;
      }
      const allowedMethods = methods.answer([method], credentials);
      if (allowedMethods === null) {
        why("the method is not allowed");
        return null;
      }
      const allowedHeaders = headers.answer(splitList(headerLines), credentials);
      if (allowedHeaders === null) {
        why("a header is not allowed");
        return null;
      }
      const allowHeaders: Fields = allowedHeaders === "" ? [] : [["Access-Control-Allow-Headers", allowedHeaders]];
      return [...fields, ["Access-Control-Allow-Methods", allowedMethods], ...allowHeaders, ...maxAge];
    },

    actual(origin) {
      const fields = common(origin);
      return fields === null || exposed === "" ? fields : [...fields, ["Access-Control-Expose-Headers", exposed]];
    },
  };
}

interface NameRule {
  /** The field value that allows all of the names; null when one of them is not allowed. */
  answer(names: readonly string[], credentials: boolean): string | null;
}

function nameRule(configured: readonly string[], fold: (name: string) => string): NameRule {
  const listed = new Set(configured.map(fold));
  const any = listed.has("*");
  const everything = configured.join(", ");
  return {
    answer(names, credentials) {
      if (!names.every((name) => TOKEN.test(name) && (any || listed.has(fold(name))))) return null;
      if (!any || !credentials) return everything;
      return [...new Set([...names, ...configured.filter((name) => name !== "*")])].join(", ");
    },
  };
}

/** Names that are sent back to the client must be tokens (RFC 9110 section 5.6.2). */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** The elements of a list that may span several field lines. Empty elements are skipped (RFC 9110 section 5.6.1.2). */
function splitList(lines: readonly string[]): string[] {
  return lines
    .flatMap((line) => line.split(","))
    .map(trimOws)
    .filter((element) => element !== "");
}
