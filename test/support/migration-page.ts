/** Tests of a page of docs/migrating/: every row of its tables is tried in memory, or its value is found in the loaded configuration. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseConfig } from "../../src/config/load.ts";
import { testProxy } from "../../src/testing/test-proxy.ts";
import { configOf, rowsOf } from "./migration-rows.ts";
import type { Row } from "./migration-rows.ts";
import { FILES, compare, origin, tryInMemory } from "./migration-trial.ts";
import type { Trial } from "./migration-trial.ts";
import { problemsOf } from "./page-config.ts";

/** Upstreams of the pages, and their endpoints. */
export const ORIGINS: Readonly<Record<string, string>> = { app: "http://127.0.0.1:60408", next: "http://127.0.0.1:60409" };
/** The address of a client in memory; `CLIENT` stands for it in what an origin should get. */
const CLIENT = "192.0.2.1";

export type Trials = Readonly<Record<string, readonly Trial[]>>;
export type Values = Readonly<Record<string, readonly [path: string, value: unknown]>>;

/** @param values for rows that show in no answer: a place in the loaded configuration, and what is there */
export function testPage(name: string, trials: Trials, values: Values): void {
  const rows = rowsOf(name);

  test(`docs/migrating/${name}.md: every row is accepted and tried, and nothing else is`, async () => {
    assert.ok(rows.length > 10, `${rows.length} rows`);
    const known = [...Object.keys(trials), ...Object.keys(values)];
    const theirs = rows.map((row) => row.theirs);
    assert.deepEqual([theirs.filter((each) => !known.includes(each)), known.filter((each) => !theirs.includes(each))], [[], []]);
    for (const row of rows) {
      const warnings = (await problemsOf(configOf(row, originsOf(row)), placeOf(row))).filter(
        (line) => !/no route leads to|it is off: whoever is on the way/.test(line),
      );
      assert.deepEqual(warnings, [], row.ours);
    }
  });

  for (const row of rows.filter(({ theirs }) => trials[theirs] !== undefined)) {
    test(`${placeOf(row)} ${row.theirs}`, async () => {
      for (const trial of trials[row.theirs] ?? []) {
        using proxy = await testProxy(configOf(row, ORIGINS), { upstreams: { app: origin("app"), next: origin("next") }, files: FILES });
        compare(inMemory(trial), await tryInMemory(proxy, trial, Object.keys(ORIGINS)), `${placeOf(row)}: ${trial.ask}`);
      }
    });
  }

  for (const row of rows.filter(({ theirs }) => values[theirs] !== undefined)) {
    test(`${placeOf(row)} ${row.theirs}`, () => {
      const parsed = parseConfig(configOf(row, originsOf(row)), "row", {}, () => "a secret");
      assert.ok("config" in parsed, JSON.stringify(parsed));
      const [path = "", value] = values[row.theirs] ?? [];
      const found = path
        .split(".")
        .reduce<unknown>((at, key) => (typeof at === "object" && at !== null ? Reflect.get(at, key) : undefined), parsed.config);
      assert.deepEqual(found, value, path);
    });
  }
}

/** Names of a server are verified only where there is TLS. */
function originsOf({ ours }: Row): Readonly<Record<string, string>> {
  return ours.includes("tls:") ? { ...ORIGINS, app: "https://127.0.0.1:60408" } : ORIGINS;
}

function inMemory(trial: Trial): Trial {
  const own = (value: string | RegExp | null): string | RegExp | null =>
    value === "CLIENT" ? CLIENT : value === "app" ? "127.0.0.1:60408" : value;
  return { ...trial, sent: Object.fromEntries(Object.entries(trial.sent ?? {}).map(([name, value]) => [name, own(value)])) };
}

function placeOf({ page, line }: Row): string {
  return `${page}:${line}`;
}
