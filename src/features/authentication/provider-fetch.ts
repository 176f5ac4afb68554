/** The requests of a login's engine to its provider, as requests that the control plane sends. */
import type { LoginPorts } from "../../proxy/feature/login-ports.ts";
import type { ProviderFetch } from "../../oidc/provider/provider-fetch.ts";

const NO_BODY: ReadonlySet<number> = new Set([204, 205, 304]);

/** @param issuer where it is reached by TLS, so are all addresses that it names: no answer of it leads to services of this machine or network that have none */
export function providerFetch(ask: LoginPorts["ask"], issuer: string): ProviderFetch {
  return async (url, { method = "GET", headers, body, signal }) => {
    if (issuer.startsWith("https:") && !url.startsWith("https:")) throw new TypeError("the provider names an address without TLS");
    if (method !== "GET" && method !== "POST") throw new TypeError(`no request to a provider has the method ${method}`);
    if (body !== undefined && body !== null && typeof body !== "string" && !(body instanceof URLSearchParams))
      throw new TypeError("the body of a request to a provider is a text or a form");
    const fields = [...new Headers(headers)];
    const answer = await ask({ method, url, fields, body: body?.toString() ?? null }, signal ?? null);
    if ("problem" in answer) throw new Error(answer.problem);
    const { status } = answer;
    return new Response(NO_BODY.has(status) ? null : answer.body, { status, headers: answer.fields.map(([name, value]) => [name, value]) });
  };
}
