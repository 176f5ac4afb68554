import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, renameSync, rmSync, symlinkSync, truncateSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { AddressLists } from "../../shared/address-lists.ts";
import type { AddressFile } from "../../base/address-file.ts";
import { writeMmdb } from "../../policy/geoip/write-mmdb.fixture.ts";
import type { LogFields } from "../../shared/log-fields.ts";
import { AddressFiles } from "./address-files.ts";

function listsAt(...paths: readonly string[]): readonly AddressFile[] {
  return paths.map((path) => ({ kind: "list", path }));
}

interface Stage {
  readonly files: AddressFiles;
  readonly lists: AddressLists;
  readonly log: readonly (readonly [event: string, message: string])[];
  readonly folder: string;
  pathOf(name: string): string;
  /** Lets two looks pass, after which a change that stands still counts. */
  looks(): Promise<void>;
}

function stage(t: TestContext): Stage {
  const folder = mkdtempSync(path.join(tmpdir(), "lists-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const log: (readonly [string, string])[] = [];
  const said = (event: string, message: string, _fields?: LogFields): void => void log.push([event, message]);
  const lists = new AddressLists();
  let look: (() => void) | null = null;
  let planned: (() => void) | null = null;
  const after = (_ms: number, then: () => void): (() => void) => {
    look = then;
    planned?.();
    return () => (look = null);
  };
  const files = new AddressFiles({ log: { info: said, error: said }, tell: (all) => lists.take(all), after });
  t.after(() => files.stop());
  const oneLook = async (): Promise<void> => {
    const then = look;
    assert.ok(then !== null, "a look is planned");
    const next = new Promise<void>((resolve) => (planned = resolve));
    look = null;
    then();
    await next;
  };
  return {
    files,
    lists,
    log,
    folder,
    pathOf: (name) => path.join(folder, name),
    looks: async () => {
      await oneLook();
      await oneLook();
    },
  };
}

function begun(t: TestContext, text: string): Stage & { readonly file: string } {
  const all = stage(t);
  const file = all.pathOf("blocks.txt");
  writeFileSync(file, text);
  assert.deepEqual(all.files.read(listsAt(file)), []);
  all.files.keep(listsAt(file));
  return { ...all, file };
}

test("a change counts when it stands still: written in place, appended to, replaced by rename, by a link", async (t) => {
  const { lists, log, file, pathOf, looks, folder } = begun(t, "192.0.2.1\n");
  const has = (address: string): boolean => lists.list(file).contains(address);
  assert.ok(has("192.0.2.1"));
  const first = lists.list(file);
  await looks();
  assert.equal(log.length, 0, "nothing has changed");

  writeFileSync(file, "192.0.2.2\n");
  await looks();
  assert.deepEqual([has("192.0.2.1"), has("192.0.2.2")], [false, true]);
  assert.equal(lists.list(file), first, "who holds the list has the new blocks");

  appendFileSync(file, "192.0.2.3\n");
  await looks();
  assert.deepEqual([has("192.0.2.2"), has("192.0.2.3")], [true, true]);

  writeFileSync(pathOf("next"), "192.0.2.4\n");
  renameSync(pathOf("next"), file);
  await looks();
  assert.deepEqual([has("192.0.2.3"), has("192.0.2.4")], [false, true]);

  writeFileSync(path.join(folder, "elsewhere"), "192.0.2.5\n");
  symlinkSync(path.join(folder, "elsewhere"), pathOf("link"));
  renameSync(pathOf("link"), file);
  await looks();
  assert.deepEqual([has("192.0.2.4"), has("192.0.2.5")], [false, true]);
  assert.deepEqual(
    log.map(([event]) => event),
    Array.from({ length: 4 }, () => "address_list_read"),
  );
});

test("a version that is wrong, empty or missing changes nothing and is said once; the next good one counts", async (t) => {
  const { lists, log, file, looks } = begun(t, "192.0.2.1\n");
  for (const [spoil, why] of [
    [
      () => writeFileSync(file, "192.0.2.2\nhunter2\n192.0.2.3 192.0.2.4\n"),
      /blocks\.txt:2: expected an IP address .* \(and 1 more lines like this\)/,
    ],
    [() => truncateSync(file), /blocks\.txt is empty/],
    [() => unlinkSync(file), /blocks\.txt does not exist/],
    [() => writeFileSync(file, Buffer.from([0xff, 0xfe, 0x31])), /blocks\.txt is not in UTF-8/],
  ] as const) {
    const before = log.length;
    spoil();
    await looks();
    await looks();
    assert.equal(log.length, before + 1, String(why));
    assert.equal(log.at(-1)?.[0], "address_list_refused");
    assert.match(log.at(-1)?.[1] ?? "", why);
    assert.ok(!(log.at(-1)?.[1] ?? "").includes("hunter2"));
    assert.ok(lists.list(file).contains("192.0.2.1") && !lists.list(file).contains("192.0.2.2"));
  }
  writeFileSync(file, "# nobody\n");
  await looks();
  assert.equal(log.at(-1)?.[0], "address_list_read");
  assert.ok(!lists.list(file).contains("192.0.2.1"));
});

test("a reload reads what has changed at once, all or nothing, and forgets what is no longer named", async (t) => {
  const { files, lists, file, pathOf, looks } = begun(t, "192.0.2.1\n");
  const other = pathOf("other.txt");
  writeFileSync(file, "192.0.2.2\n");
  assert.deepEqual(files.read(listsAt(file, other)), [`${other} does not exist`]);
  assert.ok(lists.list(file).contains("192.0.2.1"), "nothing has changed");
  writeFileSync(other, "198.51.100.1\n");
  assert.deepEqual(files.read(listsAt(file, other)), []);
  assert.ok(lists.list(file).contains("192.0.2.2") && lists.list(other).contains("198.51.100.1"));
  assert.equal(files.current().length, 2, "for a thread that starts");
  files.keep(listsAt(other));
  assert.throws(() => lists.list(file), /has not been read/);
  await looks();
  assert.ok(lists.list(other).contains("198.51.100.1"));
});

test("a file may be a plain list and one with factors, each by itself; half a version of either changes nothing", async (t) => {
  const { files, lists, log, file, looks } = begun(t, "192.0.2.1\n");
  const rated: AddressFile = { kind: "rated", path: file };
  const both = [...listsAt(file), rated];
  assert.match(files.read(both).join("\n"), /blocks\.txt:1: expected a factor from 0\.001 to 1000 behind the block/);
  const other = `${file}.rated`;
  writeFileSync(other, "192.0.2.0/24 0.5\n198.51.100.7 2\n192.0.2.128/25 0.1\n");
  assert.deepEqual(files.read([{ kind: "rated", path: other }]), []);
  files.keep([{ kind: "rated", path: other }]);
  const factors = (): readonly unknown[] =>
    ["192.0.2.1", "192.0.2.200", "198.51.100.7", "203.0.113.1"].map((each) => lists.list(other, true).factorOf(each));
  assert.deepEqual(factors(), [0.5, 0.1, 2, null]);
  for (const half of ["192.0.2.0/24 0.2\n198.51.100.7 ", "192.0.2.0/24 0.2\n198.51.100.7 0.", "192.0.2.0/24 0.2\n198.51"]) {
    writeFileSync(other, half);
    await looks();
    assert.deepEqual(factors(), [0.5, 0.1, 2, null], half);
    assert.match(log.at(-1)?.[1] ?? "", /^the old list stays in use: .*blocks\.txt\.rated:2: expected /);
  }
  writeFileSync(other, "192.0.2.0/24 0.2\n");
  await looks();
  assert.deepEqual(factors(), [0.2, 0.2, null, null]);
});

test("a database that is half written, damaged, of another kind or gone changes nothing and is said once; the next good one counts", async (t) => {
  const { files, lists, log, pathOf, looks } = stage(t);
  const path = pathOf("countries.mmdb");
  const [first, next] = ["DE", "FR"].map((iso_code) => writeMmdb([["192.0.2.0/24", { country: { iso_code } }]]));
  const [before, after] = [0x4445, 0x4652];
  assert.ok(first !== undefined && next !== undefined);
  writeFileSync(path, first);
  assert.deepEqual(files.read([{ kind: "country", path }]), []);
  files.keep([{ kind: "country", path }]);
  const database = lists.database("country", path);
  assert.equal(database.of("192.0.2.1"), before);
  const wrong = [
    next.subarray(0, next.length / 2),
    Buffer.concat([next.subarray(0, 30), next.subarray(60)]),
    writeMmdb([["192.0.2.0/24", { autonomous_system_number: 64_496 }]]),
    Buffer.alloc(0),
  ];
  for (const [index, bytes] of wrong.entries()) {
    writeFileSync(path, bytes);
    await looks();
    assert.deepEqual([log.length, log.at(-1)?.[0], database.of("192.0.2.1")], [index + 1, "geoip_file_refused", before]);
    assert.match(log.at(-1)?.[1] ?? "", /^the old database stays in use: .*countries\.mmdb (?:is|has) /);
  }
  unlinkSync(path);
  await looks();
  await looks();
  assert.deepEqual([log.length, database.of("192.0.2.1")], [wrong.length + 1, before]);
  assert.deepEqual(files.read([{ kind: "country", path }]), [`${path} does not exist`]);
  writeFileSync(path, next);
  await looks();
  assert.deepEqual(log.at(-1), ["geoip_file_read", `${path} has changed: 1 country is in use`]);
  assert.equal(database.of("192.0.2.1"), after);
});
