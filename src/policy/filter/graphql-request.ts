/** What a request asks of a GraphQL service: its documents, as "GraphQL over HTTP" has them, and in the other forms that services take. */
import { measureGraphql } from "./measure-graphql.ts";
import type { GraphqlFault, GraphqlLimits } from "./measure-graphql.ts";

/**
 * What is wrong with the value of a body in JSON:
 * - `shape`: no object with a text `query`, or no list of them
 * - `batch`: more operations than one request may have
 * - `ambiguous`: several documents, of which services execute one or the other
 */
export type GraphqlRequestFault = GraphqlFault | "shape" | "batch" | "ambiguous";

export interface GraphqlRequestLimits extends GraphqlLimits {
  /** Operations of one request. */
  readonly batch: number;
}

/** Judges a body that was JSON, in which no object has a name twice. An object without `query` names a document that the service knows already. */
export function graphqlBodyFault(value: unknown, limits: GraphqlRequestLimits): GraphqlRequestFault | null {
  const requests: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (requests.length > limits.batch) return "batch";
  for (const request of requests) {
    if (typeof request !== "object" || request === null || Array.isArray(request)) return "shape";
    // Some services find their members without regard to case.
    const queries = Object.entries(request).filter(([name]) => name.toLowerCase() === "query");
    if (queries.length > 1) return "ambiguous";
    const query: unknown = queries[0]?.[1] ?? null;
    if (query === null) continue;
    if (typeof query !== "string") return "shape";
    const fault = measureGraphql(query, limits);
    if (fault !== null) return fault;
  }
  return null;
}

/** Judges the values of the parameter `query`. */
export function graphqlQueryFault(values: readonly string[], limits: GraphqlRequestLimits): GraphqlRequestFault | null {
  const [query = "", ...others] = values;
  if (others.length > 0) return "ambiguous";
  return query === "" ? null : measureGraphql(query, limits);
}
