/** Time and memory where clients and origins misbehave together: each of these was a bug once. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import net from "node:net";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { startMillrace } from "./support/millrace.ts";
import type { Millrace } from "./support/millrace.ts";
import { RawClient, ask, get } from "./support/raw-client.ts";
import { answerOk, startRawOrigin } from "./support/raw-origin.ts";
import type { RawOrigin } from "./support/raw-origin.ts";
import { untilStill } from "./support/still.ts";

/** How long the origin of /aging takes for an answer: its connection is busy without keeping the processor busy. */
const ANSWER_MS = 10;
const LARGE = "b".repeat(30_000);

describe("limits", { concurrency: true }, () => {
  let folder: string;
  let socketPath: string;
  let origin: RawOrigin;
  let aging: RawOrigin;
  let pooled: RawOrigin;
  let proxy: Millrace;
  /** Large answers made so far. */
  let made = 0;
  /** What an upload's head comes to. */
  const uploads = Promise.withResolvers<void>();
  /** Whose client waits for its 100. */
  const expecting = Promise.withResolvers<Socket>();

  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "millrace-unix-"));
    socketPath = path.join(folder, "m.sock");
    origin = await startRawOrigin({
      onHead: (head, socket) => {
        if (head.startsWith("POST /expecting")) expecting.resolve(socket);
        return false;
      },
      onRequest: (request) => {
        if (request.head.startsWith("GET /large")) {
          made++;
          request.socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${LARGE.length}\r\n\r\n${LARGE}`);
        } else if (request.head.startsWith("GET /cut")) {
          const begun = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n";
          request.socket.write(begun, () => request.socket.resetAndDestroy());
        } else answerOk(request);
      },
    });
    aging = await startRawOrigin({ onRequest: (request) => void setTimeout(() => answerOk(request), ANSWER_MS) });
    pooled = await startRawOrigin({
      onHead: (head) => {
        if (head.startsWith("POST ")) uploads.resolve();
        return false;
      },
      onRequest: answerOk,
    });
    proxy = await startMillrace(`
listeners: [{ address: "127.0.0.1:0", limits: { pipelined_requests: 10000 } }, { address: "unix:${socketPath}" }]
workers: 1
upstreams:
  app: { endpoints: ["${origin.url}"] }
  aging: { endpoints: ["${aging.url}"], keep_alive: { max_age: 1s } }
  pooled: { endpoints: ["${pooled.url}"], keep_alive: { idle: 2s } }
routes: [{ match: { path: /aging }, upstream: aging }, { match: { path: /pooled }, upstream: pooled }, { upstream: app }]
`);
  });
  after(async () => {
    assert.equal(await proxy.stop(), 0);
    await Promise.all([origin.close(), aging.close(), pooled.close()]);
    await rm(folder, { recursive: true, force: true });
  });

  test("a connection to an endpoint that is always busy is replaced when it reaches its greatest age", { timeout: 30_000 }, async () => {
    const client = await RawClient.connect(proxy.port);
    let asked = 0;
    const askOnce = async (): Promise<void> => {
      client.send(get("/aging"));
      assert.equal((await client.responses(++asked))[asked - 1]?.status, 200);
    };
    const from = performance.now();
    await askOnce();
    while (aging.accepted() === 1) await askOnce();
    assert.ok(performance.now() - from >= 900, "up to a tenth earlier, not more");
    assert.ok(
      aging.requests.some(({ earlier }) => earlier > 0),
      "until then it was used again",
    );
    client.destroy();
  });

  test("the idle limit of a pooled connection does not end an upload on it", { timeout: 30_000 }, async () => {
    const client = await RawClient.connect(proxy.port);
    client.send(get("/pooled"));
    await client.responses(1);
    client.send("POST /pooled HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1000\r\n\r\n");
    client.send("x".repeat(500));
    await uploads.promise;
    assert.equal(pooled.accepted(), 1, "the upload has the connection that idled");
    // Another connection begins to idle now: at its end the first one would have idled too long.
    assert.equal((await ask(proxy.port, get("/pooled"))).status, 200);
    const other = pooled.requests.at(-1)?.socket ?? assert.fail();
    await once(other, "end", { signal: AbortSignal.timeout(10_000) });
    client.send("x".repeat(500));
    const [, upload] = await client.responses(2);
    assert.equal(upload?.status, 200);
    assert.equal(pooled.accepted(), 2);
    client.destroy();
  });

  test(
    "a client that asks on but does not read gets no further answers made, and all of them once it reads",
    { timeout: 60_000 },
    async () => {
      const client = await RawClient.connect(proxy.port);
      client.socket.pause();
      const count = 1000;
      client.send(get("/large").repeat(count - 1) + get("/large/last", ["Connection: close"]));
      await untilStill(proxy.port, () => made);
      assert.ok(made > 0 && made < count, `${made} of ${count} answers were made for nobody`);
      client.socket.resume();
      await client.end();
      assert.equal(client.received.split("HTTP/1.1 200 OK\r\n").length - 1, count);
      assert.ok(client.received.endsWith(LARGE));
      client.destroy();
    },
  );

  test("a cut response over a Unix socket harms nobody else", { timeout: 30_000 }, async () => {
    const client = net.connect(socketPath);
    client.write("GET /cut HTTP/1.0\r\nHost: a.test\r\n\r\n");
    client.resume();
    await once(client, "close", { signal: AbortSignal.timeout(10_000) });
    assert.equal((await ask(proxy.port, get("/"))).status, 200);
    assert.ok(!proxy.output().includes("worker_exited"), proxy.output());
  });

  test("a client that waits for its 100 is not too slow", { timeout: 30_000 }, async () => {
    const client = await RawClient.connect(proxy.port);
    client.send("POST /expecting HTTP/1.1\r\nHost: a.test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    const atOrigin = await expecting.promise;
    // One that is awaited by nobody else but sends nothing either is too slow after the same time.
    const slow = await ask(proxy.port, "POST /slow HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\n");
    assert.equal(slow.status, 408);
    assert.equal(client.received, "");
    atOrigin.write("HTTP/1.1 100 Continue\r\n\r\n");
    const [interim] = await client.responses(1);
    assert.equal(interim?.status, 100);
    client.send("hello");
    const [, final] = await client.responses(2);
    assert.equal(final?.status, 200);
    client.destroy();
  });
});
