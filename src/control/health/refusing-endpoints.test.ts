import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { parseConfig } from "../../config/load.ts";
import { EndpointTable } from "../../shared/endpoint-table.ts";
import type { SlotsByUpstream } from "../workers/endpoint-slots.ts";
import type { ProbeResult } from "./probe-answer.ts";
import { upstreamTls } from "../../shared/upstream-tls.ts";
import { RefusingEndpoints } from "./refusing-endpoints.ts";

const CONFIG = `
listeners: [{ address: ":80" }]
upstreams:
  app: { endpoints: ["http://a.test", "http://b.test"] }
  probed: { endpoints: ["http://c.test"], health_check: {} }
routes: [{ upstream: app }, { match: { host: x.test }, upstream: probed }]
`;

interface Setting {
  readonly table: EndpointTable;
  readonly refusing: RefusingEndpoints;
  /** Reloads. By default the configuration and the slots are those of the start. */
  apply(changed?: string, slots?: SlotsByUpstream): void;
  readonly signals: AbortSignal[];
  /** URLs of the attempts to connect. */
  readonly asked: string[];
  readonly state: { allDown: boolean; result: ProbeResult | Promise<ProbeResult>; silent: string };
  /** Lets the next check take place. */
  nextCheck(): Promise<void>;
}

/** Three endpoints, all refusing; the third has a health check. */
function setting(t: TestContext): Setting {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const table = new EndpointTable(new SharedArrayBuffer(EndpointTable.bytes(3)));
  for (const slot of [0, 1, 2]) table.setRefusing(slot, true);
  const asked: string[] = [];
  const signals: AbortSignal[] = [];
  const state: Setting["state"] = { allDown: false, result: "connection refused", silent: "" };
  const refusing = new RefusingEndpoints({
    table,
    probe: ({ url }, signal) => {
      asked.push(url);
      signals.push(signal);
      return url === state.silent ? new Promise(() => {}) : Promise.resolve(state.result);
    },
    tls: (config) => upstreamTls(config, new Map()),
    allDown: () => state.allDown,
  });
  t.after(() => refusing.stop());
  const apply: Setting["apply"] = (changed = CONFIG, slots = { app: [0, 1], probed: [2] }) => {
    const parsed = parseConfig(changed, "x.yaml", {}, () => "");
    assert.ok("config" in parsed);
    refusing.apply(parsed.config, slots);
  };
  apply();
  const nextCheck = async (): Promise<void> => {
    t.mock.timers.tick(500);
    await new Promise(setImmediate);
  };
  return { table, refusing, apply, signals, asked, state, nextCheck };
}

test("while any endpoint is usable, no endpoint is connected to", async (t) => {
  const { asked, nextCheck } = setting(t);
  await nextCheck();
  await nextCheck();
  assert.deepEqual(asked, []);
});

test("when no endpoint is usable, the refusing ones without health check are connected to until they accept", async (t) => {
  const { asked, nextCheck, state, table } = setting(t);
  state.allDown = true;
  table.setRefusing(1, false);
  await nextCheck();
  await nextCheck();
  assert.deepEqual(asked, ["http://a.test", "http://a.test"]);
  assert.equal(table.refusing(0), true);
  state.result = null;
  await nextCheck();
  assert.deepEqual([table.refusing(0), table.refusing(2)], [false, true]);
  await nextCheck();
  assert.equal(asked.length, 3);
});

test("after a stop nothing is connected to", async (t) => {
  const { asked, nextCheck, refusing, state } = setting(t);
  state.allDown = true;
  refusing.stop();
  await nextCheck();
  assert.deepEqual(asked, []);
});

test("frequent reloads do not postpone the next check", async (t) => {
  const { apply, asked, state } = setting(t);
  state.allDown = true;
  for (let reloads = 0; reloads < 20; reloads++) {
    t.mock.timers.tick(100);
    await new Promise(setImmediate);
    apply();
  }
  assert.equal(asked.filter((url) => url === "http://a.test").length, 4);
});

/** Reloads, and whether they abort the attempts to connect to a and to b. */
const RELOADS = {
  "another endpoint in place of b": {
    changed: CONFIG.replace("http://b.test", "http://c.test"),
    slots: { app: [0, 3], probed: [2] },
    over: [false, true],
  },
  "another order, other retries": {
    changed: CONFIG.replace(`["http://a.test", "http://b.test"]`, `["http://b.test", "http://a.test"], retries: 1`),
    slots: { app: [1, 0], probed: [2] },
    over: [false, false],
  },
  "another time limit": { changed: CONFIG.replace("app: {", "app: { timeouts: { connect: 1s },"), over: [true, true] },
  "a health check": { changed: CONFIG.replace("app: {", "app: { health_check: {},"), over: [true, true] },
  "another endpoint in the slot of a": { changed: CONFIG.replace("http://a.test", "http://c.test"), over: [true, false] },
};

for (const [name, { changed, over, ...rest }] of Object.entries(RELOADS)) {
  test(`a reload aborts an attempt only if it changes its endpoint: ${name}`, async (t) => {
    const { apply, signals, nextCheck, state, table } = setting(t);
    state.allDown = true;
    let answer: (result: ProbeResult) => void = () => {};
    state.result = new Promise((resolve) => (answer = resolve));
    await nextCheck();
    apply(changed, "slots" in rest ? rest.slots : undefined);
    assert.deepEqual(
      signals.map(({ aborted }) => aborted),
      over,
    );
    answer(null);
    await new Promise(setImmediate);
    assert.deepEqual([table.refusing(0), table.refusing(1)], over, "a late result counts nowhere");
  });
}

test("an endpoint that never answers does not delay the others", async (t) => {
  const { asked, nextCheck, state } = setting(t);
  state.allDown = true;
  state.silent = "http://a.test";
  for (let looks = 0; looks < 3; looks++) await nextCheck();
  assert.deepEqual(asked, ["http://a.test", "http://b.test", "http://b.test", "http://b.test"]);
});
