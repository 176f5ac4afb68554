import assert from "node:assert/strict";
import { test } from "node:test";
import { testProxy } from "millrace/testing";
import headerStamp from "./header-stamp.ts";

const upstreams = { app: () => new Response("hi", { headers: { "X-Served-By": "origin" } }) };

test("the field takes the place of what the sender wrote", async (t) => {
  const stamp = headerStamp({ value: "eu-1 {route} {worker}", to: "both" });
  const proxy = await testProxy({ routes: [{ name: "shop", upstream: "app", middleware: [stamp] }] }, { upstreams });
  t.after(() => proxy.close());
  const response = await proxy.fetch("http://a.test/", { headers: { "X-Served-By": "forged" } });
  assert.equal(response.headers.get("x-served-by"), "eu-1 shop 0");
  assert.equal(proxy.requests("app")[0]?.headers.get("x-served-by"), "eu-1 shop 0");
});

test("the proxy's own answers get it unless the options say otherwise", async (t) => {
  for (const [own_answers, expected] of [
    [true, "p"],
    [false, null],
  ] as const) {
    const middleware = [headerStamp({ value: "p", own_answers })];
    const proxy = await testProxy({ routes: [{ upstream: "app", max_body: 1, middleware }] }, { upstreams });
    t.after(() => proxy.close());
    const response = await proxy.fetch("http://a.test/", { method: "POST", body: "too long" });
    assert.deepEqual([response.status, response.headers.get("x-served-by")], [413, expected]);
  }
});

test("a name or value that no field can have is refused", async () => {
  for (const wrong of [{ value: "two\r\nlines" }, { header: "X Y", value: "1" }, { value: "" }]) {
    const routes = [{ upstream: "app", middleware: [headerStamp(wrong)] }];
    await assert.rejects(testProxy({ routes }, { upstreams }), /options are refused: (header: a field name|value: a field value) is/);
  }
});
