import { test } from "node:test";
import type { z } from "zod";
import assert from "node:assert/strict";
import { buildRequestHead } from "../../http/build-head.ts";
import type { ExchangeView, Middleware } from "../../proxy/feature/middleware.ts";
import type { LocalAnswer } from "../../proxy/local-answer.ts";
import { AddressLists } from "../../shared/address-lists.ts";
import { BucketTable } from "../../shared/bucket-table.ts";
import { rateLimitMiddleware } from "./rate-limit.ts";
import { LoneView } from "../../proxy/feature/lone-view.ts";
import { NO_STORES } from "../../proxy/feature/shared-store.ts";
import { rateLimitSchema } from "./schema.ts";

type Given = z.input<typeof rateLimitSchema>;

let nowMs = 1_000_000;
const now = (): number => nowMs;
const perMinute: Given = { requests_per_minute: 100, burst: 10, key: "client_ip" };

function newTable(): BucketTable {
  return new BucketTable(BucketTable.create(1, 2, 1024));
}

function limiter(given: Given, buckets: BucketTable = newTable(), workerIndex: number = 0, id: string = "one"): Middleware {
  return rateLimitMiddleware(
    rateLimitSchema.parse(given),
    false,
    { buckets, workerIndex, now, lists: new AddressLists(), stores: NO_STORES },
    id,
  );
}

function exchange(client: string, headers: Readonly<Record<string, string>> = {}): ExchangeView {
  const request = buildRequestHead({ method: "GET", target: "/", authority: "a.test" }, Object.entries(headers));
  return new LoneView(request, client);
}

function ask(middleware: Middleware, from: ExchangeView): LocalAnswer | null {
  const answer = middleware.onRequest?.(from) ?? null;
  assert.ok(!(answer instanceof Promise));
  return answer;
}

/** How many of `requests` requests pass. */
function passing(middleware: Middleware, requests: number, from: ExchangeView): number {
  let passed = 0;
  for (let request = 0; request < requests; request++) if (ask(middleware, from) === null) passed++;
  return passed;
}

test("a burst passes, then one per interval; the answer says when to come back", () => {
  const limit = limiter(perMinute);
  const client = exchange("192.0.2.1");
  assert.equal(passing(limit, 10, client), 10);
  assert.deepEqual(ask(limit, client), {
    status: 429,
    reason: "rate_limited",
    detail: "Too many requests; the next one is welcome in 1 second.",
    fields: [
      ["Retry-After", "1"],
      ["RateLimit-Policy", '"default";q=100;w=60'],
      ["RateLimit", '"default";r=0;t=1'],
    ],
  });
  nowMs += 600;
  assert.equal(passing(limit, 5, client), 1);
  assert.equal(passing(limit, 20, exchange("192.0.2.2")), 10);
});

test("a burst of the whole minute admits exactly that", () => {
  const limit = limiter({ ...perMinute, burst: 100 });
  assert.equal(passing(limit, 300, exchange("192.0.2.1")), 100);
});

test("seconds are rounded up", () => {
  const limit = limiter({ requests_per_minute: 8, burst: 2, key: "client_ip" });
  passing(limit, 2, exchange("192.0.2.1"));
  const fields = new Map(ask(limit, exchange("192.0.2.1"))?.fields);
  assert.equal(fields.get("Retry-After"), "8"); // 7.5 s
  assert.equal(fields.get("RateLimit"), '"default";r=0;t=8');
});

test("requests per second", () => {
  const limit = limiter({ requests_per_second: 50, burst: 1, key: "client_ip" });
  assert.equal(ask(limit, exchange("192.0.2.1")), null);
  assert.equal(new Map(ask(limit, exchange("192.0.2.1"))?.fields).get("RateLimit-Policy"), '"default";q=50;w=1');
  nowMs += 20;
  assert.equal(ask(limit, exchange("192.0.2.1")), null);
});

test("IPv6 clients count by /64, mapped ones as IPv4", () => {
  const limit = limiter({ ...perMinute, burst: 2 });
  assert.equal(ask(limit, exchange("2001:db8::1")), null);
  assert.equal(ask(limit, exchange("2001:db8::2")), null);
  assert.equal(ask(limit, exchange("2001:db8::3"))?.status, 429);
  assert.equal(ask(limit, exchange("2001:db8:0:1::1")), null);
  assert.equal(passing(limit, 2, exchange("192.0.2.1")), 2);
  assert.equal(ask(limit, exchange("::ffff:192.0.2.1"))?.status, 429);
});

test("counts by header, and by address for requests without it", () => {
  const limit = limiter({ ...perMinute, burst: 1, key: "header:X-Tenant" });
  assert.equal(ask(limit, exchange("192.0.2.1", { "x-tenant": "blue" })), null);
  assert.equal(ask(limit, exchange("192.0.2.9", { "x-tenant": "blue" }))?.status, 429);
  assert.equal(ask(limit, exchange("192.0.2.1", { "x-tenant": "red" })), null);
  assert.equal(ask(limit, exchange("192.0.2.1", { "x-tenant": "192.0.2.1" })), null);
  assert.equal(ask(limit, exchange("192.0.2.1")), null);
  assert.equal(ask(limit, exchange("192.0.2.1"))?.status, 429);
});

test("a header that holds an address spends nothing of that address's bucket", () => {
  const limit = limiter({ ...perMinute, burst: 1, key: "header:X-Tenant" });
  for (const tenant of ["192.0.2.1", "a192.0.2.1", "h192.0.2.1"]) ask(limit, exchange("192.0.2.9", { "x-tenant": tenant }));
  assert.equal(ask(limit, exchange("192.0.2.1")), null);
});

test("threads and reloads share a bucket, routes do not", () => {
  const table = newTable();
  const client = exchange("192.0.2.1");
  assert.equal(passing(limiter(perMinute, table, 0, "one"), 6, client), 6);
  assert.equal(passing(limiter(perMinute, table, 1, "one"), 6, client), 4);
  assert.equal(passing(limiter(perMinute, table, 1, "two"), 11, client), 10);
});
