/** One worker and four behave the same: limits are exact, round robin is even, status and metrics are sums. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { startMillrace } from "./support/millrace.ts";
import type { Millrace } from "./support/millrace.ts";
import { RawClient, ask, get, getAdmin } from "./support/raw-client.ts";
import { startRawOrigin } from "./support/raw-origin.ts";
import { Scrape } from "./support/scrape.ts";
import type { RawOrigin } from "./support/raw-origin.ts";

for (const workers of [1, 4]) {
  describe(`workers: ${workers}`, () => {
    let origins: RawOrigin[] = [];
    let proxy: Millrace;

    before(async () => {
      origins = [await startRawOrigin({}), await startRawOrigin({})];
      proxy = await startMillrace(`
listeners: [{ address: "127.0.0.1:0" }]
workers: ${workers}
upstreams: { app: { endpoints: [${origins.map(({ url }) => `"${url}"`).join(", ")}] } }
routes:
  - { match: { path: /limited }, upstream: app, rate_limit: { requests_per_minute: 100 } }
  - { upstream: app }
admin: { address: "127.0.0.1:0" }
logging: { level: warn, access: true }
`);
    });

    after(async () => {
      assert.equal(await proxy.stop(), 0);
      for (const origin of origins) await origin.close();
    });

    test("a limit of 100 per minute admits 100 of 400, whichever thread they reach", async () => {
      const started = performance.now();
      const statuses: number[] = [];
      // Each on a connection of its own: the kernel spreads connections over the workers.
      for (let batch = 0; batch < 20; batch++) {
        const answers = await Promise.all(Array.from({ length: 20 }, () => ask(proxy.port, get("/limited"))));
        statuses.push(...answers.map(({ status }) => status));
      }
      const admitted = statuses.filter((status) => status === 200).length;
      // What the time that this took has refilled: 100 per minute.
      const refilled = Math.ceil((performance.now() - started) / 600);
      assert.ok(admitted >= 100 && admitted <= 100 + refilled, `${admitted} admitted`);
      assert.equal(statuses.filter((status) => status === 429).length, 400 - admitted);
    });

    test("round robin is even to within one request per thread", async () => {
      const before = origins.map(({ requests }) => requests.length);
      const clients = await Promise.all(Array.from({ length: 16 }, () => RawClient.connect(proxy.port)));
      await Promise.all(
        clients.map(async (client) => {
          for (let count = 1; count <= 25; count++) {
            client.send(get("/even"));
            await client.responses(count);
          }
          client.destroy();
        }),
      );
      const counts = origins.map(({ requests }, index) => requests.length - (before[index] ?? 0));
      assert.equal(
        counts.reduce((sum, count) => sum + count, 0),
        400,
      );
      assert.ok(Math.abs((counts[0] ?? 0) - (counts[1] ?? 0)) <= workers, counts.join(" and "));
    });

    test("metrics and status are sums over the threads", async () => {
      const counted = (scrape: Scrape): boolean => scrape.sum("millrace_requests_total") >= 800;
      await Scrape.until(proxy.adminPort, counted, "all requests of the tests before");
      const status = await ask(proxy.adminPort, getAdmin("/status"));
      const document: unknown = JSON.parse(status.body);
      assert.ok(typeof document === "object" && document !== null && "uptime" in document && typeof document.uptime === "number");
      assert.ok("status" in document && document.status === "ok");
    });

    test("access log lines of all threads are whole", async () => {
      await proxy.until(() => proxy.access().length >= 800, "the log lines");
      for (const line of proxy.output().split("\n")) if (line.startsWith("{") && line.endsWith("}")) JSON.parse(line);
      assert.equal(new Set(proxy.access().map((record) => record["worker"])).size, workers);
    });
  });
}
