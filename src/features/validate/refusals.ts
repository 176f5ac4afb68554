/** What a request is refused for, as an answer and in words. Every text is the description's or the proxy's own: nothing comes from the client. */
import type { Fault } from "../../policy/validate/parameters.ts";
import type { LocalAnswer } from "../../proxy/local-answer.ts";

/**
 * - `path`, `method`, `type`: the description has no such thing
 * - `encoding`: the body has a content coding
 * - `size`, `memory`: the body was not read
 * - `faults`: parameters or the body are wrong
 */
export type Refusal =
  | { readonly kind: "path" | "encoding" | "size" | "memory" }
  | { readonly kind: "method"; readonly allowed: readonly string[] }
  | { readonly kind: "type"; readonly accepted: string }
  | { readonly kind: "faults"; readonly faults: readonly Fault[] };

const PROXY_STATUS = "http_request_error";

export function refusalOf(refusal: Refusal): LocalAnswer {
  switch (refusal.kind) {
    case "faults":
      return {
        status: 400,
        reason: "invalid_request",
        detail: sentence(refusal.faults[0]),
        fields: [],
        proxyStatus: PROXY_STATUS,
        members: { errors: refusal.faults },
      };
    case "path":
      return { ...answer(404, "undescribed_path", "The API has no such path."), members: {} };
    case "method":
      return {
        ...answer(405, "undescribed_method", "The API does not have this method here.", [["Allow", refusal.allowed.join(", ")]]),
        members: {},
      };
    case "type":
      return {
        ...answer(415, "undescribed_type", "The API takes no body of this media type here.", [["Accept", refusal.accepted]]),
        members: { errors: [{ in: "header", name: "Content-Type", keyword: "content" }] },
      };
    case "encoding":
      return {
        ...answer(415, "undescribed_type", "A body with a content coding is not taken here.", [["Accept-Encoding", "identity"]]),
        members: { errors: [{ in: "header", name: "Content-Encoding", keyword: "content" }] },
      };
    case "size":
      return { ...answer(413, "body_not_checked", "The body is larger than may be checked."), members: {} };
    case "memory":
      return {
        status: 503,
        reason: "validation_busy",
        detail: "Too many bodies are being checked.",
        fields: [["Retry-After", "1"]],
        proxyStatus: "connection_limit_reached",
        members: {},
      };
  }
}

/** The answer to the client whose response is wrong. What is wrong is the upstream's matter, and stands in the log. */
export const INVALID_RESPONSE: LocalAnswer = {
  status: 502,
  reason: "invalid_response",
  detail: "The response is not as the API describes it.",
  fields: [],
  proxyStatus: "http_protocol_error",
};

function answer(status: number, reason: string, detail: string, fields: LocalAnswer["fields"] = []): LocalAnswer {
  return { status, reason, detail, fields, proxyStatus: PROXY_STATUS };
}

/** A refusal in a few words, for logs: `body /items/0/price minimum`. */
export function wordsOf(refusal: Refusal): string {
  if (refusal.kind !== "faults") return refusal.kind;
  return refusal.faults
    .map((fault) => [fault.in, fault.name, fault.pointer, fault.keyword].filter((part) => part !== undefined).join(" "))
    .join(", ");
}

function sentence(fault: Fault | undefined): string {
  if (fault === undefined) return "The request is not as the API describes it.";
  const { in: place, name, pointer, keyword } = fault;
  const thing = place === "body" ? "The body" : name === undefined ? `The ${place}` : `The ${WORDS[place]} ${name}`;
  return `${thing}${pointer === undefined ? "" : ` at ${pointer}`} does not meet "${keyword}" of the API's description.`;
}

const WORDS: Readonly<Record<Fault["in"], string>> = {
  path: "path parameter",
  query: "query parameter",
  header: "header",
  cookie: "cookie",
  body: "body",
  status: "status",
};
