import assert from "node:assert/strict";
import { test } from "node:test";
import { STANDARD_FIELDS } from "./access-fields.ts";
import { accessLogSchema } from "./access-log-schema.ts";
import { STANDARD_SHAPE, accessShape, templateProblem } from "./access-shape.ts";
import { whyNotLogged } from "./logged-names.ts";

test("fields are chosen, added and omitted; the order is fixed", () => {
  assert.deepEqual(accessShape({}), STANDARD_SHAPE);
  assert.deepEqual([...accessShape({ fields: ["status", "client"] }).fields], ["client", "status"]);
  const more = accessShape({ fields: ["standard", "query", "scheme"], omit: ["worker", "query"] });
  assert.deepEqual(
    [...more.fields],
    Object.keys(STANDARD_FIELDS).filter((name) => name !== "worker"),
  );
  assert.deepEqual(more.inputs, [{ kind: "field", name: "scheme" }]);
  assert.deepEqual(accessShape({ request_headers: ["X-A", "x-a"], response_headers: ["ETag"] }).inputs, [
    { kind: "request_headers", name: "x-a" },
    { kind: "response_headers", name: "etag" },
  ]);
});

test("a template knows the fields, the variables of requests and what is between quotes", () => {
  const { template, inputs, fields } = accessShape({ template: '{time} "{method} {uri}" {header.X-A} {response_header.X-B} {{x}' });
  assert.deepEqual(template, [
    { value: "time", isQuoted: false },
    ' "',
    { value: "method", isQuoted: true },
    " ",
    { value: 0, isQuoted: true },
    '" ',
    { value: 1, isQuoted: false },
    " ",
    { value: 2, isQuoted: false },
    " {x}",
  ]);
  assert.deepEqual(
    inputs.map(({ kind }) => kind),
    ["variable", "request_headers", "response_headers"],
  );
  assert.deepEqual([...fields], ["method"]);
  assert.equal(accessShape({ template: "combined" }).template?.length, 18);
});

test("what a template may not say", () => {
  for (const [text, why] of [
    ["{methud}", /there is no variable \{methud\}; .* in lines of the log also client, /],
    ["{cookie.sid}", /cookies carry credentials/],
    ["{header.Authorization}", /carries credentials/],
    ["{header.referer}", /without the query/],
    ["{response_header.Set-Cookie}", /carries credentials/],
    ["{response_header.a b}", /names nothing|is no variable|can be called/],
    ["{query.access_token}", /carries credentials/],
    ["{header}", /lacks a name/],
    ["constant", /all lines would be the same/],
  ] as const)
    assert.match(templateProblem(text) ?? "", why, text);
  for (const text of ["common", "combined", "{status}", "{query.page} {query} {uri} {match.id} {env.HOSTNAME} {client_ip}"])
    assert.equal(templateProblem(text), null, text);
});

test("fields that carry credentials are refused, in any spelling", () => {
  for (const name of [
    "Authorization",
    "proxy-authorization",
    "Cookie",
    "SET-COOKIE",
    "X-Api-Key",
    "X_API_KEY",
    "ApiKey",
    "X-Auth",
    "X-Auth-Token",
    "X-CSRF-Token",
    "X-Amz-Security-Token",
    "Ocp-Apim-Subscription-Key",
    "X-Goog-IAP-JWT-Assertion",
    "X-Hub-Signature",
    "X-Session-Id",
    "Referer",
  ])
    assert.notEqual(whyNotLogged(name), null, name);
  for (const name of [
    "User-Agent",
    "X-Tenant",
    "Content-Type",
    "Idempotency-Key",
    "X-Auth-Request-User",
    "WWW-Authenticate",
    "ETag",
    "Location",
  ])
    assert.equal(whyNotLogged(name), null, name);
});

test("what the settings may not say", () => {
  for (const wrong of [
    { fields: [] },
    { fields: ["no"] },
    { request_headers: ["Authorization"] },
    { response_headers: ["a b"] },
    { request_headers: Array.from({ length: 21 }, (_, index) => `X-${index}`) },
    { sample: "101%" },
    { sample: 0.5 },
    { sample: { errors: true } },
    { template: "{status}\n" },
    { template: "\u{1b}{status}" },
    { other: 1 },
  ])
    assert.ok(!accessLogSchema.safeParse(wrong).success, JSON.stringify(wrong));
  assert.deepEqual(accessLogSchema.parse({ sample: "10%" }), { sample: { share: 0.1, errors: false } });
});
