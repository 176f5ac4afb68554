import assert from "node:assert/strict";
import { test } from "node:test";
import { parseList } from "structured-headers";
import fc from "fast-check";
import { cacheStatus } from "./cache-status.ts";

test("whatever happened, it is a member of a structured list with the parameters of RFC 9211", () => {
  const outcome = fc.record({
    forwarded: fc.constantFrom(null, "bypass", "method", "uri-miss", "vary-miss", "request", "stale", "partial"),
    forwardedStatus: fc.option(fc.integer({ min: 200, max: 599 }), { nil: undefined }),
    stored: fc.boolean(),
    collapsed: fc.boolean(),
    ttl: fc.option(fc.integer({ min: -1e6, max: 1e6 }), { nil: undefined }),
    detail: fc.option(fc.constantFrom("no-store", "set-cookie"), { nil: undefined }),
  });
  fc.assert(
    fc.property(outcome, (given) => {
      const [member, ...more] = parseList(cacheStatus(given));
      assert.equal(more.length, 0);
      assert.equal(String(member?.[0]), "millrace");
      const parameters = Object.fromEntries([...(member?.[1] ?? [])].map(([name, value]) => [name, String(value)]));
      assert.deepEqual(
        parameters,
        Object.fromEntries(
          Object.entries({
            hit: given.forwarded === null ? "true" : undefined,
            fwd: given.forwarded ?? undefined,
            "fwd-status": given.forwardedStatus?.toString(),
            ttl: given.ttl?.toString(),
            stored: given.stored ? "true" : undefined,
            collapsed: given.collapsed ? "true" : undefined,
            detail: given.detail,
          }).filter(([, value]) => value !== undefined),
        ),
      );
    }),
  );
});
