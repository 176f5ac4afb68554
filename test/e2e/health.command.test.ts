/** Health checks through the real command: what they find out holds in every thread and at the admin address. What it is: health.test.ts. */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { after, describe, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { startMillrace } from "../support/millrace.ts";
import type { Millrace } from "../support/millrace.ts";
import { ask, get, getAdmin } from "../support/raw-client.ts";
import { answerOk, startRawOrigin } from "../support/raw-origin.ts";
import type { OriginRequest, RawOrigin } from "../support/raw-origin.ts";

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

/** Between two looks at what the proxy says of itself. */
const PAUSE_MS = 10;

/** An address of this machine at which nobody else listens or connects: a port of it that was free stays so. */
const QUIET = "127.0.0.77";

async function freePort(): Promise<number> {
  const origin = await startRawOrigin({ host: QUIET });
  await origin.close();
  return origin.port;
}

/** Each begins with a reload to an upstream of its own, for /readyz is about all that there are. */
describe("of the only upstream", { concurrency: 1 }, () => {
  let running: Millrace | null = null;
  after(() => running?.stop());

  /** Makes the proxy use an upstream with those endpoints, of which nothing is known. */
  async function use(endpoints: readonly string[], check: string): Promise<Millrace> {
    const config = `
listeners: [{ address: "127.0.0.1:0" }]
workers: 3
upstreams: { app: { endpoints: [${endpoints.map((url) => `"${url}"`).join(", ")}]${check} } }
routes: [{ upstream: app }]
admin: { address: "127.0.0.1:0" }
`;
    if (running === null) return (running = await startMillrace(config));
    const reloads = running.count("config_reloaded");
    await writeFile(running.configFile, config);
    running.process.kill("SIGHUP");
    await running.until(() => running?.count("config_reloaded") !== reloads, "the reload");
    return running;
  }

  test("endpoints leave and return; the last one leaving means 503 at once", { timeout: 60_000 }, async (t) => {
    const [a, b] = [await switchable(), await switchable()];
    t.after(() => Promise.all([a, b].map(({ origin }) => origin.close())));
    const check =
      ", health_check: { path: /health, interval: 100ms, timeout: 1s, healthy_threshold: 2, unhealthy_threshold: 2, host: probe.test }";
    const proxy = await use([a.origin.url, b.origin.url], check);
    const events = (word: string, url: string): number =>
      proxy
        .output()
        .split("\n")
        .filter((line) => line.includes(`"event":"endpoint_${word}"`) && line.includes(url)).length;
    const spread = async (): Promise<readonly number[]> => {
      const before = [a, b].map(({ origin }) => origin.requests.length);
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
    assert.ok(performance.now() - started < 3000, "at once");

    a.healthy = true;
    await proxy.until(() => events("healthy", a.origin.url) === 2, "a to be healthy again");
    assert.deepEqual(await spread(), [30, 0]);
    assert.match(a.probes[0]?.head ?? "", /^GET \/health HTTP\/1\.1\r\nhost: probe\.test\r\n/i);
    assert.equal(events("unhealthy", b.origin.url), 1, "a change is logged once");
  });

  test("an endpoint that went out before it ever was up comes in with its first success", { timeout: 30_000 }, async (t) => {
    const port = await freePort();
    const proxy = await use(
      [`http://${QUIET}:${port}`],
      ", health_check: { path: /health, interval: 1h, healthy_threshold: 5, unhealthy_threshold: 2 }",
    );
    const url = `${QUIET}:${port}`;
    const said = (event: string): boolean =>
      proxy
        .output()
        .split("\n")
        .some((line) => line.includes(`"event":"${event}"`) && line.includes(url));
    await proxy.until(() => said("endpoint_unhealthy"), "the threshold");
    assert.equal((await ask(proxy.port, get("/"))).status, 503);
    assert.equal((await ask(proxy.adminPort, getAdmin("/readyz"))).status, 503);
    const origin = await startRawOrigin({ host: QUIET, port });
    t.after(() => origin.close());
    await proxy.until(() => said("endpoint_healthy"), "the first success");
    assert.equal((await ask(proxy.port, get("/"))).status, 200);
    assert.equal((await ask(proxy.adminPort, getAdmin("/readyz"))).status, 200);
  });

  test(
    "/readyz and /status agree where nothing is probed: both say when no connection succeeds, and when one does again",
    { timeout: 30_000 },
    async (t) => {
      const port = await freePort();
      const proxy = await use([`http://${QUIET}:${port}`], "");
      const seen = async (): Promise<unknown[]> => {
        const ready = await ask(proxy.adminPort, getAdmin("/readyz"));
        const { status, upstreams } = JSON.parse((await ask(proxy.adminPort, getAdmin("/status"))).body);
        return [ready.status, status, upstreams.app.endpoints[0].health];
      };
      assert.deepEqual(await seen(), [200, "ok", "unknown"], "nothing is known against it");
      assert.equal((await ask(proxy.port, get("/"))).status, 502);
      assert.deepEqual(await seen(), [503, "down", "unhealthy"]);
      const origin = await startRawOrigin({ host: QUIET, port });
      t.after(() => origin.close());
      // No request tells: a balancer in front sends none. To ask again and again without a pause would take the processor from the probe.
      while ((await ask(proxy.adminPort, getAdmin("/readyz"))).status !== 200) await wait(PAUSE_MS);
      assert.deepEqual(await seen(), [200, "ok", "unknown"]);
      assert.equal(origin.requests.length, 0, "it was connected to, not asked");
    },
  );
});
