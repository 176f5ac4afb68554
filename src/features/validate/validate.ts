/** Checks requests by the description of the API (policy/validate). */
import type { Buffer } from "node:buffer";
import type { Fault } from "../../policy/validate/parameters.ts";
import { cookiePairs, formPairs } from "../../policy/validate/parameters.ts";
import type { BodyCheck, OperationOptions } from "../../policy/validate/operation.ts";
import { ExchangeState } from "../../proxy/feature/exchange-state.ts";
import type { Feature, FeatureContext } from "../../proxy/feature/feature.ts";
import type { ExchangeView, Middleware } from "../../proxy/feature/middleware.ts";
import { WatchedBody, wholeBody } from "../../proxy/feature/whole-body.ts";
import type { NoBody } from "../../proxy/feature/whole-body.ts";
import type { LocalAnswer } from "../../proxy/local-answer.ts";
import { DescribedApi } from "./described-api.ts";
import type { FoundOperation } from "./described-api.ts";
import { validateFacts } from "./facts.ts";
import { Reports } from "./reports.ts";
import { refusalOf } from "./refusals.ts";
import type { Refusal } from "./refusals.ts";
import type { ValidateConfig } from "./schema.ts";

export const validate: Feature<"validate"> = {
  name: "validate",
  key: "validate",
  facts: validateFacts,
  compile: validateMiddleware,
};

/** A request that is right so far, or what is wrong with it. Null: nothing of its body is checked. */
type Verdict = Refusal | BodyCheck | null;

function validateMiddleware(config: ValidateConfig, context: FeatureContext): Middleware {
  const { requests, max_body: bytesMax } = config;
  if (requests === false) return { name: "validate" };
  const api = apiOf(config, context);
  if (requests === "report") return reporting(api, bytesMax, context);
  return {
    name: "validate",
    onRequest(exchange) {
      const verdict = judged(api(), exchange);
      if (verdict === null) return null;
      if ("kind" in verdict) return refusalOf(verdict);
      return checkedBody(exchange, verdict, bytesMax);
    },
  };
}

async function checkedBody(exchange: ExchangeView, { check }: BodyCheck, bytesMax: number): Promise<LocalAnswer | null> {
  const refusal = bodyRefusal(await wholeBody(exchange, bytesMax), check);
  return refusal === null ? null : refusalOf(refusal);
}

function bodyRefusal(body: Buffer | NoBody, check: BodyCheck["check"]): Refusal | null {
  if (body === "gone") return null;
  if (body === "size" || body === "memory") return { kind: body };
  const faults = check(body);
  return faults.length === 0 ? null : { kind: "faults", faults };
}

/** Passes all requests on, and tells of those that would be refused. */
function reporting(api: () => DescribedApi, bytesMax: number, context: FeatureContext): Middleware {
  const reports = new Reports(context);
  const toCheck = new ExchangeState<BodyCheck>();
  return {
    name: "validate",
    onRequest(exchange) {
      const verdict = judged(api(), exchange);
      if (verdict === null) return null;
      if ("kind" in verdict) reports.add(exchange, "request", verdict);
      else toCheck.keep(exchange, verdict);
      return null;
    },
    onUpstreamRequest(exchange) {
      const verdict = toCheck.of(exchange);
      // A copy for another upstream has the same body, and so has a further attempt.
      if (verdict === undefined || (exchange.original ?? null) !== null || reports.has(exchange)) return null;
      return new WatchedBody(exchange.requestLength, bytesMax, context.memory, (body) => {
        const refusal = bodyRefusal(body, verdict.check);
        if (refusal !== null) reports.add(exchange, "request", refusal);
      });
    },
  };
}

/** Judges the head of a request. */
function judged(api: DescribedApi, exchange: ExchangeView): Verdict {
  const { request } = exchange;
  const isPreflight = request.method === "OPTIONS" && request.has("origin") && request.has("access-control-request-method");
  const found = api.find(request.method, request.path, isPreflight);
  if (found === "preflight") return null;
  if (found === "path") return { kind: "path" };
  if (!isOperation(found)) return { kind: "method", allowed: found };
  const faults = parameterFaults(found, exchange);
  return faults.length > 0 ? { kind: "faults", faults } : judgedBody(found, exchange);
}

function judgedBody({ operation }: FoundOperation, { request, requestLength }: ExchangeView): Verdict {
  const { body } = operation;
  if (requestLength === 0) return body === "required" ? faultOfBody("required") : null;
  if (body === "none") return faultOfBody("undeclared");
  const verdict = operation.bodyOf(request.values("content-type"));
  if (verdict === "unsupported") return { kind: "type", accepted: operation.accepted };
  if (verdict === "any") return null;
  return isEncoded(request.values("content-encoding")) ? { kind: "encoding" } : verdict;
}

function isEncoded(codings: readonly string[]): boolean {
  return codings.some((coding) => coding.trim() !== "" && coding.trim().toLowerCase() !== "identity");
}

function faultOfBody(keyword: string): Refusal {
  return { kind: "faults", faults: [{ in: "body", keyword }] };
}

function parameterFaults({ operation, path }: FoundOperation, { request }: ExchangeView): Fault[] {
  const query = request.target.indexOf("?");
  return operation.checkParameters({
    path,
    query: query < 0 ? [] : formPairs(request.target.slice(query + 1)),
    header: (name) => request.values(name.toLowerCase()),
    cookies: cookiePairs(request.values("cookie")),
  });
}

function isOperation(found: FoundOperation | readonly string[]): found is FoundOperation {
  return !Array.isArray(found);
}

/** The operations of the description as it is at each moment. Routes with the same description share what is compiled. */
function apiOf({ openapi, base_path, undeclared_query: undeclared }: ValidateConfig, context: FeatureContext): () => DescribedApi {
  const base = base_path ?? null;
  const description = context.descriptions.description(openapi);
  const options: OperationOptions = {
    compileRegex: context.compileRegex,
    refusesUndeclared: undeclared === "refuse",
    decode: decoded,
  };
  const key = `${undeclared} ${base ?? ""}`;
  return () => description.once(key, () => new DescribedApi(description, base, options));
}

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function decoded(bytes: Uint8Array): string | null {
  try {
    return UTF8.decode(bytes);
  } catch {
    return null;
  }
}
