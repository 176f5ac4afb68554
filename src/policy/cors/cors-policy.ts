/**
 * Cross-origin resource sharing as the Fetch standard has it (sections 3.2 and 4.8): what the answers to preflights and to actual requests
 * must say. Nothing here refuses a request: CORS tells browsers what pages may read, it is no access control.
 *
 * - A preflight that is not allowed, by its origin, its method or one of its header names, gets the same 204 without any
 *   Access-Control field: the browser then blocks the request, and no configured name is shown to a foreign page.
 * - `*` among the origins never goes with credentials: that would let every site act in its visitors' name. Such a rule works
 *   without them.
 * - `*` among methods or headers is sent as it is where there are no credentials; with credentials it would be taken literally, so the
 *   names that were asked for are sent back. Without credentials `*` does not cover Authorization, which must be listed beside it.
 * - Methods are compared exactly, header names without case.
 */
import { trimOws } from "../../http/trim-ows.ts";
import { compileOrigins } from "./origins.ts";

export interface CorsConfig {
  readonly allowed_origins: readonly string[];
  readonly allowed_methods: readonly string[];
  readonly allowed_headers: readonly string[];
  readonly exposed_headers: readonly string[];
  readonly allow_credentials: boolean;
  /** Milliseconds that a browser may remember a preflight's answer; absent: the browser's own default, 5 seconds. */
  readonly max_age?: number | undefined;
}

type Fields = readonly (readonly [name: string, value: string])[];

export interface PreflightQuestion {
  /** Value of Origin. */
  readonly origin: string;
  /** Value of Access-Control-Request-Method. */
  readonly method: string;
  /** Values of all Access-Control-Request-Headers lines. */
  readonly headers: readonly string[];
}

export interface CorsPolicy {
  /** Whether answers differ by the request's Origin: then each must carry `Vary: Origin`, or a cache mixes them up. */
  readonly variesByOrigin: boolean;
  /** What Vary of a preflight's answer must name. */
  readonly preflightVary: string;
  /** The Access-Control fields of the answer; null: not allowed, none at all. `why` is told the reason. */
  preflight(question: PreflightQuestion, why: (reason: string) => void): Fields | null;
  /** The fields of the answer to an actual request; null: the origin is not allowed. */
  actual(origin: string): Fields | null;
}

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
  /** The value that allows all of the names; null when one of them is not allowed. */
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

/** What is sent back must be a token (RFC 9110 section 5.6.2), whatever came. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** The elements of a list in several lines; empty elements count for nothing (RFC 9110 section 5.6.1.2). */
function splitList(lines: readonly string[]): string[] {
  return lines
    .flatMap((line) => line.split(","))
    .map(trimOws)
    .filter((element) => element !== "");
}
