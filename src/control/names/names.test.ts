import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { createAppLog } from "../../observe/app-log.ts";
import type { NameNews } from "../../shared/name-table.ts";
import type { LookupResult, LookupSettings } from "./name-lookup.ts";
import { Names } from "./names.ts";
import { SystemFile } from "../system/system-file.ts";

interface Asked {
  readonly name: string;
  readonly settings: LookupSettings;
  readonly signal: AbortSignal;
  answer(result: LookupResult): Promise<void>;
}

/** A `Names` under a mocked clock, with look-ups that the test answers. */
async function watched(
  t: TestContext,
): Promise<{ names: Names; asked: Asked[]; told: NameNews[]; lines: string[]; tick: (ms: number) => void }> {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let now = 0;
  const asked: Asked[] = [];
  const told: NameNews[] = [];
  const lines: string[] = [];
  const names = new Names({
    log: createAppLog({ level: "info", format: "text", write: (line) => lines.push(line.slice(25, -1)), now: () => 0 }),
    now: () => now,
    random: () => 0,
    hosts: new SystemFile("/nowhere/hosts"),
    resolvConf: new SystemFile("/nowhere/resolv.conf"),
    hostname: "proxy",
    environment: {},
    tell: (news) => told.push(...news),
    lookUp: (name, settings, signal) =>
      new Promise((resolve) => {
        const answer = async (result: LookupResult): Promise<void> => {
          resolve(result);
          for (let i = 0; i < 5; i++) await Promise.resolve();
        };
        asked.push({ name, settings, signal, answer });
      }),
  });
  t.after(() => names.stop());
  const tick = (ms: number): void => {
    now += ms;
    t.mock.timers.tick(ms);
  };
  return { names, asked, told, lines, tick };
}

const addresses = (...texts: string[]): LookupResult => ({
  addresses: texts.map((address) => ({ address, family: 4 })),
  ttlMs: 5000,
});
const only = (address: string): NameNews["result"] => [{ address, family: 4 }];

test("every name is looked up at once and independently; a name without an answer delays no other", async (t) => {
  const { names, asked, told } = await watched(t);
  names.use(new Set(["silent", "app"]));
  assert.deepEqual(
    asked.map(({ name }) => name),
    ["silent", "app"],
  );
  await asked[1]?.answer(addresses("10.0.0.1"));
  assert.deepEqual(told, [{ name: "app", result: only("10.0.0.1") }]);
  assert.deepEqual(names.current(), told);
  assert.ok(names.table.isPending("silent"));
});

test("a name is looked up again after its time; workers are told only changed addresses, not another order", async (t) => {
  const { names, asked, told, tick } = await watched(t);
  names.use(new Set(["app"]));
  await asked[0]?.answer(addresses("10.0.0.1", "10.0.0.2"));
  tick(4999);
  assert.equal(asked.length, 1);
  tick(1);
  await asked[1]?.answer(addresses("10.0.0.2", "10.0.0.1"));
  assert.equal(told.length, 1);
  tick(5000);
  await asked[2]?.answer(addresses("10.0.0.3"));
  assert.deepEqual(told.at(-1), { name: "app", result: only("10.0.0.3") });
});

test("while a name cannot be resolved its last addresses stay in use, whatever the reason; beginning and end are logged once", async (t) => {
  const { names, asked, told, lines, tick } = await watched(t);
  names.use(new Set(["app"]));
  await asked[0]?.answer(addresses("10.0.0.1"));
  tick(5000);
  await asked[1]?.answer({ failure: "timeout" });
  tick(250);
  await asked[2]?.answer({ failure: "not_found" });
  tick(499);
  assert.equal(asked.length, 3, "it waits longer each time");
  tick(1);
  await asked[3]?.answer({ failure: "unavailable" });
  assert.deepEqual(names.current(), [{ name: "app", result: only("10.0.0.1") }]);
  assert.equal(told.length, 1);
  tick(1000);
  await asked[4]?.answer(addresses("10.0.0.1"));
  assert.deepEqual(lines, [
    "WARN  endpoint_name_failed app cannot be resolved: no name server answered in time; its last addresses stay in use name=app reason=timeout",
    "INFO  endpoint_name_resolved app can be resolved again name=app",
  ]);
});

test("a name that was never resolved fails with the reason of the last look-up", async (t) => {
  const { names, asked, told, tick } = await watched(t);
  names.use(new Set(["app"]));
  await asked[0]?.answer({ failure: "timeout" });
  tick(250);
  await asked[1]?.answer({ failure: "not_found" });
  tick(500);
  await asked[2]?.answer({ failure: "not_found" });
  assert.deepEqual(told, [
    { name: "app", result: "ETIMEOUT" },
    { name: "app", result: "ENOTFOUND" },
  ]);
});

test("a removed name is forgotten, its look-up is cancelled, and the result is ignored", async (t) => {
  const { names, asked, told, tick } = await watched(t);
  names.use(new Set(["app", "kept"]));
  names.use(new Set(["kept"]));
  assert.ok(asked[0]?.signal.aborted);
  assert.ok(!asked[1]?.signal.aborted);
  await asked[0]?.answer(addresses("10.0.0.1"));
  tick(60_000);
  assert.deepEqual([told, asked.length], [[], 2]);
});

test("the number of simultaneous look-ups is limited; names that failed before wait for those that did not", async (t) => {
  const { names, asked, tick } = await watched(t);
  const many = Array.from({ length: 256 }, (_, index) => `silent-${index}`);
  names.use(new Set(many));
  for (const each of asked) await each.answer({ failure: "timeout" });
  tick(250);
  assert.equal(asked.length, 512, "all run again");
  names.use(new Set([...many, "a", "b"]));
  assert.equal(asked.length, 512, "no place");
  await asked[256]?.answer({ failure: "timeout" });
  assert.equal(asked[512]?.name, "a");
  tick(500);
  await asked[257]?.answer({ failure: "timeout" });
  assert.equal(asked[513]?.name, "b", "before the one that failed and is due");
  await asked[512]?.answer(addresses("10.0.0.1"));
  assert.equal(asked[514]?.name, "silent-0");
});

test("a name that is removed while it waits takes no place", async (t) => {
  const { names, asked, told } = await watched(t);
  const many = Array.from({ length: 256 }, (_, index) => `silent-${index}`);
  names.use(new Set([...many, "gone", "gone-too", "waits"]));
  names.use(new Set([...many, "waits"]));
  await asked[0]?.answer({ failure: "timeout" });
  assert.deepEqual(
    asked.slice(256).map(({ name }) => name),
    ["waits"],
  );
  await asked[256]?.answer(addresses("10.0.0.1"));
  assert.deepEqual(told.at(-1)?.name, "waits");
  assert.equal(asked.length, 257);
});

test("a server that answered when the first did not is asked first for a while", async (t) => {
  const { names, asked, tick } = await watched(t);
  names.use(new Set(["app"]));
  assert.equal(asked[0]?.settings.firstServer, 0);
  asked[0]?.settings.onServer(1);
  await asked[0]?.answer(addresses("10.0.0.1"));
  tick(5000);
  assert.equal(asked[1]?.settings.firstServer, 1);
  for (let turn = 1; turn < 6; turn++) {
    await asked[turn]?.answer(addresses("10.0.0.1"));
    tick(5000);
  }
  assert.equal(asked.at(-1)?.settings.firstServer, 0, "the first server is tried again");
});

test("names that are removed while they wait do not delay later ones", async (t) => {
  const { names, asked } = await watched(t);
  const many = (prefix: string, count: number): string[] => Array.from({ length: count }, (_, index) => `${prefix}${index}`);
  names.use(new Set(many("old", 600)));
  names.use(new Set([...many("old", 600), ...many("new", 300)]));
  names.use(new Set(many("new", 300)));
  const before = asked.length;
  // The look-ups of removed names were cancelled, so they end at once.
  for (const each of asked.slice(0, before)) await each.answer({ failure: "timeout" });
  assert.ok(asked.length > before, "the new names are looked up");
  for (let at = before; at < asked.length; at++) await asked[at]?.answer(addresses("10.0.0.1"));
  assert.equal(names.current().length, 300);
});
