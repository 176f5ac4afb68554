/** SIGHUP: the new configuration is used without a lost request; a wrong one leaves the old one in use. What a reload changes: reload.test.ts. */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { test } from "node:test";
import { startMillrace } from "../support/millrace.ts";
import { RawClient, ask, get } from "../support/raw-client.ts";
import { startRawOrigin } from "../support/raw-origin.ts";
import { Scrape } from "../support/scrape.ts";

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

test("in a refused file only what is wrong is a problem; its warnings are logged as warnings", { timeout: 60_000 }, async (t) => {
  const config = (upstream: string): string => `
listeners: [{ address: "127.0.0.1:0" }]
workers: 1
upstreams: { app: { endpoints: ["http://127.0.0.1:9"] } }
routes: [{ upstream: ${upstream} }]
`;
  const proxy = await startMillrace(config("app"));
  t.after(() => proxy.stop());
  await proxy.until(() => proxy.count("started") === 1, "the start");
  const before = proxy.output().length;
  await writeFile(proxy.configFile, config("appp"));
  proxy.process.kill("SIGHUP");
  await proxy.until((output) => output.includes("the old configuration stays in use"), "the refusal");
  const lines = proxy
    .output()
    .slice(before)
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line): Record<string, unknown> => JSON.parse(line) as Record<string, unknown>);
  assert.deepEqual(
    lines.map(({ level, event, problems }) => [level, event, problems]),
    [
      ["warn", "config_warning", undefined],
      ["error", "config_refused", undefined],
      ["error", "config_refused", 1],
    ],
  );
  assert.match(String(lines[0]?.["message"]), /: warning: upstreams\.app: no route leads to this upstream$/);
  assert.match(String(lines[1]?.["message"]), /: routes\.#1\.upstream: no upstream is named "appp"/);
});
