import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { buildRequestHead } from "../http/build-head.ts";
import { script, testProxy } from "../testing/test-proxy.ts";
import type { TestProxy } from "../testing/test-proxy.ts";
import { LoneView } from "./feature/lone-view.ts";
import { SplitChoice } from "./split-choice.ts";

const SPLIT = [
  { upstream: "app", weight: 3 },
  { upstream: "next", weight: 1 },
];

type Parts = Readonly<Record<string, unknown>>;

/** A proxy whose upstreams answer with their own names. */
async function proxyWith(route: Parts, more: Parts = {}): Promise<TestProxy> {
  const upstreams = { app: () => new Response("app"), next: () => new Response("next") };
  const config = { upstreams: { app: { endpoints: ["http://app.test"] }, next: { endpoints: ["http://next.test"] } }, ...more };
  return await testProxy({ ...config, routes: [{ name: "r", split: SPLIT, ...route }] }, { upstreams });
}

async function sideOf(proxy: TestProxy, headers: Record<string, string> = {}, from: string = "192.0.2.1"): Promise<string> {
  return await (await proxy.fetch("http://a.test/", { headers, from })).text();
}

const viewOf = (client: string, fields: readonly (readonly [string, string])[] = []): LoneView =>
  new LoneView(buildRequestHead({ method: "GET", target: "/", authority: "a.test" }, fields), client);

describe("by client_ip", () => {
  const choice = new SplitChoice({ split: SPLIT, split_by: "client_ip" });
  const side = (client: string): number => choice.choose(viewOf(client), () => assert.fail("chance was asked"));

  test("a client stays at its side: in every thread, process and release", () => {
    const sides = Array.from({ length: 32 }, (_, at) => side(`192.0.2.${at}`));
    assert.equal(sides.join(""), "10000000001100100000000100100000");
  });

  test("the addresses of one IPv6 network are one client", () => {
    for (let at = 0; at < 50; at++) assert.equal(side(`2001:db8::${at.toString(16)}`), side("2001:db8::1:2:3:4"));
    assert.equal(side("::ffff:192.0.2.7"), side("192.0.2.7"));
  });

  test("shares are kept", () => {
    let next = 0;
    for (let at = 0; at < 20_000; at++) next += side(`10.1.${at >> 8}.${at & 255}`);
    assert.ok(Math.abs(next / 20_000 - 0.25) < 0.01, `${next}`);
  });

  test("chance decides where the client is not known", () => {
    assert.equal(
      choice.choose(viewOf(""), () => 0.1),
      0,
    );
    assert.equal(
      choice.choose(viewOf(""), () => 0.9),
      1,
    );
  });
});

test("by header: equal values are at one side, in every route with these upstreams", () => {
  const choice = new SplitChoice({ split: SPLIT, split_by: { header: "X-User" } });
  const other = new SplitChoice({ split: SPLIT.toReversed(), split_by: { header: "x-user" } });
  for (let at = 0; at < 100; at++) {
    const fields = [["x-uSER", `user ${at}`]] as const;
    const chosen = choice.choose(viewOf("192.0.2.1", fields), () => assert.fail("chance was asked"));
    assert.equal(
      other.choose(viewOf("192.0.2.2", fields), () => 0),
      1 - chosen,
    );
  }
  assert.equal(
    choice.choose(viewOf("192.0.2.1"), () => 0.99),
    1,
  );
  assert.equal(
    choice.choose(viewOf("192.0.2.1", [["X-User", ""]]), () => 0.1),
    0,
  );
});

describe("by cookie", () => {
  test("a client without it gets it, with the response of the side at which it will stay", async (t) => {
    const proxy = await proxyWith({ split_by: { cookie: "canary" } });
    t.after(() => proxy.close());
    const first = await proxy.fetch("http://a.test/x");
    const side = await first.text();
    const [, cookie = ""] = /^(canary=[0-9a-f]{16}); Path=\/; HttpOnly; SameSite=Lax$/.exec(first.headers.get("set-cookie") ?? "") ?? [];
    assert.notEqual(cookie, "");
    for (let at = 0; at < 3; at++) {
      const again = await proxy.fetch("http://a.test/y", { headers: { Cookie: `a=1; ${cookie}; b=2` }, from: "198.51.100.1" });
      assert.equal(await again.text(), side);
      assert.equal(again.headers.get("set-cookie"), null);
    }
  });

  test("its attributes follow scheme and max_age; the upstream's own cookies stay", async (t) => {
    const proxy = await testProxy(
      {
        trusted_proxies: ["192.0.2.1"],
        routes: [{ split: [{ upstream: "app", weight: 1 }], split_by: { cookie: "side", max_age: "1h" } }],
      },
      { upstreams: { app: () => new Response("here", { headers: { "Set-Cookie": "own=1" } }) } },
    );
    t.after(() => proxy.close());
    const { headers } = await proxy.fetch("http://a.test/", { headers: { "X-Forwarded-Proto": "https" } });
    const [own, side, ...more] = headers.getSetCookie();
    assert.deepEqual([own, more.length], ["own=1", 0]);
    assert.match(side ?? "", /^side=[0-9a-f]{16}; Path=\/; Max-Age=3600; HttpOnly; SameSite=Lax; Secure$/);
  });

  test("no answer of the proxy's own sets it, and set: false never does", async (t) => {
    const refused = await testProxy(
      { upstreams: {}, routes: [{ split: [{ upstream: "app", weight: 1 }], split_by: { cookie: "side" } }] },
      { upstreams: { app: script.refuse() } },
    );
    t.after(() => refused.close());
    const answer = await refused.fetch("http://a.test/");
    assert.deepEqual([answer.status, answer.headers.get("set-cookie")], [502, null]);
    const proxy = await proxyWith({ split_by: { cookie: "session", set: false } });
    t.after(() => proxy.close());
    assert.equal((await proxy.fetch("http://a.test/")).headers.get("set-cookie"), null);
    const sides = new Set<string>();
    for (let at = 0; at < 30; at++) {
      const cookie = `session=${at}`;
      const side = await sideOf(proxy, { Cookie: cookie });
      assert.equal(await sideOf(proxy, { Cookie: cookie }), side);
      sides.add(side);
    }
    assert.equal(sides.size, 2);
  });
});

describe("a request is led as if its side were the route's upstream", () => {
  test("fields of the upstream, its endpoints' host, retries, the names in log and metrics", async (t) => {
    const proxy = await proxyWith(
      { split_by: { header: "X-Key" }, rewrite: { host: "upstream" }, request_headers: { set: { "X-Of": "route" } } },
      {
        request_headers: { set: { "X-Top": "1" } },
        upstreams: {
          app: {
            endpoints: ["http://app.test"],
            request_headers: { set: { "X-Side": "app" } },
            response_headers: { set: { "X-From": "app" } },
          },
          next: { endpoints: ["http://next.test"], request_headers: { set: { "X-Side": "next" } } },
        },
      },
    );
    t.after(() => proxy.close());
    const counts = { app: 0, next: 0 };
    for (let at = 0; at < 40; at++) {
      const response = await proxy.fetch("http://a.test/", { headers: { "X-Key": `${at}` } });
      const side = await response.text();
      assert.ok(side === "app" || side === "next");
      counts[side]++;
      assert.equal(response.headers.get("x-from"), side === "app" ? "app" : null);
      const { headers } = proxy.requests(side).at(-1) ?? assert.fail("it did not come");
      assert.deepEqual(
        ["host", "x-side", "x-top", "x-of"].map((name) => headers.get(name)),
        [`${side}.test`, side, "1", "route"],
      );
      assert.deepEqual([proxy.log.at(-1)?.["endpoint"], proxy.log.at(-1)?.["route"]], [`http://${side}.test`, "r"]);
    }
    assert.ok(counts.app > counts.next && counts.next > 0);
    for (const upstream of ["app", "next"] as const) {
      const labels = { route: "r", upstream, endpoint: `http://${upstream}.test`, class: "2xx" };
      assert.equal(proxy.metrics.value("millrace_requests_total", labels), counts[upstream], upstream);
    }
  });

  test("a limit of the route counts the requests of all its sides together", async (t) => {
    const proxy = await proxyWith({ split_by: { header: "X-Key" }, rate_limit: { requests_per_minute: 5, burst: 5 } });
    t.after(() => proxy.close());
    const statuses: number[] = [];
    for (let at = 0; at < 20; at++) statuses.push((await proxy.fetch("http://a.test/", { headers: { "X-Key": `${at}` } })).status);
    assert.equal(statuses.filter((status) => status === 200).length, 5);
  });

  test("a side of weight 0 gets nothing, and routes after a split are counted as themselves", async (t) => {
    const proxy = await testProxy(
      {
        upstreams: {},
        routes: [
          {
            match: { path: "/s/*" },
            split: [
              { upstream: "app", weight: 0 },
              { upstream: "next", weight: 1 },
            ],
          },
          { name: "after", upstream: "app" },
        ],
      },
      { upstreams: { app: () => new Response("app"), next: () => new Response("next") } },
    );
    t.after(() => proxy.close());
    for (let at = 0; at < 10; at++) assert.equal(await (await proxy.fetch("http://a.test/s/x")).text(), "next");
    assert.equal(await (await proxy.fetch("http://a.test/")).text(), "app");
    const labels = { route: "after", upstream: "app", endpoint: "http://app-1.test", class: "2xx" };
    assert.equal(proxy.metrics.value("millrace_requests_total", labels), 1);
  });

  test("a reload that changes weights moves only those who must, and totals go on", async (t) => {
    const config = (weight: number): string =>
      [
        'listeners: [{ address: "127.0.0.1:0" }]',
        'upstreams: { app: { endpoints: ["http://app.test"] }, next: { endpoints: ["http://next.test"] } }',
        `routes: [{ name: r, split: [{ upstream: app, weight: 3 }, { upstream: next, weight: ${weight} }], split_by: { header: X-Key } }]`,
      ].join("\n");
    const proxy = await testProxy(config(1), { upstreams: { app: () => new Response("app"), next: () => new Response("next") } });
    t.after(() => proxy.close());
    const sides = async (): Promise<string[]> => {
      const found: string[] = [];
      for (let at = 0; at < 60; at++) found.push(await sideOf(proxy, { "X-Key": `${at}` }));
      return found;
    };
    const before = await sides();
    await proxy.reload(config(3));
    const after = await sides();
    const moved = before.filter((side, at) => side !== after[at]);
    assert.ok(moved.length > 5 && moved.length < 30, `${moved.length}`);
    assert.ok(moved.every((side) => side === "app"));
    const total = (upstream: string): number => proxy.metrics.value("millrace_requests_total", { upstream });
    assert.equal(total("app"), [...before, ...after].filter((side) => side === "app").length);
    assert.equal(total("app") + total("next"), 120);
  });
});
