import assert from "node:assert/strict";
import { test } from "node:test";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { testProxy } from "../../testing/test-proxy.ts";

const TEXT = "some text of a page\n".repeat(200);

test("one stored response serves clients of every coding, and a 304 has the tag that the client has", async (t) => {
  let asked = 0;
  const origin = (): Response => {
    asked++;
    return new Response(TEXT, { headers: { "Content-Type": "text/plain", ETag: '"1"', "Cache-Control": "max-age=60" } });
  };
  const proxy = await testProxy(
    {
      stores: { pages: { type: "memory", max_size: "4MiB" } },
      routes: [{ upstream: "app", cache: { store: "pages" }, compression: true }],
    },
    { upstreams: { app: origin } },
  );
  t.after(() => proxy.close());
  const get = (headers: Record<string, string>): Promise<Response> => proxy.fetch("http://a.test/", { headers });
  const bytes = async (response: Response): Promise<Buffer> => Buffer.from(await response.arrayBuffer());
  for (let round = 0; round < 2; round++) {
    assert.equal(gunzipSync(await bytes(await get({ "Accept-Encoding": "gzip" }))).toString(), TEXT);
    assert.equal(brotliDecompressSync(await bytes(await get({ "Accept-Encoding": "br" }))).toString(), TEXT);
    const plain = await get({});
    assert.deepEqual([plain.headers.get("etag"), await plain.text()], ['"1"', TEXT]);
  }
  for (const tag of ['"1"', 'W/"1"']) {
    const same = await get({ "Accept-Encoding": "gzip", "If-None-Match": tag });
    assert.deepEqual([same.status, same.headers.get("etag"), same.headers.get("vary")], [304, tag, "Accept-Encoding"]);
  }
  assert.equal(asked, 1);
});
