/** Threads try themselves out before they listen (docs/decisions/0011-starting-warm.md); other tests spare themselves the time. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { startMillrace } from "../support/millrace.ts";
import { ask, get } from "../support/raw-client.ts";
import { startRawOrigin } from "../support/raw-origin.ts";
import { Scrape } from "../support/scrape.ts";

for (const [setting, skipped] of [
  ["on", process.platform === "linux" ? 0 : 2],
  ["off", 2],
] as const) {
  test(`with MILLRACE_WARM_UP=${setting} a proxy serves, and has counted nothing before`, { timeout: 30_000 }, async (t) => {
    const origin = await startRawOrigin({});
    t.after(() => origin.close());
    const proxy = await startMillrace(
      `
listeners: [{ address: "127.0.0.1:0" }]
workers: 2
upstreams: { app: { endpoints: ["${origin.url}"] } }
routes: [{ upstream: app }]
admin: { address: "127.0.0.1:0" }
logging: { level: debug }
`,
      { MILLRACE_WARM_UP: setting },
    );
    t.after(() => proxy.stop());
    const scrape = await Scrape.of(proxy.adminPort);
    assert.deepEqual([scrape.sum("millrace_requests_total"), scrape.single("connections_accepted")], [0, 0]);
    assert.equal((await ask(proxy.port, get("/"))).status, 200);
    await proxy.until(() => proxy.access().length === 1, "the line of the one request");
    assert.equal(proxy.count("warm_up_skipped"), skipped);
  });
}
