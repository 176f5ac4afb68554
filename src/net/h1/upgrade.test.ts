/** Switches to other protocols through a whole proxy: which are passed on, and what follows when an endpoint does not do as it was asked. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import { script, testProxy } from "../../testing/test-proxy.ts";
import type { TestConnection, TestProxy } from "../../testing/test-proxy.ts";

const HEAD = "GET /a HTTP/1.1\r\nHost: a.test\r\n";
const WEBSOCKET = `${HEAD}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`;
const ATTACH = "POST /attach HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n";
const switchTo = (protocol: string): string =>
  `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n${protocol === "" ? "" : `Upgrade: ${protocol}\r\n`}\r\n`;
const PLAIN = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nplain";

interface Scene {
  readonly proxy: TestProxy;
  readonly client: TestConnection;
  /** Everything that endpoints received, a text for each connection. */
  readonly received: string[];
}

/** A proxy whose endpoint gives `answer` to each head, or to each text that ends like `awaited`. */
async function scene(t: TestContext, upgrade: readonly string[] | undefined, answer: string, awaited: string = "\r\n\r\n"): Promise<Scene> {
  const received: string[] = [];
  const origin = script.raw(async (connection) => {
    const at = received.push("") - 1;
    const next = async (what: string): Promise<void> => {
      await connection.until(what);
      received[at] += connection.take();
    };
    for (;;) {
      await next(awaited);
      connection.send(answer);
      while (answer.startsWith("HTTP/1.1 101")) {
        await next("!");
        connection.send("pong!");
      }
    }
  });
  const proxy = await testProxy(
    { upstreams: {}, routes: [{ name: "r", upstream: "app", ...(upgrade === undefined ? {} : { upgrade: [...upgrade] }) }] },
    { upstreams: { app: origin } },
  );
  t.after(() => proxy.close());
  return { proxy, client: proxy.connect(), received };
}

const outcomes = (proxy: TestProxy): unknown[] =>
  proxy.log.filter(({ event }) => event === "access").map(({ status, outcome }) => [status, outcome]);

describe("what a route admits", () => {
  for (const [what, upgrade, request, protocol] of [
    ["WebSocket without the key", undefined, WEBSOCKET, "websocket"],
    ["tcp, of a POST", ["tcp"], ATTACH, "tcp"],
    ["whatever the case", ["SPDY/3.1"], ATTACH.replace("tcp", "SpDy/3.1"), "SPDY/3.1"],
    ["of several the one that the endpoint chooses", ["tcp", "websocket"], ATTACH.replace("tcp", "h2c, tcp, other"), "TCP"],
  ] as const) {
    test(what, async (t) => {
      const { client, proxy, received } = await scene(t, upgrade, switchTo(protocol));
      client.send(request);
      assert.match(await client.until("\r\n\r\n"), new RegExp(`^HTTP/1.1 101 [^]*\r\nUpgrade: ${protocol}\r\n`, "i"));
      client.send("ping!");
      await client.until("pong!");
      const [head = ""] = received;
      assert.match(head, /\r\nConnection: Upgrade\r\nUpgrade: [^,\r]+\r\n/, "the admitted protocol only");
      assert.doesNotMatch(head, /h2c|other/);
      assert.match(head, /\r\n\r\nping!$/);
      client.reset();
      await proxy.advance("1s");
      assert.deepEqual(outcomes(proxy), [[101, "tunnel"]]);
    });
  }

  test("after the request's whole body, whose bytes are not those of the new protocol", async (t) => {
    const { client, received } = await scene(t, ["tcp"], switchTo("tcp"), "{body}\n");
    client.send(ATTACH.replace("Content-Length: 0", "Content-Length: 7").replace("Connection", "Expect: 100-continue\r\nConnection"));
    client.send("{body}\nping!");
    await client.until("pong!");
    assert.match(received[0] ?? "", /\r\n\r\n\{body\}\nping!$/);
  });
});

describe("what a route does not admit goes without Upgrade, and its connection stays HTTP", () => {
  for (const [what, upgrade, request] of [
    ["h2c", undefined, `${HEAD}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n`],
    [
      "h2c whose settings Connection does not name",
      undefined,
      `${HEAD}Connection: Upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA\r\n\r\n`,
    ],
    ["h2c on a route with other protocols", ["tcp"], `${HEAD}Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n`],
    ["tcp", undefined, ATTACH],
    ["WebSocket", [], WEBSOCKET],
    ["WebSocket, on a route for another protocol", ["tcp"], WEBSOCKET],
    ["another version", ["spdy/3.1"], ATTACH.replace("tcp", "spdy/3")],
  ] as const) {
    test(what, async (t) => {
      const { client, proxy, received } = await scene(t, upgrade, PLAIN);
      // The bytes after the head are the next request, not bytes of a tunnel, even if the client relies on the switch.
      client.send(`${request}GET /second HTTP/1.1\r\nHost: a.test\r\n\r\n`);
      await client.until((text) => text.split("plain").length === 3);
      assert.doesNotMatch(received.join(""), /upgrade|settings/i);
      assert.equal(received.join("").match(/ HTTP\/1\.1\r\n/g)?.length, 2);
      assert.deepEqual(outcomes(proxy), [
        [200, "completed"],
        [200, "completed"],
      ]);
    });
  }
});

describe("an endpoint that does not switch opens no tunnel", () => {
  for (const [what, answer, status] of [
    ["200", PLAIN, 200],
    ["426", "HTTP/1.1 426 Upgrade Required\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 5\r\n\r\nplain", 426],
    [
      "400 with the fields of a switch",
      `HTTP/1.1 400 Bad Request\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 5\r\n\r\nplain`,
      400,
    ],
    [
      "a 200 whose phrase says 101",
      "HTTP/1.1 200 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 5\r\n\r\nplain",
      200,
    ],
  ] as const) {
    test(`${what}: what the client sent already is a request like any other`, async (t) => {
      const { client, proxy, received } = await scene(t, undefined, answer);
      client.send(`${WEBSOCKET}GET /smuggled HTTP/1.1\r\nHost: a.test\r\nX-Forwarded-For: 10.0.0.1\r\n\r\n`);
      await client.until((text) => text.split("plain").length === 3);
      const second = received.join("").slice(received.join("").indexOf("GET /smuggled"));
      assert.match(second, /X-Forwarded-For: 192\.0\.2\.1\r\n/, "it was read as a request, not passed on as bytes");
      assert.doesNotMatch(second, /10\.0\.0\.1/);
      assert.deepEqual(outcomes(proxy), [
        [status, "completed"],
        [status, "completed"],
      ]);
    });
  }

  for (const [what, upgrade, request, protocol] of [
    ["that was not offered", ["tcp", "websocket"], ATTACH, "websocket"],
    ["that was asked for and not admitted", ["tcp"], ATTACH.replace("tcp", "tcp, h2c"), "h2c"],
    ["besides the offered one", ["tcp"], ATTACH, "tcp, h2c"],
    ["that has no name", ["tcp"], ATTACH, ""],
    ["with another version", ["spdy/3.1"], ATTACH.replace("tcp", "spdy/3.1"), "spdy/2"],
    ["without a request for one", ["tcp"], `${HEAD}\r\n`, "tcp"],
    ["that the route does not admit", [], ATTACH, "tcp"],
  ] as const) {
    test(`101 to a protocol ${what}: 502, and none of it passes`, async (t) => {
      const { client, proxy } = await scene(t, upgrade, `${switchTo(protocol)}secret`);
      client.send(request);
      const answer = await client.until("\r\n\r\n");
      assert.match(answer, /^HTTP\/1\.1 502 /);
      await proxy.advance("1s");
      assert.doesNotMatch(answer + client.take(), /secret|101/);
      assert.deepEqual(outcomes(proxy), [[502, "malformed_response"]]);
    });
  }

  test("101 before the request's body is there: 502", async (t) => {
    const { client, proxy, received } = await scene(t, ["tcp"], switchTo("tcp"));
    client.send(ATTACH.replace("Content-Length: 0", "Content-Length: 10"));
    assert.match(await client.until("\r\n\r\n"), /^HTTP\/1\.1 502 /);
    client.send("0123456789GET /smuggled HTTP/1.1\r\n\r\n");
    await proxy.advance("1s");
    assert.doesNotMatch(received.join(""), /smuggled/);
  });
});
