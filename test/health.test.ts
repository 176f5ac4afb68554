/** Health checks end to end: a failing endpoint leaves the rotation of every thread, one that recovers returns by itself. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { startMillrace } from "./support/millrace.ts";
import { ask, get } from "./support/raw-client.ts";
import { answerOk, startRawOrigin } from "./support/raw-origin.ts";
import type { OriginRequest, RawOrigin } from "./support/raw-origin.ts";

interface Switchable {
  readonly origin: RawOrigin;
  healthy: boolean;
  readonly probes: OriginRequest[];
}

async function switchable(): Promise<Switchable> {
  const probes: OriginRequest[] = [];
  const made: Switchable = {
    probes,
    healthy: true,
    origin: await startRawOrigin({
      onRequest: (request) => {
        if (!request.head.startsWith("GET /health ")) return answerOk(request);
        probes.push(request);
        request.socket.end(`HTTP/1.1 ${made.healthy ? "200 OK" : "503 Unwell"}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
      },
    }),
  };
  return made;
}

test("endpoints leave and return; the last one leaving means 503 at once", { timeout: 60_000 }, async () => {
  const [a, b] = [await switchable(), await switchable()];
  const proxy = await startMillrace(`
listeners: [{ address: "127.0.0.1:0" }]
workers: 3
upstreams:
  app:
    endpoints: ["${a.origin.url}", "${b.origin.url}"]
    health_check: { path: /health, interval: 100ms, timeout: 1s, healthy_threshold: 2, unhealthy_threshold: 2, host: probe.test }
routes: [{ upstream: app }]
logging: { access: false }
`);
  const events = (word: string, url: string): number =>
    proxy
      .output()
      .split("\n")
      .filter((line) => line.includes(`"event":"endpoint_${word}"`) && line.includes(url)).length;
  const spread = async (): Promise<readonly number[]> => {
    const before = [a, b].map(({ origin }) => origin.requests.length - 0);
    const probed = [a, b].map(({ probes }) => probes.length);
    const answers = await Promise.all(Array.from({ length: 30 }, () => ask(proxy.port, get("/"))));
    assert.ok(answers.every(({ status }) => status === 200));
    return [a, b].map(
      ({ origin, probes }, index) => origin.requests.length - (before[index] ?? 0) - (probes.length - (probed[index] ?? 0)),
    );
  };
  await proxy.until(() => events("healthy", a.origin.url) === 1 && events("healthy", b.origin.url) === 1, "both to be healthy");
  const [first = 0, second = 0] = await spread();
  assert.ok(first > 0 && second > 0);

  a.healthy = false;
  await proxy.until(() => events("unhealthy", a.origin.url) === 1, "a to be unhealthy");
  assert.deepEqual(await spread(), [0, 30], "no thread sends anything to it any more");

  b.healthy = false;
  await proxy.until(() => events("unhealthy", b.origin.url) === 1, "b to be unhealthy");
  const started = performance.now();
  assert.equal((await ask(proxy.port, get("/"))).status, 503);
  assert.ok(performance.now() - started < 1000, "at once");

  a.healthy = true;
  await proxy.until(() => events("healthy", a.origin.url) === 2, "a to be healthy again");
  assert.deepEqual(await spread(), [30, 0]);
  assert.match(a.probes[0]?.head ?? "", /^GET \/health HTTP\/1\.1\r\nhost: probe\.test\r\n/i);
  assert.equal(events("unhealthy", b.origin.url), 1, "a change is logged once");
  assert.equal(await proxy.stop(), 0);
  await Promise.all([a.origin.close(), b.origin.close()]);
});
