import { Buffer } from "node:buffer";
import { looseValues } from "../../http/query-parameter.ts";
import { graphqlBodyFault, graphqlQueryFault } from "../../policy/filter/graphql-request.ts";
import type { GraphqlRequestFault, GraphqlRequestLimits } from "../../policy/filter/graphql-request.ts";
import { measureGraphql } from "../../policy/filter/measure-graphql.ts";
import type { LocalAnswer } from "../../proxy/local-answer.ts";
import { graphqlRefused } from "./refusals.ts";
import type { GraphqlConfig } from "./schema.ts";

/** Judges documents of GraphQL, wherever a request has them. */
export class GraphqlFilter {
  private readonly config: GraphqlConfig;
  private readonly limits: GraphqlRequestLimits;

  constructor(config: GraphqlConfig) {
    this.config = config;
    this.limits = {
      depth: config.max_depth,
      aliases: config.max_aliases,
      rootFields: config.max_root_fields,
      fields: config.max_fields,
      directives: config.max_directives,
      tokens: config.max_tokens,
      batch: config.max_batch,
    };
  }

  /** The parameter `query` of the URL, and whatever a service may take for it. */
  judgeTarget(target: string): LocalAnswer | null {
    if (!target.includes("?")) return null;
    const documents = looseValues(target, "query").map((octets) => Buffer.from(octets, "latin1").toString("utf8"));
    return this.answerTo(graphqlQueryFault(documents, this.limits));
  }

  /** A body of the type `application/graphql`. */
  judgeDocument(text: string): LocalAnswer | null {
    return this.answerTo(measureGraphql(text, this.limits));
  }

  /** A body in JSON, within the limits of JSON. */
  judgeJson(text: string): LocalAnswer | null {
    return this.answerTo(graphqlBodyFault(JSON.parse(text), this.limits));
  }

  private answerTo(fault: GraphqlRequestFault | null): LocalAnswer | null {
    return fault === null ? null : graphqlRefused(fault, this.config);
  }
}
