/** Start and stop as an operator sees them: nothing in flight is lost, exit codes and one plain line for what is wrong. */
import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import type { AddressInfo } from "node:net";
import { describe, test } from "node:test";
import { runToEnd, startMillrace } from "./support/millrace.ts";
import { RawClient, ask, get } from "./support/raw-client.ts";
import type { RawResponse } from "./support/raw-client.ts";
import { answerOk, startRawOrigin } from "./support/raw-origin.ts";
import type { OriginRequest } from "./support/raw-origin.ts";

function config(url: string, extra: string = ""): string {
  return `
listeners: [{ address: "127.0.0.1:0" }]
workers: 2
upstreams: { app: { endpoints: ["${url}"] } }
routes: [{ upstream: app }]
logging: { level: warn, access: false }
${extra}`;
}

describe("SIGTERM", { concurrency: true }, () => {
  test("loses nothing in flight, says Connection: close, and exits 0", async () => {
    const waiting: OriginRequest[] = [];
    let arrived: () => void = () => {};
    const origin = await startRawOrigin({
      onRequest: (request) => {
        if (!request.head.startsWith("GET /slow")) return answerOk(request);
        waiting.push(request);
        arrived();
      },
    });
    const proxy = await startMillrace(config(origin.url));
    const idle = await RawClient.connect(proxy.port);
    idle.send(get("/"));
    await idle.responses(1);
    const busy = await RawClient.connect(proxy.port);
    const atOrigin = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    busy.send(get("/slow"));
    await atOrigin;

    const exited = proxy.stop();
    // The listener is gone first.
    for (let refused = false; !refused;) {
      const probe = net.connect(proxy.port, "127.0.0.1");
      refused = await new Promise<boolean>((resolve) => {
        probe.on("error", () => resolve(true));
        probe.on("connect", () => probe.destroy());
        probe.on("close", () => resolve(false));
      });
    }
    // An idle connection may still bring one request, and learns that it is the last.
    idle.send(get("/last"));
    const [, last] = await idle.responses(2);
    assert.deepEqual(last?.fields.get("connection"), ["close"]);
    for (const request of waiting) answerOk(request);
    const response = await busy.response();
    assert.equal(response.status, 200);
    assert.deepEqual(response.fields.get("connection"), ["close"]);
    assert.equal(await exited, 0);
    idle.destroy();
    busy.destroy();
    await origin.close();
  });

  test("under load every request gets its answer", async () => {
    const origin = await startRawOrigin({});
    const proxy = await startMillrace(config(origin.url));
    let answered = 0;
    let enough: () => void = () => {};
    const underLoad = new Promise<void>((resolve) => {
      enough = resolve;
    });
    const loops = Array.from({ length: 16 }, async () => {
      for (;;) {
        const client = await RawClient.connect(proxy.port).catch(() => null);
        if (client === null) return;
        for (let count = 1; ; count++) {
          client.send(get("/"));
          const response: RawResponse | undefined = (await client.responses(count))[count - 1];
          assert.equal(response?.status, 200);
          if (++answered === 500) enough();
          if (response?.fields.get("connection")?.[0] === "close") break;
        }
        await client.end();
        client.destroy();
        return;
      }
    });
    await underLoad;
    assert.equal(await proxy.stop(), 0);
    await Promise.all(loops);
    await origin.close();
  });

  test("cuts what lasts beyond the limit", async () => {
    const { promise: arrived, resolve: arrive } = Promise.withResolvers<void>();
    const origin = await startRawOrigin({ onHead: () => (arrive(), true) });
    const short = await startMillrace(config(origin.url, "shutdown: { timeout: 300ms }").replace("access: false", "access: true"));
    const client = await RawClient.connect(short.port);
    client.send(get("/never"));
    await arrived;
    assert.equal(await short.stop(), 0);
    assert.deepEqual(
      short.access().map((record) => record["outcome"]),
      ["drain_timeout"],
      "what was cut is in the log",
    );
    await client.end();
    client.destroy();
    await origin.close();
  });

  test("begins no request that was held behind one that it cuts", async (t) => {
    const origin = await startRawOrigin({
      onHead: (head, socket) => {
        if (!head.startsWith("GET /slow")) return false;
        socket.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this");
        return true;
      },
      onRequest: answerOk,
    });
    t.after(() => origin.close());
    const proxy = await startMillrace(config(origin.url, "shutdown: { timeout: 300ms }").replace("workers: 2", "workers: 1"));
    t.after(() => proxy.stop());
    // Two connections to the endpoint: the held request would find one that idles.
    await Promise.all(["/a", "/b"].map((path) => ask(proxy.port, get(path))));
    const client = await RawClient.connect(proxy.port);
    t.after(() => client.destroy());
    client.send(get("/slow"));
    await client.until(({ received }) => received.endsWith("only this"), "the beginning of the response");
    client.send("POST /pay HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\nmoney");
    // Behind it on the same loop: what the client sent before is held by then.
    await ask(proxy.port, get("/c"));
    assert.equal(await proxy.stop(), 0);
    await client.end();
    assert.ok(!origin.received().includes("POST /pay"));
  });

  test("with shutdown.delay it serves on while /readyz says no; a second signal does not wait for that", async () => {
    const origin = await startRawOrigin({});
    const extra = 'admin: { address: "127.0.0.1:0" }\nshutdown: { delay: 1h }';
    const proxy = await startMillrace(config(origin.url, extra).replace("level: warn", "level: info"));
    const before = await RawClient.connect(proxy.port);
    assert.equal((await ask(proxy.adminPort, get("/readyz"))).status, 200);
    const exited = once(proxy.process, "exit");
    proxy.process.kill("SIGTERM");
    await proxy.until((output) => output.includes('"event":"shutdown_delayed"'), "the delay");
    const ready = await ask(proxy.adminPort, get("/readyz"));
    assert.deepEqual([ready.status, ready.body], [503, "draining\n"]);
    assert.equal((await ask(proxy.port, get("/"))).status, 200, "a new connection");
    before.send(get("/"));
    assert.equal((await before.response()).status, 200, "one that was there");
    proxy.process.kill("SIGTERM");
    await exited;
    await proxy.stop();
    before.destroy();
    await origin.close();
  });

  test("after shutdown.delay the drain follows", async () => {
    const proxy = await startMillrace(config("http://127.0.0.1:9", "shutdown: { delay: 300ms, timeout: 1h }"));
    const from = performance.now();
    assert.equal(await proxy.stop(), 0);
    assert.ok(performance.now() - from >= 300);
  });

  test("a second one ends the process at once", async () => {
    const { promise: arrived, resolve: arrive } = Promise.withResolvers<void>();
    const origin = await startRawOrigin({ onHead: () => (arrive(), true) });
    const long = await startMillrace(config(origin.url, "shutdown: { timeout: 1h }").replace("level: warn", "level: info"));
    const other = await RawClient.connect(long.port);
    other.send(get("/never"));
    await arrived;
    const exited = once(long.process, "exit");
    long.process.kill("SIGTERM");
    await long.until((output) => output.includes('"event":"draining"'), "the drain");
    long.process.kill("SIGTERM");
    await exited;
    await long.stop();
    other.destroy();
    await origin.close();
  });
});

describe("what cannot start", { concurrency: true }, () => {
  test("a port in use: exit 2 and one plain line", async () => {
    const server = net.createServer().listen(0, "127.0.0.1").unref();
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const { code, output } = await runToEnd(config("http://127.0.0.1:9").replace("127.0.0.1:0", `127.0.0.1:${port}`));
    assert.equal(code, 2);
    assert.match(output, new RegExp(`127\\.0\\.0\\.1:${port}`));
    assert.ok(!/\n\s+at /.test(output), output);
    assert.equal(output.trim().split("\n").length, 1, output);
  });

  test("a second Millrace on the same port is refused too", async () => {
    const origin = await startRawOrigin({});
    const first = await startMillrace(config(origin.url));
    const { code } = await runToEnd(config(origin.url).replace("127.0.0.1:0", `127.0.0.1:${first.port}`));
    assert.equal(code, 2);
    assert.equal((await ask(first.port, get("/"))).status, 200);
    await first.stop();
    await origin.close();
  });

  test("a wrong configuration: exit 1 and every problem with its place", async () => {
    const { code, output } = await runToEnd(
      "listeners: [{ adress: x }]\nupstreams: { app: { endpoints: [] } }\nroutes: [{ upstream: ap }]\n",
    );
    assert.equal(code, 1);
    assert.match(output, /millrace\.yaml:1:\d+: .*did you mean "?address"?/);
    assert.match(output, /millrace\.yaml:3:\d+: .*did you mean "?app"?/);
    assert.ok(!/\n\s+at /.test(output), output);
  });

  test("no healthy backend in the short form: exit 2 naming every one and why", async () => {
    const { code, output } = await runToEnd(
      'server: { address: "127.0.0.1:0" }\nbackends: ["http://127.0.0.1:9", "http://127.0.0.1:10"]\n',
      {},
    );
    assert.equal(code, 2);
    assert.match(output, /127\.0\.0\.1:9\b/);
    assert.match(output, /127\.0\.0\.1:10\b/);
    assert.match(output, /refused/i);
  });
});
