/** A key of `api_keys` in a parameter of the query. Whatever is in the parameter goes no further. */
import type { LocalAnswer } from "../../proxy/local-answer.ts";
import { parameterValues } from "../../http/query-parameter.ts";
import { INVALID_TOKEN, REALM } from "./method.ts";
import type { Method } from "./method.ts";
import type { FindToken } from "./presented-tokens.ts";

export function keyInQuery(find: FindToken, parameter: string): Method {
  return {
    challenge: `Bearer ${REALM}`,

    judge({ request, startedAtMs }) {
      if (request.forwardTarget.length === request.path.length) return null;
      const [key, second] = parameterValues(request.forwardTarget, parameter);
      if (key === undefined) return null;
      if (second !== undefined) return DUPLICATE;
      return find(key, startedAtMs) ?? INVALID_TOKEN;
    },

    editRequest({ request }, edits) {
      edits.takeParameter(parameter, request.forwardTarget);
    },
  };
}

const DUPLICATE: LocalAnswer = {
  status: 400,
  reason: "bad_request",
  detail: "The key may be given once.",
  fields: [],
  proxyStatus: "http_request_error",
};
