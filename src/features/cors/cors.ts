/**
 * Answers CORS preflights, and puts the route's CORS fields on all other answers. That includes the proxy's own answers, so that a page can
 * read why its request was refused. The origin server's own Access-Control fields are removed, because browsers reject an answer with two
 * Access-Control-Allow-Origin lines. The answer to a request without Origin gets at most `Vary: Origin`.
 */
import { compileCors } from "../../policy/cors/cors-policy.ts";
import type { CorsPolicy } from "../../policy/cors/cors-policy.ts";
import { fieldLine } from "../../http/field-edits.ts";
import type { FieldChanges } from "../../http/head-edits.ts";
import { Known, bit } from "../../http/known-fields.ts";
import type { RequestHead } from "../../http/request-head.ts";
import type { ResponseHead } from "../../http/response-head.ts";
import type { Feature } from "../../proxy/feature/feature.ts";
import type { Middleware } from "../../proxy/feature/middleware.ts";
import type { LocalAnswer } from "../../proxy/local-answer.ts";
import { corsFacts } from "./facts.ts";
import type { CorsConfig } from "./schema.ts";

export const cors: Feature<"cors"> = {
  name: "cors",
  key: "cors",
  facts: corsFacts,
  compile: (config, { report }) => corsMiddleware(config, (message) => report("info", "cors_decision", message)),
};

/** @param debug called with the reason why a preflight or an answer got no CORS fields, if the configuration has `debug: true`; holds no secret */
export function corsMiddleware(config: CorsConfig, debug?: (message: string) => void): Middleware {
  const policy = compileCors(config);
  const tell = config.debug && debug !== undefined ? debug : silent;
  const varyLine = policy.variesByOrigin ? fieldLine("Vary", "Origin") : "";
  /** The lines for the origin of the last request. Most requests of a route come from the pages of one origin. */
  let last: OriginLines | null = null;
  const linesFor = (request: RequestHead): OriginLines => {
    const { derived } = request;
    if (derived instanceof OriginLines && derived.policy === policy) return derived;
    const origin = originOf(request);
    if (last === null || last.origin !== origin) last = new OriginLines(policy, origin, varyLine);
    request.derived = last;
    return last;
  };

  return {
    name: "cors",

    onRequest({ request }) {
      return isPreflight(request) ? answerPreflight(policy, request, tell) : null;
    },

    onResponse({ request }, response) {
      if (isPreflight(request)) return; // answerPreflight has given all fields
      const { head } = response;
      if (head !== null) removeForeignFields(head, response);
      const lines = linesFor(request);
      if (lines.origin !== undefined && lines.accessControl === "") tell("no CORS fields on the answer: the origin is not allowed");
      response.appendLines(variesByOrigin(head) ? lines.accessControl : lines.varyAndAccessControl);
    },
  };
}

/** An OPTIONS request with these two fields is a preflight (Fetch standard, section 4.8). Any other one is for the origin server. */
function isPreflight(request: RequestHead): boolean {
  return request.method === "OPTIONS" && originOf(request) !== undefined && request.has("access-control-request-method");
}

function answerPreflight(policy: CorsPolicy, request: RequestHead, tell: (message: string) => void): LocalAnswer {
  const question = {
    origin: originOf(request) ?? "",
    method: request.get("access-control-request-method") ?? "",
    headers: request.values("access-control-request-headers"),
  };
  let why = "a preflight: pages of that origin may send what it asks for";
  const fields = policy.preflight(question, (reason) => {
    why = `a preflight that allows nothing, so the browser sends no request: ${reason}`;
    tell(`preflight not allowed: ${reason}`);
  });
  return { status: 204, reason: "preflight", detail: "", why, fields: [...(fields ?? []), ["Vary", policy.preflightVary]] };
}

/** The value of Origin; undefined without one. Several lines give "", which no rule allows. */
function originOf(request: RequestHead): string | undefined {
  const index = request.knownIndex(Known.origin, 0);
  if (index < 0) return undefined;
  return request.knownIndex(Known.origin, index + 1) < 0 ? request.value(index) : "";
}

/** The field lines that answers get for one origin, as text. */
class OriginLines {
  readonly policy: CorsPolicy;
  /** undefined for requests without Origin. */
  readonly origin: string | undefined;
  /** The Access-Control lines; "" when the origin is not allowed. */
  readonly accessControl: string;
  /** The same after the line `Vary: Origin`, where answers depend on the origin. */
  readonly varyAndAccessControl: string;

  constructor(policy: CorsPolicy, origin: string | undefined, varyLine: string) {
    this.policy = policy;
    this.origin = origin;
    const fields = origin === undefined ? null : policy.actual(origin);
    this.accessControl = (fields ?? []).map(([name, value]) => fieldLine(name, value)).join("");
    this.varyAndAccessControl = [varyLine, this.accessControl].join("");
  }
}

/** The CORS fields that an origin server may send. */
const FOREIGN_FIELDS = [
  "access-control-allow-origin",
  "access-control-allow-credentials",
  "access-control-allow-methods",
  "access-control-allow-headers",
  "access-control-expose-headers",
  "access-control-max-age",
  "access-control-allow-private-network",
] as const;

function removeForeignFields(response: ResponseHead, edits: FieldChanges): void {
  if ((response.present & bit(Known.accessControl)) === 0) return;
  for (const name of FOREIGN_FIELDS) if (response.has(name)) edits.remove(name);
}

const NAMES_ORIGIN = /(?:^|,)[ \t]*(?:origin|\*)[ \t]*(?:,|$)/i;

/** Whether the origin server's own Vary names Origin already. `*` covers every field. */
function variesByOrigin(response: ResponseHead | null): boolean {
  if (response === null || (response.present & bit(Known.vary)) === 0) return false;
  return response.knownValues(Known.vary).some((value) => NAMES_ORIGIN.test(value));
}

function silent(): void {}
