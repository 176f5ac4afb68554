/** The values of variables (policy/template/template.ts) for one exchange. */
import type { Variable } from "../../policy/template/template.ts";
import { cookieValue, queryValue } from "../../policy/template/request-values.ts";
import type { ExchangeView } from "./middleware.ts";

/** The value as received: latin1 text, one character per octet. "" where the request has no such thing. */
export function valueOf(exchange: ExchangeView, { name, key }: Variable): string {
  const { request, scheme, client, routeName } = exchange;
  switch (name) {
    case "method":
      return request.method;
    case "scheme":
      return scheme;
    case "host":
      return request.host;
    case "path":
      return request.path;
    case "uri":
      return request.forwardTarget;
    case "query": {
      const query = request.forwardTarget.slice(request.path.length + 1);
      return key === "" ? query : queryValue(query, key);
    }
    case "client_ip":
      return client;
    case "request_id":
      return exchange.requestId;
    case "route":
      return routeName;
    case "header":
      return request.get(key) ?? "";
    case "cookie":
      return cookieValue(request.values("cookie"), key);
    case "match":
      return exchange.pathGroup(key);
    case "error":
      // Filled in by the page itself.
      return "";
    case "env":
      // Filled in when the route is compiled (compile-template.ts).
      return "";
  }
}
