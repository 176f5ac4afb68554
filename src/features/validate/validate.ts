/** Checks requests and responses by the description of the API (policy/validate). */
import type { Buffer } from "node:buffer";
import type { ResponseHead } from "../../http/response-head.ts";
import type { BodyCheck, Operation, OperationOptions } from "../../policy/validate/operation.ts";
import { ExchangeState } from "../../proxy/feature/exchange-state.ts";
import type { Feature, FeatureContext } from "../../proxy/feature/feature.ts";
import type { ExchangeView, Middleware } from "../../proxy/feature/middleware.ts";
import type { ResponseHold } from "../../proxy/feature/response-hold.ts";
import { WatchedBody, wholeBody } from "../../proxy/feature/whole-body.ts";
import type { NoBody } from "../../proxy/feature/whole-body.ts";
import type { LocalAnswer } from "../../proxy/local-answer.ts";
import { DescribedApi } from "./described-api.ts";
import type { Found } from "./described-api.ts";
import { validateFacts } from "./facts.ts";
import { INVALID_RESPONSE, refusalOf, wordsOf } from "./refusals.ts";
import type { Refusal } from "./refusals.ts";
import { Reports } from "./reports.ts";
import { isOperation, judgedRequest } from "./request-verdict.ts";
import { judgedResponse, lengthOf } from "./response-verdict.ts";
import type { ValidateConfig } from "./schema.ts";

export const validate: Feature<"validate"> = {
  name: "validate",
  key: "validate",
  facts: validateFacts,
  compile: validateMiddleware,
};

function validateMiddleware(config: ValidateConfig, context: FeatureContext): Middleware {
  const { requests, responses } = config;
  const route = new ValidatedRoute(config, context);
  return {
    name: "validate",
    onRequest: (exchange) => route.request(exchange),
    ...(requests === "report" || responses === "enforce" ? { onUpstreamRequest: (...given) => route.upstreamRequest(...given) } : {}),
    ...(responses === "enforce" ? { judgeResponse: (...given) => route.judge(...given) } : {}),
    ...(responses === "report" ? { onResponse: (exchange, { head }) => route.response(exchange, head) } : {}),
  };
}

class ValidatedRoute {
  private readonly config: ValidateConfig;
  private readonly context: FeatureContext;
  private readonly api: () => DescribedApi;
  private readonly reports: Reports;
  /** Operations of exchanges whose responses are checked. */
  private readonly operations: ExchangeState<Operation> = new ExchangeState();
  /** How the body of a request is checked that is passed on in any case. */
  private readonly toWatch: ExchangeState<BodyCheck> = new ExchangeState();

  constructor(config: ValidateConfig, context: FeatureContext) {
    this.config = config;
    this.context = context;
    this.api = apiOf(config, context);
    this.reports = new Reports(context);
  }

  request(exchange: ExchangeView): LocalAnswer | null | Promise<LocalAnswer | null> {
    const { requests, responses } = this.config;
    const found = this.find(exchange);
    if (responses !== false && isOperation(found)) this.operations.keep(exchange, found.operation);
    if (requests === false) return null;
    const verdict = judgedRequest(found, exchange);
    if (verdict === null) return null;
    if (requests === true) {
      if (!("kind" in verdict)) return this.checkedBody(exchange, verdict);
      const answer = refused(exchange, verdict);
      return verdict.kind === "path" ? { ...answer, why: this.api().whyNoPath } : answer;
    }
    if ("kind" in verdict) this.reports.add(exchange, "request", verdict);
    else this.toWatch.keep(exchange, verdict);
    return null;
  }

  private find({ request }: ExchangeView): Found {
    const isPreflight = request.method === "OPTIONS" && request.has("origin") && request.has("access-control-request-method");
    return this.api().find(request.method, request.path, isPreflight);
  }

  private async checkedBody(exchange: ExchangeView, { check }: BodyCheck): Promise<LocalAnswer | null> {
    const refusal = bodyRefusal(await wholeBody(exchange, this.config.max_body), check);
    return refusal === null ? null : refused(exchange, refusal);
  }

  upstreamRequest(exchange: ExchangeView, changes: Parameters<NonNullable<Middleware["onUpstreamRequest"]>>[1]): WatchedBody | null {
    // A response with a content coding could not be checked.
    if (this.config.responses === "enforce" && this.operations.of(exchange) !== undefined && exchange.request.has("accept-encoding"))
      changes.set("Accept-Encoding", "identity");
    const verdict = this.toWatch.of(exchange);
    // A copy for another upstream has the same body, and so has a further attempt.
    if (verdict === undefined || (exchange.original ?? null) !== null || this.reports.has(exchange, "request")) return null;
    return new WatchedBody(exchange.requestLength, this.config.max_body, this.context.memory, (body) => {
      const refusal = bodyRefusal(body, verdict.check);
      if (refusal !== null) this.reports.add(exchange, "request", refusal);
    });
  }

  judge(exchange: ExchangeView, head: ResponseHead): LocalAnswer | ResponseHold | null {
    const operation = this.operations.of(exchange);
    if (operation === undefined) return null;
    const verdict = judgedResponse(operation, exchange.request.method, head);
    if (verdict === null) return null;
    if ("kind" in verdict) return replaced(exchange, verdict);
    return {
      bytesMax: this.config.max_body,
      judge: (body) => {
        if (body === "size" || body === "memory") {
          this.reports.add(exchange, "response", { kind: body });
          return null;
        }
        const refusal = bodyRefusal(body, verdict.check);
        return refusal === null ? null : replaced(exchange, refusal);
      },
    };
  }

  response(exchange: ExchangeView, head: ResponseHead | null): WatchedBody | null {
    const operation = this.operations.of(exchange);
    if (head === null || operation === undefined) return null;
    const verdict = judgedResponse(operation, exchange.request.method, head);
    if (verdict === null) return null;
    if (!("kind" in verdict)) {
      return new WatchedBody(lengthOf(head), this.config.max_body, this.context.memory, (body) => {
        const refusal = bodyRefusal(body, verdict.check);
        if (refusal !== null) this.reports.add(exchange, "response", refusal);
      });
    }
    // A coding that the client has asked for is nobody's fault.
    if (verdict.kind !== "encoding") this.reports.add(exchange, "response", verdict);
    return null;
  }
}

function refused(exchange: ExchangeView, refusal: Refusal): LocalAnswer {
  exchange.noteFault(wordsOf(refusal));
  return refusalOf(refusal);
}

/** The answer in the place of a response. */
function replaced(exchange: ExchangeView, refusal: Refusal): LocalAnswer {
  exchange.noteFault(`response ${wordsOf(refusal)}`);
  return INVALID_RESPONSE;
}

function bodyRefusal(body: Buffer | NoBody, check: BodyCheck["check"]): Refusal | null {
  if (body === "gone") return null;
  if (body === "size" || body === "memory") return { kind: body };
  const faults = check(body);
  return faults.length === 0 ? null : { kind: "faults", faults };
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
