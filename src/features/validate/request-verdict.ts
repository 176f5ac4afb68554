/** Judges the head of a request by the operation that it is for, and says whether its body must be checked too. */
import type { BodyCheck, Operation } from "../../policy/validate/operation.ts";
import { cookiePairs, formPairs } from "../../policy/validate/parameters.ts";
import type { Fault } from "../../policy/validate/parameters.ts";
import type { ExchangeView } from "../../proxy/feature/middleware.ts";
import type { Found, FoundOperation } from "./described-api.ts";
import { isEncoded } from "./body-coding.ts";
import type { Refusal } from "./refusals.ts";

/** What is wrong, or how the body is to be checked. Null: the request is right, and nothing of its body is looked at. */
export type RequestVerdict = Refusal | BodyCheck | null;

export function judgedRequest(found: Found, exchange: ExchangeView): RequestVerdict {
  if (found === "preflight") return null;
  if (found === "path") return { kind: "path" };
  if (!isOperation(found)) return { kind: "method", allowed: found };
  const faults = parameterFaults(found, exchange);
  return faults.length > 0 ? { kind: "faults", faults } : judgedBody(found.operation, exchange);
}

export function isOperation(found: Found): found is FoundOperation {
  return typeof found === "object" && "operation" in found;
}

function judgedBody(operation: Operation, { request, requestLength }: ExchangeView): RequestVerdict {
  const { body } = operation;
  if (requestLength === 0) return body === "required" ? faultOfBody("required") : null;
  if (body === "none") return faultOfBody("undeclared");
  const verdict = operation.bodyOf(request.values("content-type"));
  if (verdict === "unsupported") return { kind: "type", accepted: operation.accepted };
  if (verdict === "any") return null;
  return isEncoded(request.values("content-encoding")) ? { kind: "encoding" } : verdict;
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
