/** Refuses clients by their address. */
import { compileCidrs } from "../../base/cidr.ts";
import type { Feature } from "../../proxy/feature/feature.ts";
import type { Middleware } from "../../proxy/feature/middleware.ts";
import type { LocalAnswer } from "../../proxy/local-answer.ts";
import { accessFacts } from "./facts.ts";
import type { AccessConfig } from "./schema.ts";

export const access: Feature<"access"> = {
  name: "access",
  key: "access",
  facts: accessFacts,
  compile: accessMiddleware,
};

export function accessMiddleware({ allow, deny }: AccessConfig): Middleware {
  const [allowed, denied] = [allow === undefined ? null : compileCidrs(allow), compileCidrs(deny)];
  /** Most requests in a row come from one client. */
  let lastClient = "";
  let lastAdmitted = false;
  return {
    name: "access",
    onRequest({ client }) {
      if (client !== lastClient) {
        lastClient = client;
        // A client whose address is not known ("") cannot be shown to be outside of `deny`.
        lastAdmitted = client !== "" && !denied.contains(client) && (allowed === null || allowed.contains(client));
      }
      return lastAdmitted ? null : DENIED;
    },
  };
}

const DENIED: LocalAnswer = {
  status: 403,
  reason: "access_denied",
  detail: "This address is not admitted.",
  fields: [],
  proxyStatus: "http_request_denied",
};
