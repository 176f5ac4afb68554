import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { parseConfig } from "../config/load.ts";
import { EndpointTable } from "../shared/endpoint-table.ts";
import type { ProbeResult } from "./probe-answer.ts";
import { Refusals } from "./refusals.ts";

const CONFIG = `
listeners: [{ address: ":80" }]
upstreams:
  app: { endpoints: ["http://a.test", "http://b.test"] }
  probed: { endpoints: ["http://c.test"], health_check: {} }
routes: [{ upstream: app }, { match: { host: x.test }, upstream: probed }]
`;

interface Setting {
  readonly table: EndpointTable;
  readonly refusals: Refusals;
  /** URLs that were connected to. */
  readonly asked: string[];
  readonly state: { allDown: boolean; result: ProbeResult };
  /** The next look has taken place. */
  look(): Promise<void>;
}

/** All three endpoints refuse. */
function setting(t: TestContext): Setting {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const table = new EndpointTable(new SharedArrayBuffer(EndpointTable.bytes(3)));
  for (const slot of [0, 1, 2]) table.setRefusing(slot, true);
  const asked: string[] = [];
  const state: Setting["state"] = { allDown: false, result: "connection refused" };
  const refusals = new Refusals({
    table,
    probe: ({ url }) => {
      asked.push(url);
      return Promise.resolve(state.result);
    },
    readFile: () => "",
    allDown: () => state.allDown,
  });
  t.after(() => refusals.stop());
  const parsed = parseConfig(CONFIG, "x.yaml", {}, () => "");
  assert.ok("config" in parsed);
  refusals.apply(parsed.config, { app: [0, 1], probed: [2] });
  const look = async (): Promise<void> => {
    t.mock.timers.tick(500);
    await new Promise(setImmediate);
  };
  return { table, refusals, asked, state, look };
}

test("while any endpoint is of use nothing is connected to", async (t) => {
  const { asked, look } = setting(t);
  await look();
  await look();
  assert.deepEqual(asked, []);
});

test("when none is, those that refuse and have no health check are, until they take a connection", async (t) => {
  const { asked, look, state, table } = setting(t);
  state.allDown = true;
  table.setRefusing(1, false);
  await look();
  await look();
  assert.deepEqual(asked, ["http://a.test", "http://a.test"]);
  assert.equal(table.refusing(0), true);
  state.result = null;
  await look();
  assert.deepEqual([table.refusing(0), table.refusing(2)], [false, true]);
  await look();
  assert.equal(asked.length, 3);
});

test("after a stop nothing is connected to", async (t) => {
  const { asked, look, refusals, state } = setting(t);
  state.allDown = true;
  refusals.stop();
  await look();
  assert.deepEqual(asked, []);
});
