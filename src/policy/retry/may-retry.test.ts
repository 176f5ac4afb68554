import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { isIdempotent } from "./idempotent.ts";
import { PLAIN_RULES, mayRetry, mayRetrySameEndpoint, maySendAgain } from "./may-retry.ts";
import type { AttemptFailure, FailedAttempt } from "./may-retry.ts";

const lost: FailedAttempt = {
  failure: "connection_lost",
  method: "GET",
  requestSent: "replayable",
  responseStarted: false,
  attempts: 1,
  retriesMax: 2,
  pooledConnection: true,
};
const anyAttempt: fc.Arbitrary<FailedAttempt> = fc.record({
  failure: fc.constantFrom("connect" as const, "connection_lost" as const, "timeout" as const, "malformed_response" as const),
  method: fc.constantFrom("GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE", "POST", "PATCH", "CONNECT", "get", "PROPFIND", "LOCK"),
  requestSent: fc.constantFrom("none" as const, "replayable" as const, "consumed" as const),
  responseStarted: fc.boolean(),
  attempts: fc.integer({ min: 1, max: 4 }),
  retriesMax: fc.integer({ min: 0, max: 3 }),
  pooledConnection: fc.boolean(),
});

test("without a connection: a retry for any method", () => {
  for (const method of ["GET", "POST", "PATCH"])
    assert.equal(mayRetry({ ...lost, failure: "connect", method, requestSent: "none", pooledConnection: false }), true);
});

test("after a lost connection: a retry for idempotent methods whose bytes can be sent again, and when nothing was sent", () => {
  for (const method of ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"]) {
    assert.equal(mayRetry({ ...lost, method }), true, method);
    assert.equal(mayRetry({ ...lost, method, pooledConnection: false }), true, method);
    assert.equal(mayRetry({ ...lost, method, requestSent: "consumed" }), false, method);
  }
  for (const method of ["POST", "PATCH", "CONNECT", "get", "LOCK"]) {
    assert.equal(mayRetry({ ...lost, method }), false, method);
    assert.equal(mayRetry({ ...lost, method, requestSent: "none" }), true, method);
  }
});

test("no retry after a byte of the response, a timeout, or a malformed response", () => {
  fc.assert(
    fc.property(anyAttempt, (attempt) => {
      if (attempt.responseStarted || attempt.failure === "timeout" || attempt.failure === "malformed_response")
        assert.equal(mayRetry(attempt), false);
    }),
  );
});

test("no retry when a part of the body is gone, above the limit, or for a method that is not idempotent and was sent", () => {
  fc.assert(
    fc.property(anyAttempt, (attempt) => {
      if (!mayRetry(attempt)) return;
      assert.notEqual(attempt.requestSent, "consumed");
      assert.ok(attempt.attempts <= attempt.retriesMax + (attempt.pooledConnection ? 1 : 0));
      if (attempt.failure === "connection_lost" && attempt.requestSent !== "none")
        assert.ok(!["POST", "PATCH", "CONNECT", "get", "LOCK"].includes(attempt.method));
    }),
  );
});

test("`retries` counts further attempts, but not the one after a lost pooled connection", () => {
  const fresh = { ...lost, pooledConnection: false };
  assert.equal(mayRetry({ ...fresh, retriesMax: 0 }), false);
  assert.equal(mayRetry({ ...fresh, attempts: 2, retriesMax: 2 }), true);
  assert.equal(mayRetry({ ...fresh, attempts: 3, retriesMax: 2 }), false);
  assert.equal(mayRetry({ ...lost, retriesMax: 0 }), true);
  assert.equal(mayRetry({ ...lost, attempts: 2, retriesMax: 0 }), false);
});

test("rules of a route: after which failures, and for methods that are not idempotent", () => {
  const timeout: FailedAttempt = { ...lost, failure: "timeout", pooledConnection: false };
  const rules = { failures: ["timeout"] as readonly AttemptFailure[], repeatsAny: false };
  assert.equal(mayRetry(timeout, rules), true);
  assert.equal(mayRetry({ ...timeout, method: "POST" }, rules), false);
  assert.equal(mayRetry({ ...timeout, method: "POST" }, { ...rules, repeatsAny: true }), true);
  assert.equal(mayRetry({ ...timeout, method: "POST", requestSent: "consumed" }, { ...rules, repeatsAny: true }), false);
  assert.equal(mayRetry({ ...lost, pooledConnection: false }, rules), false);
  assert.equal(mayRetry({ ...lost, failure: "unwanted", method: "POST" }, { ...PLAIN_RULES, repeatsAny: true }), true);
});

test("a request that may be sent again at some time: as for a retry, but whatever the number of attempts and the rules", () => {
  fc.assert(
    fc.property(anyAttempt, (attempt) => {
      if (mayRetry(attempt)) assert.ok(maySendAgain(attempt));
      const many = { ...attempt, attempts: 1000 };
      assert.equal(maySendAgain(many), maySendAgain(attempt));
      if (!maySendAgain(attempt) || attempt.failure === "connect") return;
      assert.ok(attempt.requestSent === "none" || isIdempotent(attempt.method));
    }),
  );
});

test("the same endpoint again only after a pooled connection was lost", () => {
  assert.equal(mayRetrySameEndpoint(lost), true);
  assert.equal(mayRetrySameEndpoint({ ...lost, pooledConnection: false }), false);
  assert.equal(mayRetrySameEndpoint({ ...lost, failure: "connect" }), false);
});

test("idempotent methods, whose case counts", () => {
  for (const method of ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE", "PROPFIND", "MKCOL", "COPY", "REPORT", "UNLOCK", "QUERY"])
    assert.equal(isIdempotent(method), true, method);
  for (const method of ["POST", "PATCH", "CONNECT", "LOCK", "get", "", "FETCH"]) assert.equal(isIdempotent(method), false, method);
});
