/** Time and memory where clients and origins misbehave together: each of these was a bug once. */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { testProxy } from "../src/testing/test-proxy.ts";
import type { TestConnection } from "../src/testing/test-proxy.ts";
import { MemoryOrigin, answerOk, ask, isOver, responses } from "./support/in-memory.ts";
import { get } from "./support/raw-client.ts";

const LARGE = "b".repeat(30_000);

/** Large answers made so far. */
let made = 0;
/** Whose client waits for its 100. */
let expecting: TestConnection | null = null;

const origin = new MemoryOrigin({
  onHead: (head, connection) => {
    if (head.startsWith("POST /expecting")) expecting = connection;
    return false;
  },
  onRequest: (request) => {
    if (!request.head.startsWith("GET /large")) return answerOk(request);
    made++;
    request.connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${LARGE.length}\r\n\r\n${LARGE}`);
  },
});
const aging = new MemoryOrigin();
const pooled = new MemoryOrigin();

const proxy = await testProxy(
  `
listeners: [{ address: "127.0.0.1:0", limits: { pipelined_requests: 10000 } }]
upstreams:
  app: { endpoints: ["http://app.test"] }
  aging: { endpoints: ["http://aging.test"], keep_alive: { max_age: 1s } }
  pooled: { endpoints: ["http://pooled.test"], keep_alive: { idle: 2s } }
routes: [{ match: { path: /aging }, upstream: aging }, { match: { path: /pooled }, upstream: pooled }, { upstream: app }]
`,
  { upstreams: { app: origin.script, aging: aging.script, pooled: pooled.script } },
);
after(() => proxy.close());

describe("limits", () => {
  test("a connection to an endpoint that is always busy is replaced when it reaches its greatest age", async () => {
    const client = proxy.connect();
    let asked = 0;
    const askOnce = async (): Promise<void> => {
      client.send(get("/aging"));
      assert.equal((await responses(client, ++asked))[asked - 1]?.status, 200);
    };
    await askOnce();
    let ageMs = 0;
    while (aging.connections.length === 1 && ageMs < 2000) {
      await proxy.advance(10);
      ageMs += 10;
      await askOnce();
    }
    assert.ok(ageMs >= 900 && ageMs <= 1050, `after ${ageMs} ms: up to a tenth earlier than said, not more`);
    assert.ok(
      aging.requests.some(({ earlier }) => earlier > 0),
      "until then it was used again",
    );
    client.close();
  });

  test("the idle limit of a pooled connection does not end an upload on it", async () => {
    const client = proxy.connect();
    client.send(get("/pooled"));
    await responses(client, 1);
    client.send("POST /pooled HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1000\r\n\r\n");
    client.send("x".repeat(500));
    await proxy.advance(0);
    assert.match(pooled.received, /^POST /m);
    assert.equal(pooled.connections.length, 1, "the upload has the connection that idled");
    // Another connection begins to idle now: at its end the first one would have idled too long.
    assert.equal((await ask(proxy, get("/pooled"))).status, 200);
    const other = pooled.requests.at(-1)?.connection ?? assert.fail();
    for (let second = 0; second < 3; second++) await proxy.advance("1s");
    assert.ok(isOver(other));
    client.send("x".repeat(500));
    const [, upload] = await responses(client, 2);
    assert.equal(upload?.status, 200);
    assert.equal(pooled.connections.length, 2);
    client.close();
  });

  test("a client that asks on but does not read gets no further answers made, and all of them once it reads", async () => {
    const client = proxy.connect();
    const count = 1000;
    client.send(get("/large").repeat(count - 1) + get("/large/last", ["Connection: close"]));
    client.pause();
    await proxy.advance(0);
    assert.ok(made > 0 && made < count, `${made} of ${count} answers were made for nobody`);
    client.resume();
    await client.untilEnded();
    assert.equal(client.received.split("HTTP/1.1 200 OK\r\n").length - 1, count);
    assert.ok(client.received.endsWith(LARGE));
    client.close();
  });

  test("a client that waits for its 100 is not too slow", async () => {
    const client = proxy.connect();
    client.send("POST /expecting HTTP/1.1\r\nHost: a.test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    await proxy.advance(0);
    assert.ok(expecting !== null, "the request is at the origin");
    // One that is awaited by nobody else but sends nothing either is too slow after the same time.
    const slow = ask(proxy, "POST /slow HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\n");
    await proxy.advance("20s");
    assert.equal((await slow).status, 408);
    assert.equal(client.received, "");
    expecting.send("HTTP/1.1 100 Continue\r\n\r\n");
    const [interim] = await responses(client, 1);
    assert.equal(interim?.status, 100);
    client.send("hello");
    const [, final] = await responses(client, 2);
    assert.equal(final?.status, 200);
    client.close();
  });
});
