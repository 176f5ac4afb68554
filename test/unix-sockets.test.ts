/** Endpoints at Unix sockets, in memory; test/e2e/unix-sockets.command.test.ts has real ones. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseConfig } from "../src/config/load.ts";
import { script, testProxy } from "../src/testing/test-proxy.ts";
import { MemoryOrigin, ask } from "./support/in-memory.ts";

const SOCKET = "unix:/run/app.sock";

function problemsOf(endpoints: string, more: string = ""): readonly string[] {
  const config = `listeners: [{ address: ":80" }${more}]\nupstreams: { app: { endpoints: ${endpoints} } }\nroutes: [{ upstream: app }]\n`;
  const parsed = parseConfig(config, "x.yaml", {}, () => "");
  return ("problems" in parsed ? parsed.problems : parsed.warnings).map(({ message }) => message);
}

describe("the configuration", () => {
  test("takes a socket as a text or with a weight, beside others", () => {
    assert.deepEqual(problemsOf(`["${SOCKET}", { url: "unix:///run/b.sock", weight: 2 }, "http://127.0.0.1:1"]`), []);
  });

  for (const [endpoint, why] of [
    ["unix:run/app.sock", /; a socket is unix: and its absolute path/],
    ["unix:/run/app.sock:/path", /; nothing stands after the path of the socket, not even the colon of nginx/],
    ["unix:/run/app.sock:", /; nothing stands after the path of the socket/],
    ["unix/app.sock", /; a socket is unix: and its absolute path/],
    ["unix@/run/app.sock", /; a socket is unix: and its absolute path/],
    ["http+unix:///run/app.sock", /; a socket is unix: and its absolute path/],
    ["unix:/run/", /; a socket is unix: and its absolute path/],
    [`unix:/${"x".repeat(103)}`, /; the path of a socket has at most 103 bytes/],
  ] as const) {
    test(`says what is wrong with ${endpoint.slice(0, 40)}`, () => {
      assert.match(problemsOf(`["${endpoint}"]`).join("\n"), why);
    });
  }

  test("finds a socket that stands there twice, and one that the proxy itself listens on", () => {
    assert.match(problemsOf(`["${SOCKET}", "${SOCKET}"]`).join("\n"), /the endpoint stands there already, as #1/);
    assert.match(problemsOf(`["${SOCKET}"]`, `, { address: "${SOCKET}" }`).join("\n"), /listen/);
    assert.deepEqual(problemsOf(`["${SOCKET}", "unix:/run/b.sock"]`), []);
  });
});

describe("a request to a socket", () => {
  for (const [what, settings, request, host] of [
    ["passes the client's Host", "", "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n", "a.test"],
    ["says localhost where the client names no host", "", "GET / HTTP/1.0\r\n\r\n", "localhost"],
    ["says localhost with rewrite.host: upstream", ", rewrite: { host: upstream }", "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n", "localhost"],
  ] as const) {
    test(what, async (t) => {
      const origin = new MemoryOrigin();
      const proxy = await testProxy(
        `listeners: [{ address: ":80" }]\nupstreams: { app: { endpoints: ["${SOCKET}"] } }\nroutes: [{ upstream: app${settings} }]`,
        { upstreams: { app: origin.script } },
      );
      t.after(() => proxy.close());
      const { status } = await ask(proxy, request);
      assert.equal(status, 200);
      assert.match(origin.received, new RegExp(`\r\nHost: ${host}\r\n`));
    });
  }

  test("can tell the endpoint of the client", async (t) => {
    let received = "";
    const origin = script.raw(async (connection) => {
      received = await connection.until("\r\n\r\n");
      connection.send("HTTP/1.1 204 No Content\r\n\r\n");
    });
    const proxy = await testProxy(
      `listeners: [{ address: ":80" }]\nupstreams: { app: { endpoints: ["${SOCKET}"], proxy_protocol: v1 } }\nroutes: [{ upstream: app }]`,
      { upstreams: { app: origin } },
    );
    t.after(() => proxy.close());
    await ask(proxy, "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
    assert.match(received, /^PROXY TCP4 192\.0\.2\.1 198\.51\.100\.1 \d+ 80\r\nGET \/ HTTP\/1\.1\r\n/);
  });

  test("fails as one to a refusing endpoint where nothing listens, and the log says why once a minute", async (t) => {
    const proxy = await testProxy(
      `listeners: [{ address: ":80" }]\nupstreams: { app: { endpoints: ["${SOCKET}"] } }\nroutes: [{ upstream: app }]`,
      { upstreams: { app: script.refuse() } },
    );
    t.after(() => proxy.close());
    for (let asked = 0; asked < 2; asked++) assert.equal((await ask(proxy, "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")).status, 502);
    const lines = proxy.log.filter(({ event }) => event === "endpoint_socket_failed").map(({ message }) => message);
    assert.deepEqual(lines, [`${SOCKET} of upstream app cannot be connected to: nothing listens on this socket`]);
  });
});
