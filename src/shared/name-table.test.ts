import assert from "node:assert/strict";
import { test } from "node:test";
import { NameTable } from "./name-table.ts";

/** What a look-up has called back so far. */
function asked(table: NameTable, name: string, all: boolean = true): unknown[] {
  const calls: unknown[] = [];
  table.lookup(name, { all }, (error, address, family) => calls.push(error?.code ?? (all ? address : [address, family])));
  return calls;
}

const v4 = (address: string): { address: string; family: 4 } => ({ address, family: 4 });
const v6 = (address: string): { address: string; family: 6 } => ({ address, family: 6 });

test("a look-up before the first result waits for it; a later one is answered at once", () => {
  const table = new NameTable();
  table.expect(new Set(["app", "other"]));
  assert.ok(table.isPending("app"));
  const early = asked(table, "app");
  assert.deepEqual(early, []);
  table.take({ name: "app", result: [v4("10.0.0.1")] });
  assert.deepEqual(early, [[v4("10.0.0.1")]]);
  assert.deepEqual(asked(table, "app", false), [["10.0.0.1", 4]]);
  assert.ok(!table.isPending("app"));
  assert.ok(table.isPending("other"), "each for itself");
  table.take({ name: "app", result: [v4("10.0.0.2")] });
  assert.deepEqual(asked(table, "app"), [[v4("10.0.0.2")]]);
});

test("a failure answers the look-ups that wait and those that follow", () => {
  const table = new NameTable();
  table.expect(new Set(["app"]));
  const early = asked(table, "app");
  table.take({ name: "app", result: "ETIMEOUT" });
  assert.deepEqual([early, asked(table, "app")], [["ETIMEOUT"], ["ETIMEOUT"]]);
});

test("a look-up of a name that is not, or no longer, in use fails", () => {
  const table = new NameTable();
  assert.deepEqual(asked(table, "stranger"), ["ENOTFOUND"]);
  assert.ok(!table.isPending("stranger"));
  table.expect(new Set(["app"]));
  const early = asked(table, "app");
  table.expect(new Set(["next"]));
  assert.deepEqual(early, ["ENOTFOUND"]);
  assert.deepEqual(asked(table, "app"), ["ENOTFOUND"]);
});

test("a result that is known before the name is in use stays", () => {
  const table = new NameTable();
  table.take({ name: "app", result: [v4("10.0.0.1")] });
  table.expect(new Set(["app"]));
  assert.deepEqual(asked(table, "app"), [[v4("10.0.0.1")]]);
});

test("IPv6 addresses come first, and the addresses of a family take turns", () => {
  const table = new NameTable();
  table.take({ name: "app", result: [v4("10.0.0.1"), v6("fd00::1"), v4("10.0.0.2"), v4("10.0.0.3")] });
  const orders = [1, 2, 3, 4].map(() =>
    asked(table, "app")
      .flat()
      .flatMap((each) => Object.values(each as object)[0] as string),
  );
  assert.deepEqual(orders, [
    ["fd00::1", "10.0.0.1", "10.0.0.2", "10.0.0.3"],
    ["fd00::1", "10.0.0.2", "10.0.0.3", "10.0.0.1"],
    ["fd00::1", "10.0.0.3", "10.0.0.1", "10.0.0.2"],
    ["fd00::1", "10.0.0.1", "10.0.0.2", "10.0.0.3"],
  ]);
});
