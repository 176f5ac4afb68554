/** Time and memory where clients and origins misbehave together: each of these was a bug once. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { startMillrace } from "./support/millrace.ts";
import { RawClient, ask, get } from "./support/raw-client.ts";
import { answerOk, startRawOrigin } from "./support/raw-origin.ts";
import { untilStill } from "./support/still.ts";

function config(url: string, extra: string = "", listeners: string = '{ address: "127.0.0.1:0" }'): string {
  return `
listeners: [${listeners}]
workers: 1
upstreams: { app: { endpoints: ["${url}"]${extra} } }
routes: [{ upstream: app }]
`;
}

test("a connection to an endpoint that is always busy is replaced when it reaches its greatest age", { timeout: 30_000 }, async () => {
  const origin = await startRawOrigin({});
  const proxy = await startMillrace(config(origin.url, ", keep_alive: { max_age: 1s }"));
  const client = await RawClient.connect(proxy.port);
  let asked = 0;
  const askOnce = async (): Promise<void> => {
    client.send(get("/"));
    assert.equal((await client.responses(++asked))[asked - 1]?.status, 200);
  };
  const from = performance.now();
  await askOnce();
  while (origin.accepted() === 1) await askOnce();
  assert.ok(performance.now() - from >= 900, "up to a tenth earlier, not more");
  assert.ok(
    origin.requests.some(({ earlier }) => earlier > 0),
    "until then it was used again",
  );
  client.destroy();
  assert.equal(await proxy.stop(), 0);
  await origin.close();
});

test("the idle limit of a pooled connection does not end an upload on it", { timeout: 30_000 }, async () => {
  const origin = await startRawOrigin({});
  const proxy = await startMillrace(config(origin.url, ", keep_alive: { idle: 300ms }"));
  const client = await RawClient.connect(proxy.port);
  client.send(get("/warm"));
  await client.responses(1);
  client.send("POST /up HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1000\r\n\r\n");
  for (let sent = 0; sent < 1000; sent += 100) {
    client.send("x".repeat(100));
    await new Promise((resolve) => setTimeout(resolve, 80));
  }
  const [, upload] = await client.responses(2);
  assert.equal(upload?.status, 200);
  client.destroy();
  assert.equal(await proxy.stop(), 0);
  await origin.close();
});

test(
  "a client that asks on but does not read gets no further answers made, and all of them once it reads",
  { timeout: 60_000 },
  async () => {
    const body = "b".repeat(10_000);
    let made = 0;
    const origin = await startRawOrigin({
      onRequest: (request) => {
        if (request.head.startsWith("GET /still")) return answerOk(request);
        made++;
        request.socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
      },
    });
    const listener = '{ address: "127.0.0.1:0", limits: { pipelined_requests: 10000 } }';
    const proxy = await startMillrace(config(origin.url, "", listener));
    const client = await RawClient.connect(proxy.port);
    client.socket.pause();
    const count = 3000;
    client.send(get("/").repeat(count - 1) + get("/last", ["Connection: close"]));
    await untilStill(proxy.port, () => made);
    assert.ok(made > 0 && made < count, `${made} of ${count} answers were made for nobody`);
    client.socket.resume();
    await client.end();
    assert.equal(client.received.split("HTTP/1.1 200 OK\r\n").length - 1, count);
    assert.ok(client.received.endsWith(body));
    client.destroy();
    assert.equal(await proxy.stop(), 0);
    await origin.close();
  },
);

test("a cut response over a Unix socket harms nobody else", { timeout: 30_000 }, async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "millrace-unix-"));
  const socketPath = path.join(folder, "m.sock");
  const origin = await startRawOrigin({
    onRequest: (request) => {
      if (!request.head.startsWith("GET /cut")) return answerOk(request);
      request.socket.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", () => request.socket.resetAndDestroy());
    },
  });
  const proxy = await startMillrace(config(origin.url, "", `{ address: "127.0.0.1:0" }, { address: "unix:${socketPath}" }`));
  const client = net.connect(socketPath);
  client.write("GET /cut HTTP/1.0\r\nHost: a.test\r\n\r\n");
  client.resume();
  await once(client, "close", { signal: AbortSignal.timeout(10_000) });
  assert.equal((await ask(proxy.port, get("/"))).status, 200);
  assert.ok(!proxy.output().includes("worker_exited"), proxy.output());
  assert.equal(await proxy.stop(), 0);
  await origin.close();
  await rm(folder, { recursive: true, force: true });
});

test("a client that waits for its 100 is not too slow", { timeout: 30_000 }, async () => {
  const origin = await startRawOrigin({
    onHead: (_, socket) => {
      setTimeout(() => socket.write("HTTP/1.1 100 Continue\r\n\r\n"), 6000);
      return false;
    },
  });
  const proxy = await startMillrace(config(origin.url));
  const client = await RawClient.connect(proxy.port);
  client.send("POST / HTTP/1.1\r\nHost: a.test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
  const [interim] = await client.responses(1);
  assert.equal(interim?.status, 100);
  client.send("hello");
  const [, final] = await client.responses(2);
  assert.equal(final?.status, 200);
  client.destroy();
  assert.equal(await proxy.stop(), 0);
  await origin.close();
});
