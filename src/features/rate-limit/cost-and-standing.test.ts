/** What a request counts as, what clients are told of their limits, and clients that get more or less than others. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import type { RouteInput } from "../../config/input.ts";
import { testProxy } from "../../testing/test-proxy.ts";
import type { TestProxy } from "../../testing/test-proxy.ts";

type Given = NonNullable<RouteInput["rate_limit"]>;

interface Stage {
  readonly proxy: TestProxy;
  readonly files: Record<string, string>;
  /** Asks from that address. */
  ask(path?: string, from?: string): Promise<Response>;
  /** How many of that many requests pass. */
  passing(count: number, from?: string, path?: string): Promise<number>;
}

/** The application answers with the status and the cost that the path says: `/404`, `/200/7`. */
async function started(t: TestContext, rate_limit: Given, files: Record<string, string> = {}): Promise<Stage> {
  const proxy = await testProxy(
    { routes: [{ upstream: "app", rate_limit }], trusted_proxies: ["0.0.0.0/0", "::/0"] },
    {
      files,
      upstreams: {
        app: (request) => {
          const [, status = "", cost = ""] = new URL(request.url).pathname.split("/");
          return new Response("in", { status: Number(status) || 200, headers: cost === "" ? {} : { "X-Cost": decodeURIComponent(cost) } });
        },
      },
    },
  );
  t.after(() => proxy.close());
  const ask: Stage["ask"] = (path = "/", from = "192.0.2.1") =>
    proxy.fetch(`http://a.test${path}`, { headers: { "X-Forwarded-For": from } });
  return {
    proxy,
    files,
    ask,
    async passing(count, from, path) {
      let passed = 0;
      for (let n = 0; n < count; n++) if ((await ask(path, from)).status !== 429) passed++;
      return passed;
    },
  };
}

test("a request that costs several leaves room for fewer", async (t) => {
  const { ask, passing, proxy } = await started(t, { requests_per_minute: 60, burst: 10, cost: 3 });
  assert.equal(await passing(5), 3);
  assert.equal((await ask()).headers.get("retry-after"), "2");
  await proxy.advance("2s");
  assert.equal(await passing(2), 1);
});

test("the response says the cost: nothing, more than is left, or nonsense", async (t) => {
  const { ask, passing, proxy } = await started(t, { requests_per_minute: 60, burst: 10, cost: 2, cost_header: "x-cost" });
  assert.equal(await passing(20, "192.0.2.1", "/200/0"), 20, "free");
  for (const odd of ["-1", "1e9", "99999999", "7,7", "%20", "0x10", "1.5"]) await ask(`/200/${odd}`, "192.0.2.2");
  assert.equal(await passing(1, "192.0.2.2"), 0, "each of five counted as `cost`");
  assert.equal(await passing(3, "192.0.2.3", "/200/5"), 2);
  // In debt: by one burst at most, whatever the response says.
  assert.equal((await ask("/200/9999999", "192.0.2.4")).status, 200);
  await proxy.advance("11s");
  assert.equal((await ask("/", "192.0.2.4")).headers.get("retry-after"), "1");
  await proxy.advance("1s");
  assert.equal((await ask("/", "192.0.2.4")).status, 200);
});

test("of several limits each settles what it has counted", async (t) => {
  const { passing } = await started(t, [
    { requests_per_minute: 60, burst: 10, key: "route", cost_header: "X-Cost" },
    { requests_per_minute: 60, burst: 4 },
  ]);
  assert.equal(await passing(1, "192.0.2.1", "/200/7"), 1);
  assert.equal(await passing(9, "192.0.2.2"), 3);
});

test("all responses tell of an announced limit, the refusal once", async (t) => {
  const { ask } = await started(t, [
    { requests_per_minute: 60, burst: 3, announce: true },
    { requests_per_second: 50, key: "route", announce: true },
    { requests_per_minute: 7, burst: 7, key: "path" },
  ]);
  const told = ({ headers }: Response): readonly unknown[] => [headers.get("ratelimit-policy"), headers.get("ratelimit")];
  assert.deepEqual(told(await ask()), ['"default";q=60;w=60, "limit-2";q=50;w=1', '"default";r=2;t=1, "limit-2";r=49;t=1']);
  assert.deepEqual(told(await ask("/404")), ['"default";q=60;w=60, "limit-2";q=50;w=1', '"default";r=1;t=1, "limit-2";r=48;t=1']);
  await ask();
  assert.deepEqual(told(await ask()), ['"default";q=60;w=60', '"default";r=0;t=1']);
});

test("reputation: a block has a multiple of the rate and the burst, at least one request; a change counts by itself", async (t) => {
  const file = "# scanners\n192.0.2.0/24 0.1\n192.0.2.7 0.001\n198.51.100.0/24 2\n";
  const { passing, files, proxy, ask } = await started(
    t,
    { requests_per_minute: 60, burst: 10, reputation_file: "reputation.txt", announce: true },
    { "reputation.txt": file },
  );
  assert.equal(await passing(30, "192.0.2.1"), 1);
  assert.equal((await ask("/", "192.0.2.1")).headers.get("retry-after"), "10");
  assert.equal(await passing(30, "192.0.2.7"), 1, "the smallest factor counts");
  assert.equal((await ask("/", "192.0.2.7")).headers.get("retry-after"), "1000");
  assert.equal(await passing(30, "198.51.100.1"), 20);
  assert.equal(await passing(30, "203.0.113.1"), 10);
  assert.equal(await passing(30, "2001:db8::1"), 10);
  files["reputation.txt"] = "203.0.113.0/24 0.5\n";
  await proxy.advance("2s");
  await proxy.advance("10m");
  assert.equal(await passing(30, "203.0.113.1"), 5);
  assert.equal(await passing(30, "192.0.2.1"), 10);
  files["reputation.txt"] = "203.0.113.0/24 0.1\n192.0.2.0/24";
  await proxy.advance("2s");
  await proxy.advance("10m");
  assert.equal(await passing(30, "203.0.113.1"), 5, "a list that is half written changes nothing");
  assert.match(
    String(proxy.log.find(({ event }) => event === "address_list_refused")?.["message"]),
    /reputation\.txt:2: expected a factor/,
  );
});

test("a list of reputations must be there and right at the start", async (t) => {
  const start = (files: Record<string, string>): Promise<Stage> =>
    started(t, { requests_per_minute: 60, reputation_file: "reputation.txt" }, files);
  await assert.rejects(
    start({ "reputation.txt": "192.0.2.1\n" }),
    /reputation\.txt:1: expected a factor from 0\.001 to 1000 behind the block/,
  );
  await assert.rejects(start({}), /reputation\.txt/);
});

test("adapting: who meets too many refusals gets less for a while, whatever the limit counts", async (t) => {
  const adapting = { after: 3, within: "1m", factor: 0.2, for: "5m" } as const;
  const { passing, proxy } = await started(t, { requests_per_minute: 600, burst: 20, key: ["client_ip", "path"], adapting });
  assert.equal(await passing(3, "192.0.2.1", "/404"), 3);
  assert.equal(await passing(30, "192.0.2.1", "/a"), 20, "three are allowed; ten 429 follow");
  assert.equal(await passing(30, "192.0.2.1", "/b"), 4);
  assert.equal(await passing(30, "192.0.2.2", "/b"), 20);
  await proxy.advance("4m");
  assert.equal(await passing(4, "192.0.2.1", "/c"), 4);
  await proxy.advance("1m");
  await proxy.advance("1s");
  assert.equal(await passing(20, "192.0.2.1", "/d"), 20);
});

test("adapting: few refusals over a long time change nothing, nor do other statuses", async (t) => {
  const adapting = { statuses: [401, 403], after: 2, within: "1m" as const };
  const { passing, proxy } = await started(t, { requests_per_minute: 600, burst: 20, adapting });
  for (let minute = 0; minute < 5; minute++) {
    assert.equal(await passing(2, "192.0.2.1", "/401"), 2);
    assert.equal(await passing(9, "192.0.2.1", "/404"), 9);
    await proxy.advance("1m");
  }
  assert.equal(await passing(30, "192.0.2.1", "/a"), 20);
});
