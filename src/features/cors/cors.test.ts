import { test } from "node:test";
import assert from "node:assert/strict";
import { addFields, buildRequestHead, buildResponseHead } from "../../http/build-head.ts";
import { ResponseEdits } from "../../http/head-edits.ts";
import { RequestHead } from "../../http/request-head.ts";
import type { Middleware } from "../../proxy/feature/middleware.ts";
import type { LocalAnswer } from "../../proxy/local-answer.ts";
import { LoneView } from "../../proxy/feature/lone-view.ts";
import { corsMiddleware } from "./cors.ts";

const config = {
  allowed_origins: ["https://app.example.com", "https://*.example.org"],
  allowed_methods: ["GET", "PUT"],
  allowed_headers: ["Content-Type"],
  exposed_headers: ["X-Page"],
  allow_credentials: true,
  max_age: 60_000,
  debug: false,
};
const app = "https://app.example.com";

type Lines = readonly (readonly [name: string, value: string])[];

function request(method: string, lines: Lines): RequestHead {
  return buildRequestHead({ method, target: "/", authority: "api.example.com" }, lines);
}

function onRequest(settings: typeof config, asked: RequestHead, debug?: (message: string) => void): LocalAnswer | null {
  const answer = corsMiddleware(settings, debug).onRequest?.(new LoneView(asked, "192.0.2.1")) ?? null;
  assert.ok(!(answer instanceof Promise));
  return answer;
}

function onResponse(settings: typeof config, asked: RequestHead, response: Lines | null): ResponseEdits {
  const edits = new ResponseEdits();
  edits.begin(response === null ? null : buildResponseHead({ status: 200 }, response), 200);
  corsMiddleware(settings).onResponse?.(new LoneView(asked, "192.0.2.1"), edits);
  return edits;
}

const preflight: Lines = [
  ["Origin", app],
  ["Access-Control-Request-Method", "PUT"],
  ["Access-Control-Request-Headers", "content-type"],
];

test("answers a preflight", () => {
  assert.deepEqual(onRequest(config, request("OPTIONS", preflight)), {
    status: 204,
    reason: "preflight",
    detail: "",
    why: "a preflight: pages of that origin may send what it asks for",
    fields: [
      ["Access-Control-Allow-Origin", app],
      ["Access-Control-Allow-Credentials", "true"],
      ["Access-Control-Allow-Methods", "GET, PUT"],
      ["Access-Control-Allow-Headers", "Content-Type"],
      ["Access-Control-Max-Age", "60"],
      ["Vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"],
    ],
  });
  // The answer has all its fields already; onResponse must not add them again.
  const edits = onResponse(config, request("OPTIONS", preflight), null);
  assert.equal(edits.added, "");
});

test("a preflight that is not allowed gets a 204 without the allow fields", () => {
  const told: string[] = [];
  for (const lines of [
    [
      ["Origin", "https://evil.test"],
      ["Access-Control-Request-Method", "PUT"],
    ],
    [
      ["Origin", app],
      ["Origin", app],
      ["Access-Control-Request-Method", "PUT"],
    ],
    [
      ["Origin", app],
      ["Access-Control-Request-Method", "DELETE"],
    ],
    [
      ["Origin", app],
      ["Access-Control-Request-Method", "PUT"],
      ["Access-Control-Request-Headers", "x-other"],
    ],
  ] as const) {
    const answer = onRequest({ ...config, debug: true }, request("OPTIONS", lines), (message) => told.push(message));
    assert.equal(answer?.status, 204);
    assert.deepEqual(answer.fields, [["Vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"]]);
  }
  assert.deepEqual(told, [
    "preflight not allowed: the origin is not allowed",
    "preflight not allowed: the origin is not allowed",
    "preflight not allowed: the method is not allowed",
    "preflight not allowed: a header is not allowed",
  ]);
  onRequest(
    config,
    request("OPTIONS", [
      ["Origin", "https://evil.test"],
      ["Access-Control-Request-Method", "PUT"],
    ]),
    () => assert.fail("debug is off"),
  );
});

test("with `*` among the origins the answer to a preflight does not vary by Origin", () => {
  const answer = onRequest({ ...config, allowed_origins: ["*"] }, request("OPTIONS", preflight));
  assert.equal(new Map(answer?.fields).get("Vary"), "Access-Control-Request-Method, Access-Control-Request-Headers");
  assert.equal(new Map(answer?.fields).get("Access-Control-Allow-Origin"), "*");
  assert.equal(new Map(answer?.fields).has("Access-Control-Allow-Credentials"), false);
});

test("a request that is no preflight goes on to the origin server", () => {
  assert.equal(onRequest(config, request("OPTIONS", [["Origin", app]])), null);
  assert.equal(onRequest(config, request("OPTIONS", [["Access-Control-Request-Method", "PUT"]])), null);
  assert.equal(onRequest(config, request("GET", preflight)), null);
  assert.equal(onRequest(config, request("GET", [["Origin", "https://evil.test"]])), null);
});

test("puts the fields on the origin server's answers and removes the server's own", () => {
  const edits = onResponse(config, request("GET", [["Origin", "https://a.example.org"]]), [
    ["Content-Type", "text/plain"],
    ["access-control-allow-origin", "*"],
    ["Access-Control-Expose-Headers", "X-Internal"],
  ]);
  assert.deepEqual(edits.removed, ["access-control-allow-origin", "access-control-expose-headers"]);
  assert.equal(
    edits.added,
    "Vary: Origin\r\nAccess-Control-Allow-Origin: https://a.example.org\r\nAccess-Control-Allow-Credentials: true\r\nAccess-Control-Expose-Headers: X-Page\r\n",
  );
});

test("the proxy's own answers carry the CORS fields too", () => {
  const edits = onResponse(config, request("GET", [["Origin", app]]), null);
  assert.match(edits.added, /Access-Control-Allow-Origin: https:\/\/app\.example\.com\r\n/);
});

test("without Origin, or with one that is not allowed, only Vary is added, and the origin server's own fields are removed", () => {
  for (const lines of [
    [],
    [["Origin", "https://evil.test"]],
    [
      ["Origin", app],
      ["Origin", app],
    ],
    [["Origin", "null"]],
  ] as const) {
    const edits = onResponse(config, request("GET", lines), [["Access-Control-Allow-Origin", "https://evil.test"]]);
    assert.deepEqual(edits.removed, ["access-control-allow-origin"]);
    assert.equal(edits.added, "Vary: Origin\r\n");
  }
});

test("Vary: Origin is added to the origin server's Vary, unless it names Origin already", () => {
  const added = (vary: string): string => onResponse(config, request("GET", []), [["Vary", vary]]).added;
  assert.equal(added("Accept-Encoding"), "Vary: Origin\r\n");
  assert.equal(added("Original, X-Origin"), "Vary: Origin\r\n");
  for (const vary of ["Origin", "accept, ORIGIN ,x", "*"]) assert.equal(added(vary), "", vary);
  const allowed = onResponse({ ...config, exposed_headers: [] }, request("GET", [["Origin", app]]), [["Vary", "Origin"]]).added;
  assert.match(allowed, /^Access-Control-Allow-Origin: /);
  assert.doesNotMatch(allowed, /Vary/);
  assert.equal(onResponse({ ...config, allowed_origins: ["*"] }, request("GET", []), []).added, "");
  assert.equal(
    onResponse({ ...config, allowed_origins: ["*"], exposed_headers: [] }, request("GET", [["Origin", "https://any.test"]]), []).added,
    "Access-Control-Allow-Origin: *\r\n",
  );
});

test("lines that are kept with a request head are used for the same origin and policy only", () => {
  const ask = (settings: typeof config, asked: RequestHead): string => {
    const edits = new ResponseEdits();
    middleware(settings).onResponse?.(new LoneView(asked, "192.0.2.1"), edits);
    return edits.added;
  };
  const made = new Map<typeof config, Middleware>();
  const middleware = (settings: typeof config): Middleware => {
    const known = made.get(settings) ?? corsMiddleware(settings);
    made.set(settings, known);
    return known;
  };
  const stricter = { ...config, allowed_origins: ["https://other.example.com"] };
  // A request reader uses one head object for one message after the other.
  const head = new RequestHead(request("GET", []));
  addFields(head, [["Origin", app]]);
  const allowed = `Vary: Origin\r\nAccess-Control-Allow-Origin: ${app}\r\n`;
  for (let turn = 0; turn < 2; turn++) {
    assert.ok(ask(config, head).startsWith(allowed));
    assert.equal(ask(stricter, head), "Vary: Origin\r\n");
  }
  head.clear();
  addFields(head, [["Origin", "https://evil.example.com"]]);
  assert.equal(ask(config, head), "Vary: Origin\r\n");
  head.clear();
  assert.equal(ask(config, head), "Vary: Origin\r\n", "no origin");
  addFields(head, [["Origin", app]]);
  head.derived = null;
  assert.ok(ask(config, head).startsWith(allowed));
});
