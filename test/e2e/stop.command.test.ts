/** Start and stop as an operator sees them: nothing in flight is lost, exit codes and one plain line for what is wrong. */
import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { after, before, describe, test } from "node:test";
import { runToEnd, startMillrace } from "../support/millrace.ts";
import type { Millrace } from "../support/millrace.ts";
import { RawClient, ask, get } from "../support/raw-client.ts";
import { answerOk, startRawOrigin } from "../support/raw-origin.ts";
import type { OriginRequest, RawOrigin } from "../support/raw-origin.ts";

function config(url: string, extra: string = ""): string {
  return `
listeners: [{ address: "127.0.0.1:0" }]
workers: 2
upstreams: { app: { endpoints: ["${url}"] } }
routes: [{ upstream: app }]
logging: { level: warn, access: false }
${extra}`;
}

/** Each proxy ends once, and several tests look at it. */
describe("SIGTERM", { concurrency: true }, () => {
  describe("and an end within the limit", { concurrency: true }, () => {
    const slow: OriginRequest[] = [];
    const loops: Promise<void>[] = [];
    let origin: RawOrigin;
    let proxy: Millrace;
    let idle: RawClient;
    let busy: RawClient;
    let exited: Promise<number>;
    before(async () => {
      const { promise: atOrigin, resolve: arrived } = Promise.withResolvers<void>();
      origin = await startRawOrigin({
        onRequest: (request) => {
          if (!request.head.startsWith("GET /slow")) return answerOk(request);
          slow.push(request);
          arrived();
        },
      });
      proxy = await startMillrace(config(origin.url));
      idle = await RawClient.connect(proxy.port);
      idle.send(get("/"));
      await idle.responses(1);
      busy = await RawClient.connect(proxy.port);
      busy.send(get("/slow"));
      await atOrigin;
      const { promise: underLoad, resolve: enough } = Promise.withResolvers<void>();
      let answered = 0;
      const onAnswer = (): void => void (++answered === 500 && enough());
      for (let count = 0; count < 16; count++) loops.push(askUntilClose(proxy.port, onAnswer));
      await underLoad;
      exited = proxy.stop();
    });
    after(async () => {
      for (const { socket } of slow) socket.destroy();
      await exited;
      await origin.close();
    });

    test("loses nothing in flight, says Connection: close, and exits 0", async () => {
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
      for (const request of slow) answerOk(request);
      const response = await busy.response();
      assert.equal(response.status, 200);
      assert.deepEqual(response.fields.get("connection"), ["close"]);
      idle.destroy();
      busy.destroy();
      assert.equal(await exited, 0);
    });

    test("under load every request gets its answer", async () => {
      await Promise.all(loops);
    });
  });

  describe("and an end at the limit", () => {
    let origin: RawOrigin;
    let proxy: Millrace;
    const clients: RawClient[] = [];
    let code: number;
    let tookMs: number;
    before(async () => {
      const { promise: arrived, resolve: arrive } = Promise.withResolvers<void>();
      origin = await startRawOrigin({
        onHead: (head, socket) => {
          if (head.startsWith("GET /never")) arrive();
          else if (head.startsWith("GET /slow")) socket.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this");
          else return false;
          return true;
        },
        onRequest: answerOk,
      });
      proxy = await startMillrace(
        config(origin.url, "shutdown: { delay: 300ms, timeout: 300ms }")
          .replace("workers: 2", "workers: 1")
          .replace("access: false", "access: true"),
      );
      // Two connections to the endpoint: the held request would find one that idles.
      await Promise.all(["/a", "/b"].map((path) => ask(proxy.port, get(path))));
      const [never, slow] = [await RawClient.connect(proxy.port), await RawClient.connect(proxy.port)];
      clients.push(never, slow);
      never.send(get("/never"));
      await arrived;
      slow.send(get("/slow"));
      await slow.until(({ received }) => received.endsWith("only this"), "the beginning of the response");
      slow.send("POST /pay HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\nmoney");
      // After it on the same loop: what the client sent before is held by then.
      await Promise.all(["/a", "/b"].map((path) => ask(proxy.port, get(path))));
      const from = performance.now();
      code = await proxy.stop();
      tookMs = performance.now() - from;
    });
    after(async () => {
      for (const client of clients) client.destroy();
      await origin.close();
    });

    test("cuts what lasts beyond the limit", async () => {
      assert.equal(code, 0);
      for (const path of ["/never", "/slow"]) {
        const outcomes = proxy.access().flatMap((record) => (record["path"] === path ? [record["outcome"]] : []));
        assert.deepEqual(outcomes, ["drain_timeout"], "what was cut is in the log");
      }
      for (const client of clients) await client.end();
    });

    test("begins no request that was held behind one that it cuts", () => {
      assert.ok(origin.received().includes("GET /slow"));
      assert.ok(!origin.received().includes("POST /pay"));
    });

    test("after shutdown.delay the drain follows", () => {
      assert.ok(tookMs >= 600, `${tookMs} ms`);
    });
  });

  test("with shutdown.delay it serves on while /readyz says no; a second signal does not wait for that", async (t) => {
    const origin = await startRawOrigin({});
    const extra = 'admin: { address: "127.0.0.1:0" }\nshutdown: { delay: 1h }';
    const proxy = await startMillrace(config(origin.url, extra).replace("level: warn", "level: info"));
    const before = await RawClient.connect(proxy.port);
    assert.equal((await ask(proxy.adminPort, get("/readyz"))).status, 200);
    await t.test("a second Millrace on the same port: exit 2 and one plain line", async () => {
      const { code, output } = await runToEnd(config(origin.url).replace("127.0.0.1:0", `127.0.0.1:${proxy.port}`));
      assert.equal(code, 2);
      assert.match(output, new RegExp(`127\\.0\\.0\\.1:${proxy.port}`));
      assert.ok(!/\n\s+at /.test(output), output);
      assert.equal(output.trim().split("\n").length, 1, output);
      assert.equal((await ask(proxy.port, get("/"))).status, 200);
    });
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

/** Asks on one connection until it is told that an answer was the last; fails at a request without an answer. */
async function askUntilClose(port: number, onAnswer: () => void): Promise<void> {
  const client = await RawClient.connect(port);
  for (let count = 1; ; count++) {
    client.send(get("/"));
    const response = (await client.responses(count))[count - 1];
    assert.equal(response?.status, 200);
    onAnswer();
    if (response.fields.get("connection")?.[0] === "close") break;
  }
  await client.end();
  client.destroy();
}

describe("what cannot start", { concurrency: true }, () => {
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
      'server: { address: "127.0.0.1:0" }\nbackends: ["http://127.0.0.1:9", "http://127.0.0.1:10"]\nstartup: { wait: 3s }\n',
      {},
    );
    assert.equal(code, 2);
    assert.match(output, /127\.0\.0\.1:9\b/);
    assert.match(output, /127\.0\.0\.1:10\b/);
    assert.match(output, /refused/i);
  });
});
