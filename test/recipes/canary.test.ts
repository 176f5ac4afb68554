import assert from "node:assert/strict";
import { test } from "node:test";
import { recipe, says } from "../support/recipe.ts";

const { config, start } = recipe("canary", { upstreams: { app: says("the old version"), next: says("the new version") } });

test("about a tenth of the visitors gets the new version, and each stays with what came first", async (t) => {
  const proxy = await start(t);
  const ask = async (cookie: string): Promise<string> =>
    (await proxy.fetch("http://localhost:8080/", { headers: { Cookie: `version=${cookie}` } })).text();
  const answers = [];
  for (let visitor = 0; visitor < 300; visitor++) answers.push(await ask(`visitor-${visitor}`));
  const next = answers.filter((answer) => answer.startsWith("the new")).length;
  assert.ok(next > 8 && next < 60, `${next} of 300`);
  for (let visitor = 0; visitor < 30; visitor++) assert.equal(await ask(`visitor-${visitor}`), answers[visitor]);
  const [cookie = ""] = (await proxy.fetch("http://localhost:8080/")).headers.getSetCookie();
  assert.match(cookie, /^version=[^;]+; .*Max-Age=86400/);
});

test("with the weight 0 nobody gets it any more", async (t) => {
  const proxy = await start(t);
  await proxy.reload(config.replace("weight: 10", "weight: 0"));
  for (let visitor = 0; visitor < 50; visitor++) {
    const response = await proxy.fetch("http://localhost:8080/", { headers: { Cookie: `version=visitor-${visitor}` } });
    assert.match(await response.text(), /^the old version/);
  }
});

test("copies go to the new version before anybody sees it", async (t) => {
  const proxy = await start(t);
  await proxy.reload(config.replace(/ {4}split: .*\n.*\n$/, "    upstream: app\n    mirror: { upstream: next, share: 100% }\n"));
  assert.match(await (await proxy.fetch("http://localhost:8080/a")).text(), /^the old version/);
  await proxy.advance("1s");
  assert.equal(proxy.requests("next")[0]?.target, "/a");
});
