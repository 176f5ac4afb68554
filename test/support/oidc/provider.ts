/** A real OpenID provider, oidc-provider of npm, over loopback: its pages ask for a name, and let everybody in. */
import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import { exportJWK, generateKeyPair } from "jose";

export const CLIENT_ID = "app";
export const CLIENT_SECRET = "a secret that only the client and the provider know";

/** A user with so many roles that the session needs several cookies. */
export const CROWD = "crowd";
const MANY_ROLES = Array.from({ length: 500 }, (_, index) => `role-${index}`);

export interface LiveProvider {
  readonly issuer: string;
  /** Paths that were asked, in order. */
  readonly asked: string[];
  /** Stops to listen; connections end. */
  stop(): Promise<void>;
  /** Listens again, at the same address and with the same memory. */
  start(): Promise<void>;
}

/** Made once for all tests of a file, because it takes a while. */
const signingKey = generateKeyPair("RS256", { extractable: true }).then(async ({ privateKey }) => ({
  ...(await exportJWK(privateKey)),
  alg: "RS256",
  use: "sig",
  kid: "one",
}));

/** How the provider knows its one client, and how long what it gives out lasts, in seconds. */
export interface ProviderTimes {
  readonly callback?: string;
  readonly backChannel?: string;
  readonly accessToken?: number;
}

/** @param app the origin of the one client */
export async function startProvider(t: TestContext, app: string, times: ProviderTimes = {}): Promise<LiveProvider> {
  const { Provider } = await quietly(() => import("oidc-provider"));
  const server = http.createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  // Another host than the application's: browsers keep cookies by host, whatever the port.
  const issuer = `http://localhost:${port}`;
  const key = await signingKey;
  const provider = await quietly(() => Promise.resolve(new Provider(issuer, configurationFor(app, key, times))));
  const asked: string[] = [];
  const answer = provider.callback();
  server.on("request", (request, response) => {
    asked.push(new URL(request.url ?? "/", issuer).pathname);
    answer(request, response);
  });
  const stop = async (): Promise<void> => {
    if (!server.listening) return;
    const closed = once(server, "close");
    server.close();
    server.closeAllConnections();
    await closed;
  };
  t.after(stop);
  const start = async (): Promise<void> => {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
  };
  return { issuer, asked, stop, start };
}

function configurationFor(app: string, key: object, times: ProviderTimes): Record<string, unknown> {
  const { callback = "/callback", backChannel = "/back-channel", accessToken = 300 } = times;
  return {
    clients: [
      {
        client_id: CLIENT_ID,
        client_secret: CLIENT_SECRET,
        redirect_uris: [app + callback],
        post_logout_redirect_uris: [`${app}/bye`],
        grant_types: ["authorization_code", "refresh_token"],
        backchannel_logout_uri: app + backChannel,
        backchannel_logout_session_required: true,
      },
    ],
    jwks: { keys: [key] },
    cookies: { keys: ["of the provider's own cookies"] },
    features: { backchannelLogout: { enabled: true }, rpInitiatedLogout: { enabled: true, ...PAGES }, devInteractions: { enabled: true } },
    // Claims of scopes in the ID token too, and every refresh replaces the refresh token.
    conformIdTokenClaims: false,
    rotateRefreshToken: true,
    claims: { profile: ["name", "roles"] },
    scopes: ["openid", "offline_access"],
    pkce: { required: (): boolean => true },
    ttl: {
      AccessToken: accessToken,
      AuthorizationCode: 60,
      IdToken: 300,
      RefreshToken: 86_400,
      Session: 86_400,
      Interaction: 600,
      Grant: 86_400,
    },
    findAccount: (_ctx: unknown, sub: string) => ({
      accountId: sub,
      claims: () => ({ sub, name: sub.toUpperCase(), roles: sub === CROWD ? MANY_ROLES : ["reader"] }),
    }),
    // It refuses to send anything to loopback addresses otherwise.
    fetch: (url: string | URL, options: RequestInit & { dispatcher?: unknown }) => {
      const { dispatcher: _dispatcher, ...rest } = options;
      return globalThis.fetch(url, rest);
    },
  };
}

/** The pages of a logout: the provider remarks on the console that its own should be replaced. */
const PAGES = {
  logoutSource: (ctx: { body: string }, form: string): void => {
    ctx.body = form.replace("</form>", '<button name="logout" value="yes">log out</button></form>');
  },
  postLogoutSuccessSource: (ctx: { body: string }): void => {
    ctx.body = "logged out";
  },
};

/** The provider warns on the console that it is set up for a test. */
async function quietly<Value>(make: () => Promise<Value>): Promise<Value> {
  const { warn, info } = console;
  console.warn = (): void => {};
  console.info = (): void => {};
  try {
    return await make();
  } finally {
    console.warn = warn;
    console.info = info;
  }
}
