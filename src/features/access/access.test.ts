import assert from "node:assert/strict";
import { test } from "node:test";
import { LoneView } from "../../proxy/feature/lone-view.ts";
import { buildRequestHead } from "../../http/build-head.ts";
import { AddressLists } from "../../shared/address-lists.ts";
import { testProxy } from "../../testing/test-proxy.ts";
import { accessMiddleware } from "./access.ts";
import type { AccessConfig } from "./schema.ts";

const HEAD = buildRequestHead({ method: "GET", target: "/", authority: "a.test" }, []);

function admits(config: AccessConfig, ...clients: readonly string[]): boolean[] {
  const middleware = accessMiddleware(config, { lists: new AddressLists() });
  return clients.map((client) => middleware.onRequest?.(new LoneView(HEAD, client)) === null);
}

test("allow admits its blocks alone, deny refuses its own, and deny wins", () => {
  const clients = ["10.1.2.3", "10.6.6.6", "192.0.2.1", "2001:db8::1", "2001:db9::1", ""] as const;
  assert.deepEqual(admits({ allow: ["10.0.0.0/8", "2001:db8::/32"], deny: [] }, ...clients), [true, true, false, true, false, false]);
  assert.deepEqual(admits({ allow: ["10.0.0.0/8"], deny: ["10.6.6.6"] }, ...clients), [true, false, false, false, false, false]);
  assert.deepEqual(admits({ deny: ["10.0.0.0/8"] }, ...clients.slice(0, 5)), [false, false, true, true, true]);
  assert.deepEqual(admits({ deny: ["10.0.0.0/8"] }, "", "192.0.2.1", "", "10.1.1.1"), [false, true, false, false]);
});

test("403 with its reason; the address is the one that a trusted proxy tells, and nobody else", async (t) => {
  const proxy = await testProxy(
    {
      trusted_proxies: ["192.0.2.9"],
      routes: [{ upstream: "app", access: { allow: ["198.51.100.0/24"] }, rate_limit: { requests_per_minute: 1 } }],
    },
    { upstreams: { app: () => new Response("in") } },
  );
  t.after(() => proxy.close());
  const from = async (peer: string, told: string): Promise<number> =>
    (await proxy.fetch("http://a.test/", { from: peer, headers: { "X-Forwarded-For": told } })).status;
  assert.equal(await from("192.0.2.1", "198.51.100.7"), 403);
  assert.equal(await from("192.0.2.9", "203.0.113.1"), 403);
  assert.equal(await from("192.0.2.9", "198.51.100.7"), 200);
  // Refused clients have used up nothing of their limit.
  assert.equal(await from("192.0.2.9", "198.51.100.8"), 200);
  assert.equal(proxy.log.find(({ status }) => status === 403)?.["outcome"], "access_denied");
  const refused = await proxy.fetch("http://a.test/");
  assert.equal(refused.headers.get("proxy-status"), "millrace; error=http_request_denied");
  assert.equal(proxy.metrics.value("millrace_access_denied_total"), 3);
});

test("what a configuration may not say", async () => {
  const wrong = async (access: object): Promise<unknown> =>
    testProxy({ routes: [{ upstream: "app", access }] }, { upstreams: { app: () => new Response() } });
  await assert.rejects(wrong({ allow: [] }), /access\.allow: expected at least one address or block/);
  await assert.rejects(wrong({ deny: ["10.0.0.0/33"] }), /expected an IP address or a CIDR block/);
  await assert.rejects(wrong({ deny: ["file:blocks.txt"] }), /a list in a file is \{ file: PATH \}/);
  await assert.rejects(wrong({ deny: [{ path: "blocks.txt" }] }), /deny\.#1/);
});

test("lists from files: mixed with addresses, read again when they change, and kept when the new version is wrong", async (t) => {
  const files: Record<string, string> = { "blocks.txt": "# bad\n192.0.2.0/28\n", "friends.txt": "2001:db8::/32\n192.0.2.200" };
  const proxy = await testProxy(
    {
      routes: [
        { match: { path: "/denied" }, upstream: "app", access: { deny: [{ file: "blocks.txt" }, "198.51.100.1"] } },
        { upstream: "app", access: { allow: ["192.0.2.1", { file: "friends.txt" }], deny: [{ file: "blocks.txt" }] } },
      ],
    },
    { files, upstreams: { app: () => new Response("in") } },
  );
  t.after(() => proxy.close());
  const from = async (client: string, path: string = "/"): Promise<number> =>
    (await proxy.fetch(`http://a.test${path}`, { from: client })).status;
  assert.deepEqual(
    [
      await from("192.0.2.1", "/denied"),
      await from("192.0.2.99", "/denied"),
      await from("198.51.100.1", "/denied"),
      await from("::ffff:192.0.2.9", "/denied"),
    ],
    [403, 200, 403, 403],
  );
  assert.deepEqual(
    [await from("192.0.2.1"), await from("192.0.2.200"), await from("2001:db8::7"), await from("192.0.2.99")],
    [403, 200, 200, 403],
  );

  files["blocks.txt"] = "192.0.2.99\n";
  await proxy.advance("2s");
  assert.deepEqual([await from("192.0.2.1", "/denied"), await from("192.0.2.99", "/denied"), await from("192.0.2.1")], [200, 403, 200]);

  files["blocks.txt"] = "192.0.2.1\nnonsense\n";
  await proxy.advance("2s");
  assert.deepEqual([await from("192.0.2.1", "/denied"), await from("192.0.2.99", "/denied")], [200, 403]);
  const refused = proxy.log.filter(({ event }) => event === "address_list_refused");
  assert.equal(refused.length, 1, "said once");
  assert.match(String(refused[0]?.["message"]), /the old list stays in use: blocks\.txt:2: expected an IP address/);
  delete files["blocks.txt"];
  await proxy.advance("2s");
  assert.equal(await from("192.0.2.99", "/denied"), 403);

  files["blocks.txt"] = "# nobody\n";
  await proxy.advance("2s");
  assert.equal(await from("192.0.2.99", "/denied"), 200);
});

test("a list that is wrong or missing when the configuration is read refuses it", async () => {
  const wrong = async (text: string | undefined): Promise<unknown> =>
    testProxy(
      { routes: [{ upstream: "app", access: { deny: [{ file: "blocks.txt" }] } }] },
      { ...(text === undefined ? {} : { files: { "blocks.txt": text } }), upstreams: { app: () => new Response() } },
    );
  await assert.rejects(wrong("10.0.0.0/8\n10.0.0.0/64\n"), /blocks\.txt:2: expected an IP address or a CIDR block/);
  await assert.rejects(wrong(undefined), /blocks\.txt is not among the test's files/);
});
