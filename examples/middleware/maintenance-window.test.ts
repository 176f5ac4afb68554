import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { testProxy } from "millrace/testing";
import type { TestProxy } from "millrace/testing";
import maintenanceWindow from "./maintenance-window.ts";

type Options = Parameters<typeof maintenanceWindow>[0];

async function proxyAt(t: TestContext, startsAt: string, options: Options): Promise<TestProxy> {
  const middleware = [maintenanceWindow(options)];
  const upstreams = { app: () => new Response("hi") };
  const proxy = await testProxy({ routes: [{ upstream: "app", middleware }] }, { upstreams, startsAt: Date.parse(startsAt) });
  t.after(() => proxy.close());
  return proxy;
}

const sunday = { time_zone: "Europe/Berlin", windows: [{ days: ["sun"], from: "02:00", to: "04:00" }] } satisfies Options;

test("a window opens and closes on time, in its time zone", async (t) => {
  // Sunday, 01:59:30 in Berlin.
  const proxy = await proxyAt(t, "2026-01-11T00:59:30Z", sunday);
  const status = async (): Promise<number> => (await proxy.fetch("http://a.test/")).status;
  assert.equal(await status(), 200);
  await proxy.advance("30s");
  const refused = await proxy.fetch("http://a.test/");
  assert.deepEqual([refused.status, refused.headers.get("retry-after")], [503, "7200"]);
  assert.match(await refused.text(), /The service is being maintained/);
  await proxy.advance("1h59m59s");
  const last = await proxy.fetch("http://a.test/");
  assert.deepEqual([last.status, last.headers.get("retry-after")], [503, "1"]);
  await proxy.advance("1s");
  assert.equal(await status(), 200);
  assert.equal(proxy.log.filter(({ outcome }) => outcome === "maintenance").length, 2);
});

test("on another day the window stays closed", async (t) => {
  const proxy = await proxyAt(t, "2026-01-12T02:00:00Z", sunday);
  assert.equal((await proxy.fetch("http://a.test/")).status, 200);
});

test("a window over midnight belongs to the day on which it begins", async (t) => {
  const windows = [{ days: ["sat" as const], from: "23:30", to: "00:15" }];
  const cases = [
    ["2026-01-10T23:29:59Z", 200, null],
    ["2026-01-10T23:30:00Z", 503, "2700"],
    ["2026-01-11T00:14:00Z", 503, "60"],
    ["2026-01-11T00:15:00Z", 200, null],
    ["2026-01-10T00:05:00Z", 200, null],
    ["2026-01-11T23:40:00Z", 200, null],
  ] as const;
  for (const [at, status, retryAfter] of cases) {
    const response = await (await proxyAt(t, at, { windows })).fetch("http://a.test/");
    assert.deepEqual([response.status, response.headers.get("retry-after")], [status, retryAfter], at);
  }
});

test("overlapping windows: the later end counts", async (t) => {
  const windows = [
    { from: "01:00", to: "02:00" },
    { from: "01:30", to: "03:00" },
  ];
  const proxy = await proxyAt(t, "2026-01-11T01:45:00Z", { windows });
  assert.equal((await proxy.fetch("http://a.test/")).headers.get("retry-after"), "4500");
});

test("listed clients and paths get through, and others get the page", async (t) => {
  const proxy = await proxyAt(t, "2026-01-11T02:00:00Z", {
    windows: [{ from: "00:00", to: "23:59" }],
    allow: ["10.1.0.0/16", "2001:db8::7"],
    allow_paths: ["/healthz"],
    page: "<h1>Back soon</h1>",
  });
  const cases = [
    ["10.1.2.3", "/", 200],
    ["10.2.2.3", "/", 503],
    ["2001:db8::7", "/", 200],
    ["2001:db8::8", "/", 503],
    ["10.2.2.3", "/healthz", 200],
    ["10.2.2.3", "/healthz/", 503],
  ] as const;
  for (const [from, path, status] of cases) {
    const response = await proxy.fetch(`http://a.test${path}`, { from });
    assert.equal(response.status, status, `${from} ${path}`);
    if (status === 503) assert.equal(response.headers.get("content-type"), "text/html; charset=utf-8");
    assert.equal(await response.text(), status === 503 ? "<h1>Back soon</h1>" : "hi");
  }
});

test("wrong options are refused", async () => {
  const windows = [{ from: "01:00", to: "02:00" }];
  const wrong: [Options, RegExp][] = [
    [{ windows, time_zone: "Mars/Base" }, /no such time zone/],
    [{ windows, allow: ["10.0.0.0/33"] }, /neither an IP address nor a network/],
    [{ windows: [{ from: "24:00", to: "01:00" }] }, /a time of day is written/],
    [{ windows: [{ from: "01:00", to: "01:00" }] }, /the same time/],
  ];
  for (const [options, message] of wrong) {
    const routes = [{ upstream: "app", middleware: [maintenanceWindow(options)] }];
    await assert.rejects(testProxy({ routes }, { upstreams: { app: () => new Response() } }), message);
  }
});
