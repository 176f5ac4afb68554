/** SIGHUP: the new configuration is used without a lost request; a wrong one leaves the old one in use. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import type { TestContext } from "node:test";
import { startMillrace } from "./support/millrace.ts";
import type { Millrace } from "./support/millrace.ts";
import { RawClient, ask, get } from "./support/raw-client.ts";
import { answerOk, startRawOrigin } from "./support/raw-origin.ts";
import type { OriginRequest, RawOrigin } from "./support/raw-origin.ts";
import { Scrape } from "./support/scrape.ts";

test("a reload swaps routes under load, and refuses a wrong file", { timeout: 60_000 }, async (t) => {
  const [first, second] = await Promise.all([startRawOrigin({}), startRawOrigin({})]);
  const config = (url: string): string => `
listeners: [{ address: "127.0.0.1:0" }]
workers: 2
upstreams: { app: { endpoints: ["${url}"] } }
routes: [{ upstream: app }]
admin: { address: "127.0.0.1:0" }
`;
  const proxy = await startMillrace(config(first.url));
  let stopped = false;
  t.after(() => (stopped = true));
  const load = Array.from({ length: 8 }, async () => {
    const client = await RawClient.connect(proxy.port);
    let count = 0;
    try {
      while (!stopped) {
        client.send(get("/"));
        await client.responses(++count);
      }
    } finally {
      client.destroy();
    }
    return count;
  });
  for (let round = 1; round <= 10; round++) {
    await writeFile(proxy.configFile, config(round % 2 === 0 ? first.url : second.url));
    proxy.process.kill("SIGHUP");
    await proxy.until(() => proxy.count("config_reloaded") >= round, `reload ${round}`);
  }
  // Ten swaps end with the first origin: new requests go there and nowhere else.
  const before = second.requests.length;
  assert.equal((await ask(proxy.port, get("/after"))).status, 200);
  assert.ok(first.requests.some(({ head }) => head.startsWith("GET /after")));

  await writeFile(proxy.configFile, "listeners: []\n");
  proxy.process.kill("SIGHUP");
  await proxy.until(() => proxy.count("config_refused") > 0, "the refusal");
  assert.equal((await ask(proxy.port, get("/"))).status, 200);
  const refusals = (scrape: Scrape): boolean => scrape.single("config_reloads_refused") === 1;
  await Scrape.until(proxy.adminPort, refusals, "the refused reload in the metrics");
  stopped = true;
  const counts = await Promise.all(load);
  assert.ok(
    counts.every((count) => count > 10),
    counts.join(" "),
  );
  assert.ok(second.requests.length - before <= 8, "at most what was in flight");
  const answered = counts.reduce((sum, count) => sum + count, 0);
  const counted = (scrape: Scrape): boolean => scrape.sum("millrace_requests_total") >= answered;
  await Scrape.until(proxy.adminPort, counted, "counters that never fall over reloads");
  assert.equal(await proxy.stop(), 0);
  await Promise.all([first.close(), second.close()]);
});

describe("of one proxy", { concurrency: 1 }, () => {
  let origin: RawOrigin;
  let proxy: Millrace;
  before(async () => {
    origin = await startRawOrigin({});
    proxy = await startMillrace(config());
  });
  after(async () => {
    assert.equal(await proxy.stop(), 0);
    await origin.close();
  });

  function config({ listener = "", upstreams = `app: { endpoints: ["${origin.url}"] }`, route = "upstream: app" } = {}): string {
    return `
listeners: [{ address: "127.0.0.1:0"${listener && `, ${listener}`} }]
workers: 1
upstreams: { ${upstreams} }
routes: [{ ${route} }]
`;
  }

  /** Makes the proxy use that configuration. */
  async function use(changed: Parameters<typeof config>[0]): Promise<void> {
    const reloads = proxy.count("config_reloaded");
    await writeFile(proxy.configFile, config(changed));
    proxy.process.kill("SIGHUP");
    await proxy.until(() => proxy.count("config_reloaded") > reloads, "the reload");
  }

  async function connect(t: TestContext): Promise<RawClient> {
    const client = await RawClient.connect(proxy.port);
    t.after(() => client.destroy());
    return client;
  }

  test("a reload changes the limits of the connections that come after it", { timeout: 60_000 }, async () => {
    await use({});
    const long = `/${"a".repeat(2000)}`;
    for (const fields of [[], ["Connection: close"]]) assert.equal((await ask(proxy.port, get(long, fields))).status, 200);
    await use({ listener: "limits: { request_line: 1KiB }" });
    for (const fields of [[], ["Connection: close"]]) assert.equal((await ask(proxy.port, get(long, fields))).status, 414);
  });

  for (const [names, next] of [
    ["forward", "drop"],
    ["drop", "refuse"],
    ["drop", "forward"],
  ] as const) {
    test(
      `after a reload an open connection gets the verdict of a fresh one: unsafe names, ${names} to ${next}`,
      { timeout: 60_000 },
      async (t) => {
        await use({ listener: `unsafe_field_names: ${names}` });
        const request = get("/", ["X_Odd: 1"]);
        const open = await connect(t);
        open.send(request);
        await open.responses(1);
        await use({ listener: `unsafe_field_names: ${next}` });
        const verdict = (status: number | undefined): string => `${status} ${origin.requests.at(-1)?.head.includes("X_Odd")}`;
        const fresh = verdict((await ask(proxy.port, request)).status);
        open.send(request);
        assert.equal(verdict((await open.responses(2)).at(-1)?.status), fresh);
      },
    );
  }

  test("after a reload an open connection has the new limits, also for a head that it has sent before", { timeout: 60_000 }, async (t) => {
    await use({ listener: "limits: { headers: 100 }" });
    const open = await connect(t);
    const request = get("/", ["A: 1", "B: 2", "C: 3"]);
    for (let count = 1; count <= 3; count++) {
      open.send(request);
      await open.responses(count);
    }
    await use({ listener: "limits: { headers: 3 }" });
    open.send(request);
    assert.equal((await open.responses(4)).at(-1)?.status, 431);
  });

  test("over a reload a rate limit keeps its counts, unless the route at its place became another one", { timeout: 60_000 }, async () => {
    const upstreams = `app: { endpoints: ["${origin.url}"] }, other: { endpoints: ["${origin.url}"] }`;
    const statuses: number[] = [];
    for (const match of ["upstream: app", "upstream: app", "upstream: other", "upstream: other, match: { path: / }"]) {
      await use({ upstreams, route: `${match}, rate_limit: { requests_per_minute: 1, burst: 1 }` });
      statuses.push((await ask(proxy.port, get("/"))).status);
    }
    assert.deepEqual(statuses, [200, 429, 200, 200]);
  });

  test("a connection to an endpoint that a reload dropped is closed behind its exchange", { timeout: 60_000 }, async (t) => {
    const asked = Promise.withResolvers<OriginRequest>();
    const dropped = await startRawOrigin({ onRequest: (request) => asked.resolve(request) });
    t.after(() => dropped.close());
    const endpoint = (url: string): string => `app: { endpoints: ["${url}"], keep_alive: { idle: 1h } }`;
    await use({ upstreams: endpoint(dropped.url) });
    const client = await connect(t);
    client.send(get("/"));
    const request = await asked.promise;
    await use({ upstreams: endpoint(origin.url) });
    const closed = once(request.socket, "close", { signal: AbortSignal.timeout(10_000) });
    answerOk(request);
    assert.equal((await client.response()).status, 200);
    await closed;
  });
});
