import assert from "node:assert/strict";
import { test } from "node:test";
import { testProxy } from "../../testing/test-proxy.ts";
import type { TestConfig } from "../../testing/test-proxy.ts";

type Full = Extract<TestConfig, { routes: unknown }>;

test("a file switches it on and off within a second, and without a reload", async (t) => {
  const files: Record<string, string> = { "page.html": "back soon" };
  const maintenance: Full["maintenance"] = {
    flag_file: "/run/maintenance",
    retry_after: "90s",
    unless: { client_ip: ["198.51.100.0/24"] },
  };
  const proxy = await testProxy(
    { maintenance, error_pages: { "503": "page.html" }, routes: [{ upstream: "app", rate_limit: { requests_per_minute: 5 } }] },
    { upstreams: { app: () => new Response("here") }, files },
  );
  t.after(() => proxy.close());
  const status = async (from: string = "192.0.2.1"): Promise<number> => (await proxy.fetch("http://a.test/", { from })).status;
  assert.equal(await status(), 200);
  files["/run/maintenance"] = "";
  assert.equal(await status(), 200, "the last look still holds");
  await proxy.advance("1s");
  const refused = await proxy.fetch("http://a.test/");
  assert.deepEqual([refused.status, refused.headers.get("retry-after"), await refused.text()], [503, "90", "back soon"]);
  for (let again = 0; again < 10; again++) assert.equal(await status(), 503, "it uses up nothing of the limit");
  assert.equal(await status("198.51.100.7"), 200);
  assert.equal(proxy.log.at(-2)?.["outcome"], "maintenance");
  assert.equal(proxy.metrics.value("millrace_maintenance_total"), 11);
  delete files["/run/maintenance"];
  await proxy.advance("1s");
  assert.equal(await status(), 200);
});

test("many requests at once wait for one look", async (t) => {
  const proxy = await testProxy(
    { routes: [{ upstream: "app", maintenance: { flag_file: "flag" } }] },
    { upstreams: { app: () => new Response("here") }, files: { flag: "" } },
  );
  t.after(() => proxy.close());
  const all = await Promise.all(Array.from({ length: 20 }, () => proxy.fetch("http://a.test/")));
  assert.deepEqual(new Set(all.map(({ status }) => status)), new Set([503]));
});

test("switched on by the configuration, for an upstream or for all; one place is enough", async (t) => {
  const on: Full = {
    maintenance: { flag_file: "none" },
    upstreams: { app: { endpoints: ["http://127.0.0.1:1"], maintenance: { enabled: true } } },
    routes: [{ match: { path: "/a" }, upstream: "app", maintenance: { enabled: false } }, { respond: { body: "ok" } }],
  };
  const proxy = await testProxy(on);
  t.after(() => proxy.close());
  assert.equal((await proxy.fetch("http://a.test/a")).status, 503);
  assert.equal((await proxy.fetch("http://a.test/b")).status, 200);
  await proxy.reload({ ...on, upstreams: { app: { endpoints: ["http://127.0.0.1:1"] } } });
  assert.equal((await proxy.fetch("http://a.test/a")).status, 502);
});

test("what a configuration may not say", async () => {
  const start = (maintenance: object): Promise<unknown> => testProxy({ upstreams: {}, routes: [{ respond: {}, maintenance }] });
  await assert.rejects(start({}), /it lacks the switch: give flag_file or enabled/);
  await assert.rejects(start({ enabled: true, unless: {} }), /client_ip/);
  await assert.rejects(start({ enabled: true, unless: { client_ip: ["x"] } }), /expected an IP address or a CIDR block/);
});
