/** Keeps the cookies of logins from upstreams: whoever has them is their user. */
import type { RequestChanges } from "../../http/head-edits.ts";
import { COOKIES_BEGIN, otherCookies } from "../../oidc/cookies/request-cookies.ts";
import type { ExchangeView } from "../../proxy/feature/middleware.ts";

/** Takes them out of a request that goes upstream. */
export function takeLoginCookies({ request }: ExchangeView, edits: RequestChanges): void {
  if (!request.has("cookie")) return;
  const values = request.values("cookie");
  if (values.some((value) => value.includes(COOKIES_BEGIN))) edits.rewriteCookies(values, otherCookies);
}
