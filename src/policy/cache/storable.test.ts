import assert from "node:assert/strict";
import { test } from "node:test";
import { readCacheControl } from "./directives.ts";
import { whyNotStored } from "./storable.ts";
import type { ToStore } from "./storable.ts";

const GOOD: ToStore = {
  method: "GET",
  status: 200,
  asked: { noStore: false },
  directives: readCacheControl(["max-age=60"]),
  hasExpires: false,
  isPersonal: false,
  variesByUser: false,
  isConfigured: false,
  setsCookie: false,
  mayStoreCookies: false,
  variesByAnything: false,
  lifetimeMs: 60_000,
  hasValidator: false,
  methods: new Set(["GET"]),
};

function why(given: Partial<Omit<ToStore, "directives">>, directives: string = "max-age=60"): string | null {
  return whyNotStored({ ...GOOD, ...given, directives: readCacheControl([directives]) });
}

test("each reason by itself", () => {
  assert.equal(why({}), null);
  assert.equal(why({ method: "POST" }), "method");
  for (const status of [101, 304]) assert.equal(why({ status }), "status");
  assert.deepEqual([why({ status: 416 }), why({ status: 416, isConfigured: true })], ["status", null]);
  assert.equal(why({}, "max-age=60, no-store"), "no-store");
  assert.equal(why({ asked: { noStore: true } }), "request-no-store");
  assert.equal(why({}, "private"), "private");
  assert.equal(why({ variesByUser: true }), "authorization");
  assert.equal(why({ variesByAnything: true }), "vary-star");
  assert.deepEqual([why({ setsCookie: true }), why({ setsCookie: true, mayStoreCookies: true })], ["set-cookie", null]);
});

test("must-understand stands in for no-store where the status is known", () => {
  const both = "max-age=60, no-store, must-understand";
  assert.deepEqual([why({}, both), why({ status: 599 }, both)], [null, "status"]);
});

test("with credentials only what the origin calls fit for it", () => {
  const of = (directives: string): string | null => why({ isPersonal: true }, directives);
  assert.equal(of("max-age=60"), "authorization");
  for (const fit of ["public", "max-age=60, must-revalidate", "s-maxage=60"]) assert.equal(of(fit), null);
});

test("a status without a lifetime of its own needs one that is said; what would never be of use is not stored", () => {
  assert.equal(why({ status: 302, lifetimeMs: null }, ""), "not-cacheable");
  assert.equal(why({ status: 302, lifetimeMs: null, hasExpires: true }, ""), "no-lifetime");
  assert.equal(why({ lifetimeMs: null }, ""), "no-lifetime");
  assert.equal(why({ lifetimeMs: 60_000 }, "no-cache"), "no-lifetime");
  for (const useful of ["stale-while-revalidate=5", "stale-if-error=5"]) assert.equal(why({ lifetimeMs: 0 }, useful), null);
  assert.equal(why({ lifetimeMs: 0, hasValidator: true }, "no-cache"), null);
});
