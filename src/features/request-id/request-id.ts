/** Gives each request an id, and carries it to the upstream and to the client. */
import { ReplacedNames } from "../../http/replaced-names.ts";
import { believedId } from "../../policy/request-id/believed-id.ts";
import type { Feature } from "../../proxy/feature/feature.ts";
import type { Middleware } from "../../proxy/feature/middleware.ts";
import { requestIdFacts } from "./facts.ts";
import type { RequestIdConfig } from "./schema.ts";

export const requestId: Feature<"request_id"> = {
  name: "request-id",
  key: "request_id",
  facts: requestIdFacts,
  compile: requestIdMiddleware,
};

function requestIdMiddleware(levels: readonly RequestIdConfig[]): Middleware {
  const config = levels.at(-1) ?? false;
  if (config === false) return { name: "request-id" };
  const { header, trust, response: isSentBack } = config;
  const lowerName = header.toLowerCase();
  const names = new ReplacedNames([lowerName], [lowerName]);
  // An id has no character that a field must not have, so the line needs no check.
  const start = `${header}: `;
  return {
    name: "request-id",
    onRequest(exchange) {
      if (trust === "any" || (trust === "trusted_proxies" && exchange.peerTrusted)) {
        const id = believedId(exchange.request.values(lowerName));
        if (id !== null) exchange.identify(id);
      }
      // Reading the id makes it, so that even an answer of the next middleware carries it.
      void exchange.requestId;
      return null;
    },
    onUpstreamRequest: (exchange, request) => request.replaceByFresh(names, `${start}${exchange.requestId}\r\n`),
    onResponse(exchange, response) {
      if (isSentBack || response.head === null) response.replaceByFresh(names, `${start}${exchange.requestId}\r\n`);
    },
  };
}
