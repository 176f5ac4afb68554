/**
 * Refuses requests by their method, the type of their body, and its shape. Two middleware: the first one judges heads. The second one reads bodies, and acts
 * after the limits by who the client is, so that each try counts.
 */
import { isUtf8 } from "node:buffer";
import type { Buffer } from "node:buffer";
import { isEncoded } from "../../http/content.ts";
import { parameterOf, parseContentType } from "../../http/content-type.ts";
import type { ContentType } from "../../http/content-type.ts";
import type { Feature } from "../../proxy/feature/feature.ts";
import type { ExchangeView, Middleware } from "../../proxy/feature/middleware.ts";
import { wholeBody } from "../../proxy/feature/whole-body.ts";
import type { LocalAnswer } from "../../proxy/local-answer.ts";
import { BodyTypes } from "./body-types.ts";
import { filterFacts } from "./facts.ts";
import { GraphqlFilter } from "./graphql-filter.ts";
import { JsonFilter } from "./json-filter.ts";
import { boundaryOf, partsStage } from "./parts-stage.ts";
import * as refusals from "./refusals.ts";
import type { FilterConfig, MultipartConfig } from "./schema.ts";

export const filter: Feature<"filter"> = {
  name: "filter",
  key: "filter",
  facts: filterFacts,
  compile: headFilter,
  forKnown: {
    name: "filter-bodies",
    isIn: ({ json, graphql, multipart }) => json !== undefined || graphql !== undefined || multipart !== undefined,
    compile: bodyFilter,
  },
};

function headFilter(config: FilterConfig): Middleware {
  const { methods } = config;
  const admitted = methods?.includes("GET") === true && !methods.includes("HEAD") ? [...methods, "HEAD"] : methods;
  const known = admitted === undefined ? null : new Set(admitted);
  const types = new BodyTypes(config);
  const methodRefused = refusals.methodRefused(admitted ?? []);
  const typeRefused = refusals.typeRefused(types.admitted ?? []);
  return {
    name: "filter",
    onRequest(exchange) {
      if (known !== null && !known.has(exchange.request.method)) return methodRefused;
      // Without a body there is nothing whose type could be wrong.
      if (types.admitted === null || exchange.requestLength === 0) return null;
      const type = typeOf(exchange);
      if (type === null || !types.admits(type.type)) return typeRefused;
      const kind = types.kindOf(type.type);
      if (kind === null) return null;
      if (isEncoded(exchange.request)) return refusals.ENCODING_REFUSED;
      if (kind === "parts") return boundaryOf(type) === null ? refusals.BAD_BOUNDARY : null;
      return isInUtf8(type) ? null : refusals.CHARSET_REFUSED;
    },
  };
}

function bodyFilter(config: FilterConfig): Middleware {
  const types = new BodyTypes(config);
  const bodies = new TextBodies(config);
  const { multipart } = config;
  const kindOf = (exchange: ExchangeView): ReturnType<BodyTypes["kindOf"]> => {
    const type = exchange.requestLength === 0 ? null : typeOf(exchange);
    return type === null ? null : types.kindOf(type.type);
  };
  const onRequest: Middleware["onRequest"] = (exchange) => {
    const refused = bodies.judgeTarget(exchange);
    if (refused !== null) return refused;
    const kind = kindOf(exchange);
    return kind === "json" || kind === "graphql" ? bodies.judge(exchange, kind === "json") : null;
  };
  if (multipart === undefined) return { name: "filter-bodies", onRequest };
  return {
    name: "filter-bodies",
    onRequest,
    // A copy of the request ends with the request itself.
    onUpstreamRequest: (exchange) =>
      (exchange.original ?? null) === null && kindOf(exchange) === "parts" ? stageOf(exchange, multipart) : null,
  };
}

function stageOf(exchange: ExchangeView, config: MultipartConfig): ReturnType<typeof partsStage> | null {
  const type = typeOf(exchange);
  const boundary = type === null ? null : boundaryOf(type);
  return boundary === null ? null : partsStage(boundary, config, exchange.requestLength);
}

/** Judges bodies in JSON, and documents of GraphQL. */
class TextBodies {
  private readonly json: JsonFilter;
  private readonly graphql: GraphqlFilter | null;

  constructor({ json, graphql }: FilterConfig) {
    this.json = new JsonFilter(json, graphql !== undefined);
    this.graphql = graphql === undefined ? null : new GraphqlFilter(graphql);
  }

  /** A service may read the document of the URL, whatever the method and the body. */
  judgeTarget({ request }: ExchangeView): LocalAnswer | null {
    return this.graphql?.judgeTarget(request.forwardTarget) ?? null;
  }

  /** @param isJson false: the body is a document */
  async judge(exchange: ExchangeView, isJson: boolean): Promise<LocalAnswer | null> {
    const { json, graphql } = this;
    const body = await wholeBody(exchange, json.bytesMax);
    if (body === "size") return refusals.tooLarge("The body", json.bytesMax);
    if (body === "memory") return refusals.NO_MEMORY;
    // The exchange is over, or there is no client, as in `explain`.
    if (body === "gone") return null;
    if (body.length === 0) return null;
    if (!isUtf8(body)) return refusals.NOT_UTF8;
    if (!isJson) return graphql?.judgeDocument(textOf(body)) ?? null;
    return json.judge(body) ?? graphql?.judgeJson(textOf(body)) ?? null;
  }
}

/** Without a byte order mark. */
function textOf(body: Buffer): string {
  return body.toString("utf8").replace(/^\u{feff}/u, "");
}

/** Null: the request says nothing of the type, says it twice, or says what is no type. */
function typeOf({ request }: ExchangeView): ContentType | null {
  const values = request.values("content-type");
  return values.length === 1 ? parseContentType(values[0] ?? "") : null;
}

function isInUtf8(type: ContentType): boolean {
  const charset = parameterOf(type, "charset");
  return charset === "" || (charset !== null && /^(?:utf-?8|us-ascii)$/i.test(charset));
}
