/** `redirect_to_https` of a plain listener, in the whole proxy, in `explain` and in what `check` says of it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseConfig } from "../src/config/load.ts";
import { explain } from "../src/explain/explanation.ts";
import { testProxy } from "../src/testing/test-proxy.ts";

const file = (redirects: boolean, trusted: string = ""): string => `
listeners:
  - { address: "127.0.0.1:8080", redirect_to_https: ${String(redirects)} }
  - { address: "127.0.0.1:8081" }
trusted_proxies: [${trusted}]
upstreams: { app: { endpoints: ["http://app.test"] } }
routes: [{ upstream: app }]
`;

test("redirects on that listener only, and a reload switches it off on connections that are open", async (t) => {
  const proxy = await testProxy(file(true), { upstreams: { app: () => new Response("here") } });
  t.after(() => proxy.close());
  const client = proxy.connect({ listener: 0 });
  client.send("POST /x?y HTTP/1.1\r\nHost: a.test:8080\r\nContent-Length: 2\r\n\r\nhi");
  await client.until("\r\n\r\n");
  assert.match(client.received, /^HTTP\/1\.1 308 Permanent Redirect\r\n(?:.*\r\n)*Location: https:\/\/a\.test\/x\?y\r\n/);
  const other = proxy.connect({ listener: 1 });
  other.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
  await other.until("here");
  await proxy.reload(file(false));
  client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
  await client.until("here");
  assert.deepEqual(
    proxy.log.filter(({ event }) => event === "access").map(({ status, outcome }) => [status, outcome]),
    [
      [308, "redirect_to_https"],
      [200, "completed"],
      [200, "completed"],
    ],
  );
  client.close();
  other.close();
});

test("a request that a trusted proxy has received by https is served", async (t) => {
  const proxy = await testProxy(file(true, "192.0.2.1"), { upstreams: { app: () => new Response("here") } });
  t.after(() => proxy.close());
  const ask = (proto: string): Promise<Response> => proxy.fetch("http://a.test/", { headers: { "X-Forwarded-Proto": proto } });
  assert.equal((await ask("https")).status, 200);
  assert.equal((await ask("http")).status, 308);
});

test("explain says it of URLs with http, and check warns where nothing would answer by https", async () => {
  const parsed = parseConfig(file(true), "millrace.yaml", {}, () => "");
  assert.ok("config" in parsed, JSON.stringify(parsed));
  assert.match(parsed.warnings.map(({ message }) => message).join("\n"), /no listener has tls, and no trusted proxy ends it/);
  const explained = await explain(parsed.config, { method: "GET", url: "http://a.test/x", fields: [] }, {});
  assert.ok(typeof explained !== "string");
  assert.equal(explained.status, 308);
  assert.ok(explained.lines.includes("answered by the listener itself: redirect_to_https"), explained.lines.join("\n"));
});
