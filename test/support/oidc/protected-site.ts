/** A site that the real command protects with a login: an origin that shows what it got, the provider, and the proxy in front. */
import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { freePort } from "../free-port.ts";
import { startMillrace, type Millrace } from "../millrace.ts";
import { CLIENT_ID, CLIENT_SECRET, startProvider, type LiveProvider, type ProviderTimes } from "./provider.ts";

export interface ProtectedSite {
  readonly origin: string;
  readonly provider: LiveProvider;
  readonly proxy: Millrace;
  /** Heads of requests that the origin behind the proxy has got, as `path` and fields in lower case. */
  readonly received: readonly { readonly path: string; readonly headers: http.IncomingHttpHeaders }[];
  /** The configuration, with other settings of the login. */
  config(login?: string): string;
}

export interface SiteOptions {
  readonly workers?: number;
  /** Further keys of `oidc`, as a flow mapping without its braces. */
  readonly login?: string;
  /** Whether a request for `/die` ends the worker that gets it. */
  readonly fatal?: boolean;
  /** Default: 8h. */
  readonly maxAge?: string;
  readonly times?: ProviderTimes;
  /** URL of a Redis by which machines tell each other of logouts. */
  readonly store?: string;
}

const FATAL = fileURLToPath(new URL("fatal-middleware.ts", import.meta.url));

export const SESSION_KEY = "a key for sessions that is as long as it must be";

export async function startSite(t: TestContext, options: SiteOptions = {}): Promise<ProtectedSite> {
  const received: { path: string; headers: http.IncomingHttpHeaders }[] = [];
  const app = http.createServer((request, response) => {
    received.push({ path: request.url ?? "", headers: request.headers });
    response.setHeader("content-type", "text/html");
    const user = String(request.headers["x-user"] ?? "");
    response.end(`<p>${request.url ?? ""} of ${user}</p><form method="post" action="/oauth2/logout"><button>log out</button></form>`);
  });
  app.listen(0, "127.0.0.1");
  await once(app, "listening");
  t.after(() => {
    app.close();
    app.closeAllConnections();
  });
  // The provider must know the proxy's address before the proxy knows the provider's.
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const provider = await startProvider(t, origin, { ...SITE_PATHS, ...options.times });
  const appPort = (app.address() as AddressInfo).port;
  const { workers = 1, login: first = "", maxAge = "8h", fatal = false, store } = options;
  const config = (login = first): string =>
    `workers: ${workers}
${store === undefined ? "" : `stores: { shared: { type: redis, url: "${store}" } }\n`}listeners: [{ address: "127.0.0.1:${port}" }]
upstreams: { app: { endpoints: ["http://127.0.0.1:${appPort}"] } }
routes:
  - { match: { path: /bye }, respond: { body: bye } }
${fatal ? `  - { match: { path: /die }, middleware: [{ use: "${FATAL}" }], respond: { body: alive } }\n` : ""}  - match: { path: [/app/*, /api/*] }
    upstream: app
    authentication:
      oidc: { issuer: "${provider.issuer}", client_id: ${CLIENT_ID}, client_secret: "${CLIENT_SECRET}", scopes: [profile, offline_access], parameters: { prompt: consent }, post_logout_path: /bye, session: { keys: ["${SESSION_KEY}"], max_age: ${maxAge}${store === undefined ? "" : ", store: shared"} }, claims: { user: sub }${login === "" ? "" : `, ${login}`} }
      identity_headers: { user: X-User, roles: X-Roles }
logging: { level: info }
`;
  const proxy = await startMillrace(config());
  t.after(() => proxy.stop());
  return { origin, provider, proxy, received, config };
}

const SITE_PATHS = { callback: "/oauth2/callback", backChannel: "/oauth2/back-channel-logout" };
