import { test } from "node:test";
import assert from "node:assert/strict";
import { buildRequestHead } from "../../http/build-head.ts";
import { RequestEdits } from "../../http/head-edits.ts";
import type { RequestHead } from "../../http/request-head.ts";
import type { LocalAnswer } from "../../proxy/local-answer.ts";
import { LoneView } from "../../proxy/feature/lone-view.ts";
import { noLogins } from "../../proxy/feature/login-ports.ts";
import { NO_STORES } from "../../proxy/feature/shared-store.ts";
import { NO_PASSWORDS } from "../../proxy/feature/password-checks.ts";
import { BucketTable } from "../../shared/bucket-table.ts";
import { CredentialFiles } from "../../shared/credential-files.ts";
import { authenticationMiddleware } from "./authentication.ts";

const middleware = authenticationMiddleware(
  { tokens: ["first", "second", "caf\u00e9", "some secret  token"], optional: false },
  {
    credentials: new CredentialFiles(),
    passwords: NO_PASSWORDS,
    logins: noLogins("none"),
    stores: NO_STORES,
    workerIndex: 0,
    buckets: new BucketTable(BucketTable.create(0, 0, 8)),
    now: () => 0,
    report: () => {},
    template: (text) => [text],
    route: { index: 0, label: "r", upstream: "app", side: "app", rewrite: undefined, isBeside: false, key: () => "r" },
  },
);

type Lines = readonly (readonly [name: string, value: string])[];

function request(lines: Lines): RequestHead {
  return buildRequestHead({ method: "GET", target: "/", authority: "a.test" }, lines);
}

function ask(...lines: Lines): LocalAnswer | null {
  const answer = middleware.onRequest?.(new LoneView(request(lines), "192.0.2.1")) ?? null;
  assert.ok(!(answer instanceof Promise));
  return answer;
}

function removed(...lines: Lines): readonly string[] {
  const edits = new RequestEdits();
  middleware.onUpstreamRequest?.(new LoneView(request(lines), "192.0.2.1"), edits);
  assert.equal(edits.added, "");
  return edits.removed;
}

test("every configured token is admitted, in either field", () => {
  for (const token of ["first", "second", "caf\u00c3\u00a9", "some secret  token"]) {
    assert.equal(ask(["Authorization", `Bearer ${token}`]), null);
    assert.equal(ask(["authorization", `bearer   ${token}`]), null);
    assert.equal(ask(["X-API-Key", token]), null);
  }
});

test("without a token: 401 that names the scheme and no error", () => {
  for (const lines of [[], [["Authorization", "Basic Zmlyc3Q6"]], [["Authorization", "Bearerfirst"]]] as const) {
    const answer = ask(...lines);
    assert.equal(answer?.status, 401);
    assert.equal(answer.reason, "unauthorized");
    assert.deepEqual(answer.fields, [["WWW-Authenticate", 'Bearer realm="millrace"']]);
  }
});

test("with a wrong token: 401 with the error", () => {
  for (const token of [
    "",
    "firs",
    "firstx",
    "First",
    "first,second",
    "caf\u00e9",
    "first\u00a0",
    "some",
    "some secret token",
    "first second",
  ]) {
    for (const lines of [[["Authorization", `Bearer ${token}`]], [["X-API-Key", token]]] as const) {
      const answer = ask(...lines);
      assert.equal(answer?.status, 401, token);
      assert.deepEqual(answer.fields, [["WWW-Authenticate", 'Bearer realm="millrace", error="invalid_token"']]);
    }
  }
});

test("with both fields both must be valid", () => {
  assert.equal(ask(["Authorization", "Bearer first"], ["X-API-Key", "second"]), null);
  assert.equal(ask(["Authorization", "Bearer first"], ["X-API-Key", "wrong"])?.status, 401);
  assert.equal(ask(["Authorization", "Bearer wrong"], ["X-API-Key", "second"])?.status, 401);
  assert.equal(ask(["Authorization", "Basic Zmlyc3Q6"], ["X-API-Key", "second"]), null);
});

test("a field given twice: 400", () => {
  for (const lines of [
    [
      ["Authorization", "Bearer first"],
      ["Authorization", "Bearer first"],
    ],
    [
      ["X-API-Key", "first"],
      ["x-api-key", "wrong"],
    ],
  ] as const) {
    assert.equal(ask(...lines)?.status, 400);
    assert.equal(ask(...lines)?.reason, "bad_request");
  }
});

test("the field that carried the token is not forwarded; Authorization of another scheme is", () => {
  assert.deepEqual(removed(["Authorization", "Bearer first"]), ["authorization"]);
  assert.deepEqual(removed(["X-API-Key", "first"]), ["x-api-key"]);
  assert.deepEqual(removed(["Authorization", "Basic Zmlyc3Q6"], ["X-API-Key", "first"]), ["x-api-key"]);
  assert.deepEqual(removed(["Authorization", "Bearer first"], ["X-API-Key", "first"]), ["authorization", "x-api-key"]);
});
