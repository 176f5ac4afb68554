/** Changes attributes of the cookies that origins set. */
import { rewriteCookie } from "../../policy/cookies/rewrite-cookie.ts";
import type { Feature } from "../../proxy/feature/feature.ts";
import type { Middleware } from "../../proxy/feature/middleware.ts";
import { rewriteCookiesFacts } from "./facts.ts";
import type { RewriteCookiesConfig } from "./schema.ts";

export const rewriteCookies: Feature<"rewrite_cookies"> = {
  name: "rewrite-cookies",
  key: "rewrite_cookies",
  facts: rewriteCookiesFacts,
  compile: rewriteCookiesMiddleware,
};

const NAME = "set-cookie";

function rewriteCookiesMiddleware(levels: readonly RewriteCookiesConfig[]): Middleware {
  const edits: RewriteCookiesConfig = Object.assign({}, ...levels);
  return {
    name: "rewrite-cookies",
    onResponse: (_exchange, response) => {
      const { head } = response;
      if (head === null || !head.has(NAME)) return;
      const lines = head.values(NAME);
      const rewritten = lines.map((line) => rewriteCookie(line, edits));
      if (rewritten.every((line, index) => line === lines[index])) return;
      response.remove(NAME);
      for (const line of rewritten) response.append("Set-Cookie", line);
    },
  };
}
