import assert from "node:assert/strict";
import { test } from "node:test";
import { recipe, says } from "../support/recipe.ts";

const { start } = recipe("static-site", {
  upstreams: { api: says("the API") },
  files: {
    "dist/index.html": "<h1>the front end</h1>\n",
    "dist/assets/app-4f2a.js": 'console.log("hello");\n',
    "dist/assets/app-4f2a.js.br": "compressed",
    "dist/.env": "SECRET=1",
  },
});

test("browsers keep the page and ask whether it has changed, and get compressed copies", async (t) => {
  const proxy = await start(t);
  // Files that were changed a moment ago have weak tags.
  await proxy.advance("10s");
  const first = await proxy.fetch("http://localhost:8080/");
  assert.equal(first.headers.get("cache-control"), "no-cache");
  const again = await proxy.fetch("http://localhost:8080/", { headers: { "If-None-Match": first.headers.get("etag") ?? "" } });
  assert.equal(again.status, 304);
  const script = await proxy.fetch("http://localhost:8080/assets/app-4f2a.js", { headers: { "Accept-Encoding": "br" } });
  assert.deepEqual([script.headers.get("content-encoding"), await script.text()], ["br", "compressed"]);
});
