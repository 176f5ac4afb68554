/** The proxy's side of a request: a middleware of its only route, which finds the request of the program that an exchange is for. */
import { defineMiddleware } from "../middleware/define-middleware.ts";
import type { DefinedMiddleware } from "../middleware/define-middleware.ts";
import type { FailureKind } from "../proxy/exchange/failure.ts";

/** A request of the program that is with the proxy. */
export interface HandedOver {
  /** Field lines that the proxy adds to the request. */
  readonly lines: string;
  /** The target could not be asked. The proxy's own answer follows. */
  failed(kind: FailureKind): void;
  /** The response is the target's, and not the proxy's own. */
  answered(): void;
}

/** Name of the field that says which request an exchange is for. It is never sent, and what a client sends under that name is dropped. */
export const TOKEN = "millrace-handed-over";

/** @param find the request with that token */
export function exchangeHooks(find: (token: string) => HandedOver | undefined): DefinedMiddleware<undefined> {
  return defineMiddleware({
    name: "http-proxy-middleware",
    setup: () => ({
      onUpstreamRequest: (exchange, request) => {
        request.remove(TOKEN);
        request.appendLines(find(exchange.request.get(TOKEN) ?? "")?.lines ?? "");
      },
      onUpstreamResponse: (exchange, { failure }) => {
        if (failure !== null) find(exchange.request.get(TOKEN) ?? "")?.failed(failure.kind);
        return null;
      },
      onResponse: (exchange, { head }) => {
        if (head !== null) find(exchange.request.get(TOKEN) ?? "")?.answered();
      },
    }),
  });
}
