/** What a row of a migration page promises, as a request and what comes of it; and the origin that all such requests meet. */
import assert from "node:assert/strict";
import { script } from "../../src/testing/test-proxy.ts";
import type { OriginFunction, TestProxy } from "../../src/testing/test-proxy.ts";

export interface Trial {
  /** Method and target, such as `GET /api/x`. */
  readonly ask: string;
  readonly fields?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** The client's address, where the proxy can be told one. */
  readonly from?: string;
  /** How often the same is asked; what is expected is expected of the last. */
  readonly times?: number;
  /** Time that passes while an answer is awaited. */
  readonly wait?: string;
  /** Default: 200. */
  readonly status?: number;
  /** Method and target that the origin got; null: it got nothing. */
  readonly got?: string | null;
  /** Fields that the origin got; null: it must not have them. */
  readonly sent?: Readonly<Record<string, string | RegExp | null>>;
  /** Fields of the response; null: it must not have them. */
  readonly answer?: Readonly<Record<string, string | RegExp | null>>;
  /** The body of the response. */
  readonly text?: string;
  /** Which origin answers: the name of its upstream. */
  readonly by?: string;
  /** The upstream that gets a copy; only ours is looked at. */
  readonly copied?: string;
  /** Lines that the access log has then; only ours is looked at. */
  readonly logs?: number;
  /** The other proxy does otherwise, and the page says so: only ours is tried. */
  readonly onlyOurs?: boolean;
  /** The origin refuses connections; only ours is tried. */
  readonly down?: boolean;
  /** The client asks for a WebSocket, and the origin agrees: the status is 101. */
  readonly upgrade?: boolean;
}

/** What an origin of the trials does, by the path that it is asked for. */
export function answerOf(
  path: string,
  name: string,
): { readonly status: number; readonly fields: Record<string, string>; readonly body: string } {
  const fields = { "Content-Type": "text/plain", "X-Powered-By": "origin", "X-Origin": name };
  if (path.endsWith("/redirects")) return { status: 302, fields: { ...fields, Location: "http://127.0.0.1:60408/login" }, body: "" };
  if (path.endsWith("/cookie"))
    return { status: 200, fields: { ...fields, "Set-Cookie": "a=1; Domain=internal.example; Path=/" }, body: "" };
  if (path.endsWith("/large")) return { status: 200, fields, body: `${name} answers `.repeat(200) };
  if (path.endsWith("/fails")) return { status: 503, fields, body: "failed" };
  return { status: 200, fields, body: `${name} answers` };
}

/** Files of the rows that serve a folder. */
export const FILES: Readonly<Record<string, string>> = {
  "public/index.html": "the page",
  "public/assets/app.js": "the script",
  // Of alice, whose password is "secret".
  "users.htpasswd": "alice:$2y$04$duSyZyDL3b9b1zi/BPkPV.GKV26VHn33dCZk4jjKkz9RctDe82B9e\n",
  "public/503.html": "the error page",
  "public/manual/intro.html": "the manual",
  "public/.env": "SECRET=1",
};

/** The same as a function of the test kit. */
export function origin(name: string): OriginFunction {
  return async (request, { sleep }) => {
    await request.arrayBuffer();
    if (request.url.endsWith("/stalls")) await sleep(120_000);
    const { status, fields, body } = answerOf(new URL(request.url).pathname, name);
    return new Response(body === "" ? null : body, { status, headers: fields });
  };
}

/** What came of a trial, whoever the proxy was. */
export interface Outcome {
  readonly status: number;
  readonly answer: Headers;
  readonly text: string;
  /** What the origin got last; null: nothing. */
  readonly request: { readonly line: string; readonly headers: Headers } | null;
}

/** Compares what came of a trial with what the page promises. */
export function compare(trial: Trial, { status, answer, text, request }: Outcome, what: string): void {
  assert.equal(status, trial.status ?? 200, `${what}: status`);
  for (const [name, value] of Object.entries(trial.answer ?? {})) {
    const found = answer.get(name);
    if (value instanceof RegExp) assert.match(found ?? "", value, `${what}: ${name}`);
    else assert.equal(found, value, `${what}: ${name} of the answer`);
  }
  if (trial.text !== undefined) assert.equal(text, trial.text, `${what}: body`);
  if (trial.by !== undefined) assert.equal(answer.get("x-origin"), trial.by, `${what}: who answers`);
  if (trial.got !== undefined) assert.equal(request?.line ?? null, trial.got, `${what}: what the origin got`);
  for (const [name, value] of Object.entries(trial.sent ?? {})) {
    const found = request?.headers.get(name) ?? null;
    if (value instanceof RegExp) assert.match(found ?? "", value, `${what}: ${name} at the origin`);
    else assert.equal(found, value, `${what}: ${name} at the origin`);
  }
}

/** Makes the trial with a proxy in memory. */
export async function tryInMemory(proxy: TestProxy, trial: Trial, upstreams: readonly string[]): Promise<Outcome> {
  const [method = "", target = ""] = trial.ask.split(" ");
  if (trial.down === true) proxy.serve("app", script.refuse());
  if (trial.upgrade === true) return await upgraded(proxy, target);
  const host = trial.fields?.["Host"] ?? "client.example";
  let response: Response | null = null;
  for (let time = 0; time < (trial.times ?? 1); time++) {
    const asked = proxy.fetch(`http://${host}${target}`, {
      method,
      headers: trial.fields ?? {},
      ...(trial.body === undefined ? {} : { body: trial.body }),
      ...(trial.from === undefined ? {} : { from: trial.from }),
    });
    if (trial.wait !== undefined) await proxy.advance(trial.wait);
    response = await asked;
  }
  assert.ok(response !== null);
  const text = await response.text();
  if (trial.copied !== undefined) {
    await proxy.advance("1s");
    assert.equal(proxy.requests(trial.copied).length, trial.times ?? 1, `${trial.ask}: copies`);
  }
  if (trial.logs !== undefined) assert.equal(proxy.log.filter(({ event }) => event === "access").length, trial.logs, `${trial.ask}: log`);
  const request = upstreams.flatMap((name) => [...proxy.requests(name)]).at(-1);
  return {
    status: response.status,
    answer: response.headers,
    text,
    request: request === undefined ? null : { line: `${request.method} ${request.target}`, headers: request.headers },
  };
}

/** The lines of a request for a WebSocket. */
export function handshake(target: string): string {
  return [
    `GET ${target} HTTP/1.1`,
    "Host: client.example",
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "\r\n",
  ].join("\r\n");
}

export const SWITCH = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

async function upgraded(proxy: TestProxy, target: string): Promise<Outcome> {
  proxy.serve(
    "app",
    script.raw(async (connection) => {
      await connection.until("\r\n\r\n");
      connection.send(SWITCH);
    }),
  );
  const client = proxy.connect();
  client.send(handshake(target));
  const head = await client.until("\r\n\r\n");
  return { status: Number(head.slice(9, 12)), answer: new Headers(), text: "", request: null };
}
