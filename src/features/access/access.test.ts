import assert from "node:assert/strict";
import { test } from "node:test";
import { LoneView } from "../../proxy/feature/lone-view.ts";
import { buildRequestHead } from "../../http/build-head.ts";
import { AddressLists } from "../../shared/address-lists.ts";
import { defineMiddleware } from "../../middleware/define-middleware.ts";
import { testProxy } from "../../testing/test-proxy.ts";
import { accessMiddleware } from "./access.ts";
import { writeMmdb } from "../../policy/geoip/write-mmdb.fixture.ts";
import type { AccessConfig } from "./schema.ts";

const HEAD = buildRequestHead({ method: "GET", target: "/", authority: "a.test" }, []);

function admits(config: Partial<AccessConfig>, ...clients: readonly string[]): boolean[] {
  const middleware = accessMiddleware({ deny: [], deny_countries: [], deny_asns: [], ...config }, { lists: new AddressLists() });
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

const [DE, FR, US] = ["DE", "FR", "US"].map((iso_code) => ({ country: { iso_code } }));
const COUNTRIES = writeMmdb([
  ["198.51.100.0/24", DE ?? {}],
  ["2001:db8::/32", FR ?? {}],
  ["203.0.113.0/24", US ?? {}],
]);
const SYSTEMS = writeMmdb([["203.0.113.0/25", { autonomous_system_number: 64_496 }]]);
/** In DE, FR, US and system 64496, US, and known to no database. */
const CLIENTS = ["198.51.100.7", "2001:db8::1", "203.0.113.1", "203.0.113.200", "10.0.0.1"];

test("countries and autonomous systems: what is refused wins, what admits adds up, and `unknown` is whom the database does not know", async (t) => {
  const statuses = async (access: object): Promise<readonly number[]> => {
    const proxy = await testProxy(
      { routes: [{ upstream: "app", access: { geoip_file: "c.mmdb", asn_file: "a.mmdb", ...access } }] },
      { files: { "c.mmdb": COUNTRIES, "a.mmdb": SYSTEMS }, upstreams: { app: () => new Response("in") } },
    );
    t.after(() => proxy.close());
    const answers = CLIENTS.map(async (from) => (await proxy.fetch("http://a.test/", { from })).status);
    return await Promise.all(answers);
  };
  assert.deepEqual(await statuses({ allow_countries: ["DE", "fr"] }), [200, 200, 403, 403, 403]);
  assert.deepEqual(await statuses({ allow_countries: ["DE", "unknown"] }), [200, 403, 403, 403, 200]);
  assert.deepEqual(await statuses({ deny_countries: ["DE"] }), [403, 200, 200, 200, 200]);
  assert.deepEqual(await statuses({ deny_countries: ["DE", "unknown"] }), [403, 200, 200, 200, 403]);
  assert.deepEqual(await statuses({ allow: ["10.0.0.0/8"], allow_countries: ["DE"] }), [200, 403, 403, 403, 200]);
  assert.deepEqual(await statuses({ allow: ["198.51.100.7"], deny_countries: ["DE"] }), [403, 403, 403, 403, 403]);
  assert.deepEqual(await statuses({ deny_asns: [64_496] }), [200, 200, 403, 200, 200]);
  assert.deepEqual(await statuses({ allow_asns: ["AS64496"], allow_countries: ["DE"] }), [200, 403, 200, 403, 403]);
  assert.deepEqual(await statuses({ allow_countries: ["US"], deny_asns: ["as64496", "unknown"] }), [403, 403, 403, 403, 403]);
});

test("a database is read again when it changes; a damaged one changes nothing", async (t) => {
  const files: Record<string, Uint8Array> = { "c.mmdb": COUNTRIES };
  const proxy = await testProxy(
    { routes: [{ upstream: "app", access: { geoip_file: "c.mmdb", deny_countries: ["DE"] } }] },
    { files, upstreams: { app: () => new Response("in") } },
  );
  t.after(() => proxy.close());
  const status = async (): Promise<number> => (await proxy.fetch("http://a.test/", { from: "198.51.100.7" })).status;
  assert.equal(await status(), 403);
  files["c.mmdb"] = COUNTRIES.subarray(0, 500);
  await proxy.advance("2s");
  assert.equal(await status(), 403);
  assert.match(
    String(proxy.log.find(({ event }) => event === "geoip_file_refused")?.["message"]),
    /the old database stays in use: c\.mmdb is no database/,
  );
  files["c.mmdb"] = writeMmdb([["198.51.100.0/24", FR ?? {}]]);
  await proxy.advance("2s");
  assert.equal(await status(), 200);
});

test("what a configuration may not say of countries and systems", async () => {
  const wrong = async (access: object, file: Uint8Array = COUNTRIES): Promise<unknown> =>
    testProxy({ routes: [{ upstream: "app", access }] }, { files: { "c.mmdb": file }, upstreams: { app: () => new Response() } });
  await assert.rejects(wrong({ allow_countries: ["DE"] }), /allow_countries: it needs geoip_file/);
  await assert.rejects(wrong({ forward_country: "X-Country" }), /forward_country: it needs geoip_file/);
  await assert.rejects(wrong({ geoip_file: "c.mmdb", forward_country: "Host" }), /forward_country/);
  await assert.rejects(
    wrong({ geoip_file: "c.mmdb", asn_file: "c.mmdb", forward_country: "X-A", forward_asn: "x-a" }),
    /forward_asn: forward_country has this field/,
  );
  await assert.rejects(wrong({ deny_asns: [1] }), /deny_asns: it needs asn_file/);
  await assert.rejects(
    wrong({ geoip_file: "c.mmdb", deny_countries: ["Germany"] }),
    /deny_countries\.#1: expected a country's two letters/,
  );
  await assert.rejects(wrong({ geoip_file: "c.mmdb", allow_countries: [] }), /expected at least one country/);
  await assert.rejects(wrong({ asn_file: "c.mmdb", deny_asns: ["AS0"] }), /deny_asns\.#1: expected the number of an autonomous system/);
  await assert.rejects(wrong({ asn_file: "c.mmdb", deny_asns: [64_496] }), /c\.mmdb has no autonomous systems: it is of the type Test/);
  await assert.rejects(wrong({ geoip_file: "c.mmdb", deny_countries: ["DE"] }, SYSTEMS), /c\.mmdb has no countries/);
  await assert.rejects(wrong({ geoip_file: "c.mmdb", deny_countries: ["DE"] }, COUNTRIES.subarray(0, -1)), /c\.mmdb is damaged/);
  await assert.rejects(wrong({ geoip_file: "d.mmdb", deny_countries: ["DE"] }), /d\.mmdb is not among the test's files/);
});

test("upstreams are told country and system in fields that no client can send, on no route", async (t) => {
  const proxy = await testProxy(
    {
      routes: [
        { match: { path: "/plain" }, upstream: "app" },
        {
          upstream: "app",
          access: { geoip_file: "c.mmdb", forward_country: "X-Country", asn_file: "a.mmdb", forward_asn: "X-ASN" },
          request_headers: { set: { "X-Seen": "{header.X-Country}" } },
        },
      ],
    },
    { files: { "c.mmdb": COUNTRIES, "a.mmdb": SYSTEMS }, upstreams: { app: () => new Response("in") } },
  );
  t.after(() => proxy.close());
  const told = async (from: string, path: string = "/"): Promise<readonly unknown[]> => {
    const headers = { "X-Country": "XX", x_country: "YY", "X-ASN": "1" };
    assert.equal((await proxy.fetch(`http://a.test${path}`, { from, headers })).status, 200);
    const got = proxy.requests("app").at(-1)?.headers;
    return ["x-country", "x-asn", "x_country", "x-seen"].map((name) => got?.get(name) ?? null);
  };
  assert.deepEqual(await told("198.51.100.7"), ["DE", null, null, null]);
  assert.deepEqual(await told("203.0.113.1"), ["US", "64496", null, null]);
  assert.deepEqual(await told("10.0.0.1"), [null, null, null, null]);
  assert.deepEqual(await told("203.0.113.1", "/plain"), [null, null, null, null]);
});

test("middleware and the access log see country and system, of refused clients too", async (t) => {
  const seen: unknown[] = [];
  const proxy = await testProxy(
    {
      logging: { access: { fields: ["standard", "country", "asn"] } },
      middleware: [
        {
          use: defineMiddleware({
            name: "looks",
            setup: () => ({
              onRequest: ({ place }) => {
                seen.push(place);
                return null;
              },
            }),
          }),
        },
      ],
      routes: [
        { match: { path: "/plain" }, upstream: "app" },
        { upstream: "app", access: { geoip_file: "c.mmdb", deny_countries: ["DE"], asn_file: "a.mmdb" } },
      ],
    },
    { files: { "c.mmdb": COUNTRIES, "a.mmdb": SYSTEMS }, upstreams: { app: () => new Response("in") } },
  );
  t.after(() => proxy.close());
  for (const from of CLIENTS.slice(0, 3)) await proxy.fetch("http://a.test/", { from });
  await proxy.fetch("http://a.test/", { from: "10.0.0.1" });
  await proxy.fetch("http://a.test/plain", { from: "203.0.113.1" });
  assert.deepEqual(seen, [{ country: "FR", asn: 0 }, { country: "US", asn: 64_496 }, { country: "", asn: 0 }, null]);
  const logged = proxy.log.filter(({ event }) => event === "access");
  assert.deepEqual(
    logged.map(({ status, country, asn }) => [status, country, asn]),
    [
      [403, "DE", undefined],
      [200, "FR", undefined],
      [200, "US", 64_496],
      [200, undefined, undefined],
      [200, undefined, undefined],
    ],
  );
});
