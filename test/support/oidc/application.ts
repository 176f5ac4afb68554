/** An application behind the engine, over loopback: what a feature of the proxy makes of the engine's answers, in short. */
import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import type { LoginRequest } from "../../../src/oidc/login-request.ts";
import type { CallbackAnswer, CheckAnswer, LogoutAnswer } from "../../../src/oidc/oidc-answers.ts";
import { OidcEngine } from "../../../src/oidc/oidc-engine.ts";
import type { OidcOptions, OidcPorts } from "../../../src/oidc/oidc-options.ts";
import { LIFETIME_MS, sharedByTwo } from "../../../src/oidc/session/session-state.fixture.ts";
import { CLIENT_ID, CLIENT_SECRET } from "./provider.ts";

export interface Application {
  readonly origin: string;
  /** The engines that serve the requests in turn, as several threads do. */
  readonly engines: OidcEngine[];
  /** By how much the application's clock runs ahead. */
  aheadMs: number;
  /** Kinds of the engine's answers, in order. */
  readonly answers: string[];
  /** What the engine wrote for the log. */
  readonly reasons: string[];
  /** Another engine, with the same marks and revocations unless `ports` has others. */
  engine(issuer: string, options?: Partial<OidcOptions>, ports?: Partial<OidcPorts>): OidcEngine;
}

export async function startApplication(t: TestContext): Promise<Application> {
  const server = http.createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const [state] = sharedByTwo();
  const app: Application = {
    origin,
    engines: [],
    aheadMs: 0,
    answers: [],
    reasons: [],
    engine: (issuer, options = {}, ports = {}) =>
      new OidcEngine(
        {
          issuer,
          clientId: CLIENT_ID,
          clientSecret: CLIENT_SECRET,
          clientAuthentication: "basic",
          scopes: ["profile", "offline_access"],
          authorizationParameters: { prompt: "consent" },
          redirectPath: "/callback",
          postLogoutPath: "/bye",
          keys: [Buffer.alloc(32, 1)],
          sessionMaxAgeMs: LIFETIME_MS,
          idTokenAlgorithm: "RS256",
          userInfo: false,
          keepAccessToken: false,
          clockToleranceMs: 30_000,
          providerTimeoutMs: 4_000,
          ...options,
        },
        { fetch: (url, init) => fetch(url, init), now: () => Date.now() + app.aheadMs, ...state, ...ports },
      ),
  };
  server.on("request", (request, response) => {
    // What fails here fails the test: its client gets no answer.
    void serve(app, request, response).catch((error: unknown) => {
      app.reasons.push(String(error));
      response.destroy();
    });
  });
  return app;
}

async function serve(app: Application, request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
  const engine = app.engines.shift();
  if (engine === undefined) throw new Error("no engine");
  app.engines.push(engine);
  const asked = requestOf(app, request);
  const path = asked.target.split("?")[0];
  if (path === "/back-channel") {
    const answer = await engine.backChannel(request.headers["content-type"] ?? null, await bodyOf(request));
    app.answers.push(answer.kind);
    if ("reason" in answer) app.reasons.push(answer.reason);
    response.writeHead(answer.kind === "revoked" ? 200 : answer.kind === "refused" ? 400 : 503).end();
    return;
  }
  const answer = await (path === "/callback" ? engine.callback(asked) : path === "/logout" ? engine.logout(asked) : engine.check(asked));
  app.answers.push(answer.kind);
  // The page after a logout is open to all.
  if (path === "/bye") response.end("bye");
  else write(app, answer, response);
}

function write(app: Application, answer: CheckAnswer | CallbackAnswer | LogoutAnswer, response: http.ServerResponse): void {
  if ("setCookies" in answer) response.setHeader("set-cookie", [...answer.setCookies]);
  response.setHeader("cache-control", "no-store");
  response.setHeader("content-type", "text/html");
  switch (answer.kind) {
    case "session":
      response.end(escaped(JSON.stringify(answer.session.claims)));
      return;
    case "login":
    case "redirect":
      response.writeHead(303, { location: answer.location }).end();
      return;
    case "unauthorized":
    case "unknown":
      response.writeHead(401).end();
      return;
    case "confirm":
      response.end('<form method="post" action="/logout"><button>log out</button></form>');
      return;
    case "refused":
      response.writeHead(403).end();
      return;
    case "too_many":
      response.writeHead(429).end();
      return;
    case "unavailable":
      app.reasons.push(answer.reason);
      response.writeHead(503, { "retry-after": String(Math.ceil(answer.retryAfterMs / 1_000)) }).end("try again later");
      return;
    case "failed":
      app.reasons.push(answer.failure.reason);
      response.writeHead(answer.failure.status).end(escaped(`${answer.failure.code}: ${answer.failure.text}`));
  }
}

function requestOf(app: Application, { method, url, headers }: http.IncomingMessage): LoginRequest {
  const field = (name: string): string | null => {
    const value = headers[name];
    return typeof value === "string" ? value : null;
  };
  return {
    method: method ?? "",
    origin: app.origin,
    target: url ?? "",
    cookie: headers.cookie ?? "",
    accept: field("accept"),
    secFetchMode: field("sec-fetch-mode"),
    secFetchSite: field("sec-fetch-site"),
    requestedWith: field("x-requested-with"),
    originField: field("origin"),
  };
}

async function bodyOf(request: http.IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
