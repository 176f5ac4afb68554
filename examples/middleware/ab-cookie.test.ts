import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { testProxy } from "millrace/testing";
import type { OriginFunction, TestProxy } from "millrace/testing";
import abCookie from "./ab-cookie.ts";

const variants = [
  { name: "old", weight: 9 },
  { name: "new", weight: 1, prefix: "/next" },
];

async function proxyFor(t: TestContext, options: Parameters<typeof abCookie>[0], app: OriginFunction): Promise<TestProxy> {
  const proxy = await testProxy({ routes: [{ upstream: "app", middleware: [abCookie(options)] }] }, { upstreams: { app } });
  t.after(() => proxy.close());
  return proxy;
}

test("a new visitor gets a variant by weight, and a cookie that keeps it", async (t) => {
  const proxy = await proxyFor(t, { variants }, () => new Response("hi"));
  const random = t.mock.method(Math, "random", () => 0.95);
  const first = await proxy.fetch("http://a.test/cart?id=1", { headers: { "X-Variant": "forged" } });
  assert.deepEqual(first.headers.getSetCookie(), ["variant=new; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax; Secure"]);
  random.mock.mockImplementation(() => 0.85);
  const other = await proxy.fetch("http://a.test/cart");
  assert.match(other.headers.getSetCookie().join(), /^variant=old;/);
  const again = await proxy.fetch("http://a.test/cart", { headers: { Cookie: "theme=dark; variant=new" } });
  assert.deepEqual(again.headers.getSetCookie(), []);
  assert.deepEqual(
    proxy.requests("app").map(({ target, headers }) => [target, headers.get("x-variant")]),
    [
      ["/next/cart?id=1", "new"],
      ["/cart", "old"],
      ["/next/cart", "new"],
    ],
  );
  assert.match(proxy.metrics.text, /middleware="ab-cookie",counter="new_old"\} 1$/m);
});

test("the lot follows the weights", async (t) => {
  const proxy = await proxyFor(t, { variants }, () => new Response("hi"));
  let draw = 0;
  t.mock.method(Math, "random", () => (draw++ % 100) / 100);
  for (let visit = 0; visit < 100; visit++) await proxy.fetch("http://a.test/");
  const named = proxy.requests("app").filter(({ headers }) => headers.get("x-variant") === "new");
  assert.equal(named.length, 10);
});

test("an unknown variant is drawn anew; one of weight 0 keeps its visitors", async (t) => {
  const options = { variants: [{ name: "a" }, { name: "gone", weight: 0 }] };
  const proxy = await proxyFor(t, options, () => new Response("hi"));
  const unknown = await proxy.fetch("http://a.test/", { headers: { Cookie: "variant=zzz" } });
  assert.match(unknown.headers.getSetCookie().join(), /^variant=a;/);
  await proxy.fetch("http://a.test/", { headers: { Cookie: "variant=gone" } });
  assert.equal(proxy.requests("app")[1]?.headers.get("x-variant"), "gone");
});

test("shared caches do not give one visitor's variant to others", async (t) => {
  const cases = [
    [undefined, "private"],
    ["public, max-age=60, s-maxage=600", "private, max-age=60"],
    ["no-store", "no-store"],
    ['private="X-A, X-B", max-age=1', "private, max-age=1"],
  ] as const;
  for (const [given, expected] of cases) {
    const headers = { Vary: "Accept", ...(given === undefined ? {} : { "Cache-Control": given }) };
    const proxy = await proxyFor(t, { variants }, () => new Response("hi", { headers }));
    const response = await proxy.fetch("http://a.test/");
    assert.deepEqual([response.headers.get("cache-control"), response.headers.get("vary")], [expected, "Accept, Cookie"]);
    const known = await proxy.fetch("http://a.test/", { headers: { Cookie: "variant=old" } });
    assert.deepEqual([known.headers.get("cache-control"), known.headers.get("vary")], [given ?? null, "Accept, Cookie"]);
  }
});

test("wrong options are refused", async () => {
  const wrong: [Parameters<typeof abCookie>[0], RegExp][] = [
    [{ variants: [{ name: "a" }, { name: "a" }] }, /same name/],
    [{ variants: [{ name: "a", weight: 0 }] }, /no variant has a weight/],
    [{ variants: [{ name: "a", prefix: "/x/" }] }, /without a slash/],
    [{ variants: [{ name: "a;b" }] }, /made of letters/],
  ];
  for (const [options, message] of wrong) {
    const routes = [{ upstream: "app", middleware: [abCookie(options)] }];
    await assert.rejects(testProxy({ routes }, { upstreams: { app: () => new Response() } }), message);
  }
});
