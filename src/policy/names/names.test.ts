import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { addressesWithoutDns, parseHostsFile } from "./hosts-file.ts";
import { nextLookupInMs } from "./next-lookup.ts";
import { namesToAsk, parseResolvConf } from "./resolv-conf.ts";
import type { ResolvConf } from "./resolv-conf.ts";

const parse = (text: string, environment = {}, hostname = "proxy"): ResolvConf => parseResolvConf(text, environment, hostname);

describe("resolv.conf", () => {
  test("an empty file, or none, means the name server of this machine", () => {
    assert.deepEqual(parse(""), {
      servers: ["127.0.0.1"],
      search: [],
      ndots: 1,
      timeoutMs: 2000,
      attempts: 2,
      rotate: false,
      noIpv6: false,
    });
  });

  test("servers: three at most, and only those that are addresses", () => {
    const text =
      "nameserver 10.0.0.1\r\n nameserver 10.0.0.9\nnameserver ns.test\nnameserver fd00::1\nnameserver [10.0.0.2]:5353 x\nnameserver 10.0.0.3\n";
    assert.deepEqual(parse(text).servers, ["10.0.0.1", "fd00::1", "[10.0.0.2]:5353"]);
  });

  test("without a server in the file: the servers that the system names in another way", () => {
    assert.deepEqual(parseResolvConf("search a.test", {}, "proxy", ["10.0.0.4"]).servers, ["10.0.0.4"]);
    assert.deepEqual(parseResolvConf("nameserver 10.0.0.1", {}, "proxy", ["10.0.0.4"]).servers, ["10.0.0.1"]);
  });

  test("the last search or domain line counts; comments and unknown lines do not", () => {
    assert.deepEqual(parse("search a.test b.test.\n").search, ["a.test", "b.test"]);
    assert.deepEqual(parse("search a.test\n# search c.test\n; domain d.test\nsortlist 1.2.3.4\ndomain e.test f.test\n").search, ["e.test"]);
    assert.deepEqual(parse("", {}, "proxy.dc1.test").search, ["dc1.test"], "the machine's own domain where nothing is said");
    assert.deepEqual(parse("search a.test", {}, "proxy.dc1.test").search, ["a.test"]);
  });

  test("options are brought into their limits, and the last one of a kind counts", () => {
    const { ndots, timeoutMs, attempts, rotate, noIpv6 } = parse(
      "options ndots:5 timeout:1 edns0\noptions attempts:9 rotate no-aaaa ndots:x ndots:40 timeout:0\n",
    );
    assert.deepEqual([ndots, timeoutMs, attempts, rotate, noIpv6], [15, 1000, 5, true, true]);
  });

  test("LOCALDOMAIN and RES_OPTIONS overrule the file", () => {
    const conf = parse("search a.test\noptions ndots:5\n", { LOCALDOMAIN: "x.test y.test", RES_OPTIONS: "ndots:2 rotate" });
    assert.deepEqual([conf.search, conf.ndots, conf.rotate], [["x.test", "y.test"], 2, true]);
    assert.deepEqual(parse("search a.test", { LOCALDOMAIN: "" }).search, []);
  });
});

test("the names to ask for, in order", () => {
  const conf = { search: ["ns.svc.test", "svc.test"], ndots: 2 };
  assert.deepEqual(namesToAsk("app", conf), ["app.ns.svc.test", "app.svc.test", "app"]);
  assert.deepEqual(namesToAsk("app.ns", conf), ["app.ns.ns.svc.test", "app.ns.svc.test", "app.ns"]);
  assert.deepEqual(namesToAsk("a.b.c", conf), ["a.b.c", "a.b.c.ns.svc.test", "a.b.c.svc.test"]);
  assert.deepEqual(namesToAsk("app.", conf), ["app"], "a final dot says that it is whole");
  assert.deepEqual(namesToAsk("app", { search: ["x.test"], ndots: 0 }), ["app", "app.x.test"]);
  assert.deepEqual(namesToAsk("app", { search: ["", "x.test"], ndots: 1 }), ["app", "app.x.test"], "the root as a search domain");
  const long = `${"l".repeat(60)}.`.repeat(4).slice(0, -1);
  assert.deepEqual(namesToAsk(long, { search: ["too.long.test"], ndots: 1 }), [long]);
});

describe("the hosts file", () => {
  const hosts = parseHostsFile(
    "127.0.0.1 localhost\n10.0.0.1\tapp App.Internal # old 10.0.0.9 app\n\n#10.0.0.2 app\nfd00::1 app\r\n10.0.0.1 app\nfe80::1%eth0 near\nnonsense app\n010.0.0.1 app\n",
  );

  test("gives all addresses of a name in the order of the lines, each once; case does not count", () => {
    assert.deepEqual(addressesWithoutDns(hosts, "APP"), [
      { address: "10.0.0.1", family: 4 },
      { address: "fd00::1", family: 6 },
    ]);
    assert.deepEqual(addressesWithoutDns(hosts, "app.internal."), [{ address: "10.0.0.1", family: 4 }]);
    assert.deepEqual(addressesWithoutDns(hosts, "near"), [{ address: "fe80::1%eth0", family: 6 }]);
    assert.equal(addressesWithoutDns(hosts, "old"), null);
    assert.equal(addressesWithoutDns(hosts, "constructor"), null);
  });

  test("localhost is this machine and invalid is nowhere, unless the file says otherwise", () => {
    assert.deepEqual(addressesWithoutDns(hosts, "localhost"), [{ address: "127.0.0.1", family: 4 }]);
    assert.deepEqual(
      addressesWithoutDns(hosts, "a.localhost")?.map(({ address }) => address),
      ["::1", "127.0.0.1"],
    );
    assert.deepEqual(addressesWithoutDns(hosts, "nothing.invalid"), []);
    assert.equal(addressesWithoutDns(hosts, "invalid.test"), null);
  });
});

test("a name is looked up again after the time to live of its answer, within limits; after failures soon, then less and less often", () => {
  assert.equal(nextLookupInMs({ ttlMs: 0 }, 0), 1000);
  assert.equal(nextLookupInMs({ ttlMs: 4000 }, 0), 4000);
  assert.equal(nextLookupInMs({ ttlMs: 86_400_000 }, 0), 10_000);
  assert.equal(nextLookupInMs({ ttlMs: 4000 }, 0.5), 3800, "up to a tenth earlier");
  const waits = [1, 2, 3, 4, 5, 6, 5000].map((failures) => nextLookupInMs({ failures }, 0));
  assert.deepEqual(waits, [250, 500, 1000, 2000, 4000, 5000, 5000]);
});
