/** Address lists under the real command, with two workers: changed by rename, wrong, and read on SIGHUP. Which changes are noticed: address-files.test.ts. */
import assert from "node:assert/strict";
import { renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { createProxy } from "../../src/millrace.ts";
import { moduleFolder } from "../../src/middleware/module-folder.fixture.ts";
import { writeMmdb } from "../../src/policy/geoip/write-mmdb.fixture.ts";
import { ask, get } from "../support/raw-client.ts";
import { listening, millrace, reached } from "../support/run-command.ts";

const YAML = `listeners: [{ address: "127.0.0.1:0" }]
workers: 2
trusted_proxies: [127.0.0.1]
upstreams: {}
include: conf.d/*.yaml
routes: []
`;
const COUNTRIES_YAML = `listeners: [{ address: "127.0.0.1:0" }]
workers: 2
trusted_proxies: [127.0.0.1]
upstreams: {}
routes:
  - access: { geoip_file: countries.mmdb, deny_countries: [DE] }
    respond: { body: in }
`;
const INCLUDED = `routes:
  - access: { deny: [{ file: ../blocks.txt }] }
    respond: { body: in }
`;

test("a list that is renamed into place counts without a command, for both workers; a wrong one is named and changes nothing", async (t) => {
  const folder = moduleFolder(t, {
    "millrace.yaml": YAML.replace("routes: []\n", ""),
    "conf.d/site.yaml": INCLUDED,
    "blocks.txt": "192.0.2.1\n",
  });
  const config = path.join(folder.path, "millrace.yaml");
  const running = millrace(t, "run", "--config", config);
  const port = await listening(running);
  const statusFor = async (client: string): Promise<number> => (await ask(port, get("/", [`X-Forwarded-For: ${client}`]))).status;
  /** Whether connections, which the system spreads over the workers, are all answered alike. */
  const all = async (client: string, status: number): Promise<boolean> =>
    (await Promise.all(Array.from({ length: 12 }, () => statusFor(client)))).every((each) => each === status);
  assert.ok(await all("192.0.2.1", 403));
  assert.ok(await all("192.0.2.2", 200));

  folder.write("blocks.new", "192.0.2.2\n");
  renameSync(path.join(folder.path, "blocks.new"), path.join(folder.path, "blocks.txt"));
  await reached(() => all("192.0.2.2", 403));
  assert.ok(await all("192.0.2.1", 200));
  assert.match(running.out, /address_list_read/);

  folder.write("blocks.txt", "192.0.2.1\n192.0.2.0/33\n");
  await reached(() => running.out.includes("address_list_refused"));
  assert.match(running.out, /blocks\.txt:2: expected an IP address or a CIDR block/);
  assert.ok(await all("192.0.2.2", 403));
  running.child.kill("SIGHUP");
  await reached(() => running.out.includes("config_refused"));
  assert.ok(await all("192.0.2.2", 403));
  const checked = millrace(t, "check", "--config", config);
  assert.equal(await checked.ended, 1);
  assert.match(
    checked.err,
    /site\.yaml:2:\d+: routes\.#1\.access\.deny\.#1\.file: .*blocks\.txt:2: expected an IP address or a CIDR block/,
  );

  folder.write("blocks.txt", "192.0.2.3\n");
  running.child.kill("SIGHUP");
  await reached(() => all("192.0.2.3", 403));
  running.child.kill("SIGTERM");
  assert.equal(await running.ended, 0);
});

test("in a program: paths count from `baseFolder`, changes are seen, and a reload reads them at once", async (t) => {
  const folder = moduleFolder(t, { "blocks.txt": "192.0.2.1\n" });
  const config = { upstreams: {}, routes: [{ access: { deny: [{ file: "blocks.txt" }] }, respond: { body: "in" } }] };
  const proxy = await createProxy(config, { baseFolder: folder.path });
  t.after(() => proxy.close());
  const statusFor = async (client: string): Promise<number> => (await proxy.fetch(new Request("http://a.test/"), { client })).status;
  assert.deepEqual([await statusFor("192.0.2.1"), await statusFor("192.0.2.2")], [403, 200]);
  folder.write("blocks.txt", "192.0.2.2\n");
  await reached(async () => (await statusFor("192.0.2.2")) === 403);
  assert.equal(await statusFor("192.0.2.1"), 200);
  folder.write("blocks.txt", "192.0.2.3\n");
  await proxy.reload(config);
  assert.equal(await statusFor("192.0.2.3"), 403);
  const explained = await proxy.explain({ method: "GET", url: "http://a.test/", client: "192.0.2.3" });
  assert.equal(explained.status, 403);
  folder.write("blocks.txt", "wrong\n");
  await assert.rejects(proxy.reload(config), /blocks\.txt:1: expected an IP address/);
  assert.equal(await statusFor("192.0.2.3"), 403);
});

test("a database of countries that is renamed into place counts for both workers; a cut one is named and changes nothing", async (t) => {
  const folder = moduleFolder(t, { "millrace.yaml": COUNTRIES_YAML });
  const file = path.join(folder.path, "countries.mmdb");
  const [german, french] = ["DE", "FR"].map((iso_code) => writeMmdb([["192.0.2.0/24", { country: { iso_code } }]], { type: "Countries" }));
  assert.ok(german !== undefined && french !== undefined);
  writeFileSync(file, german);
  const config = path.join(folder.path, "millrace.yaml");
  const running = millrace(t, "run", "--config", config);
  const port = await listening(running);
  const all = async (status: number): Promise<boolean> => {
    const asked = Array.from({ length: 12 }, () => ask(port, get("/", ["X-Forwarded-For: 192.0.2.1"])));
    return (await Promise.all(asked)).every((each) => each.status === status);
  };
  assert.ok(await all(403));
  const replace = (bytes: Uint8Array): void => {
    writeFileSync(`${file}.new`, bytes);
    renameSync(`${file}.new`, file);
  };
  replace(french.subarray(0, -20));
  await reached(() => running.out.includes("geoip_file_refused"));
  assert.match(running.out, /the old database stays in use: .*countries\.mmdb is damaged/);
  assert.ok(await all(403));
  const checked = millrace(t, "check", "--config", config);
  assert.equal(await checked.ended, 1);
  assert.match(checked.err, /millrace\.yaml:6:\d+: routes\.#1\.access\.geoip_file: .*countries\.mmdb is damaged/);
  replace(french);
  await reached(() => all(200));
  running.child.kill("SIGTERM");
  assert.equal(await running.ended, 0);
});
