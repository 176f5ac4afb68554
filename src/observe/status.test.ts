import { test } from "node:test";
import assert from "node:assert/strict";
import { statusDocument } from "./status.ts";
import type { StatusDocument } from "./status.ts";
import { ENDPOINT_HEALTH, EndpointTable } from "../shared/endpoint-table.ts";

const config = {
  upstreams: { app: { endpoints: [{ url: "http://a" }, { url: "http://b" }] }, __proto__x: { endpoints: [{ url: "http://c" }] } },
};
const slots = { app: [0, 1], __proto__x: [2] };
const process = { version: "1.2.3", startedAtMs: 10_000, nowMs: 72_999 };

function document(...health: readonly (keyof typeof ENDPOINT_HEALTH)[]): StatusDocument {
  const table = new EndpointTable(new SharedArrayBuffer(EndpointTable.bytes(4)));
  health.forEach((word, slot) => table.setHealth(slot, ENDPOINT_HEALTH[word]));
  table.inFlightAdd(0, 1, 3);
  return statusDocument(config, slots, table, process);
}

test("the whole document", () => {
  assert.deepEqual(JSON.parse(JSON.stringify(document("healthy", "unhealthy", "unknown"))), {
    status: "degraded",
    version: "1.2.3",
    uptime: 62,
    upstreams: {
      app: {
        endpoints: [
          { url: "http://a", health: "healthy", in_flight: 0 },
          { url: "http://b", health: "unhealthy", in_flight: 3 },
        ],
      },
      __proto__x: { endpoints: [{ url: "http://c", health: "unknown", in_flight: 0 }] },
    },
  });
});

test("a refused connection counts without a health check, and with one until the first probe has passed", () => {
  const table = new EndpointTable(new SharedArrayBuffer(EndpointTable.bytes(4)));
  const checked = { upstreams: { app: config.upstreams.app, checked: { endpoints: [{ url: "http://c" }], health_check: {} } } };
  const now = (): unknown => {
    const { status, upstreams } = statusDocument(checked, { app: [0, 1], checked: [2] }, table, process);
    return [status, ...Object.values(upstreams).flatMap(({ endpoints }) => endpoints.map(({ health }) => health))];
  };
  for (const slot of [0, 1]) table.setRefusing(slot, true);
  assert.deepEqual(now(), ["degraded", "unhealthy", "unhealthy", "unknown"]);
  table.setRefusing(2, true);
  assert.deepEqual(now(), ["down", "unhealthy", "unhealthy", "unknown"]);
  table.setRefusing(0, false);
  table.setHealth(2, ENDPOINT_HEALTH.healthy);
  assert.deepEqual(now(), ["degraded", "unknown", "unhealthy", "healthy"], "a passed probe is worth more than one lost connection");
  table.setRefusing(1, false);
  assert.deepEqual(now(), ["ok", "unknown", "unknown", "healthy"]);
});

test("ok, degraded, down", () => {
  assert.equal(document("healthy", "unknown", "healthy").status, "ok");
  assert.equal(document("unhealthy", "unhealthy", "healthy").status, "degraded");
  assert.equal(document("unhealthy", "unhealthy", "unhealthy").status, "down");
});

test("a clock that was set back gives no negative uptime", () => {
  const table = new EndpointTable(new SharedArrayBuffer(EndpointTable.bytes(4)));
  assert.equal(statusDocument(config, slots, table, { ...process, nowMs: 0 }).uptime, 0);
});

test("endpoints that need not prove who they are", () => {
  const table = new EndpointTable(new SharedArrayBuffer(EndpointTable.bytes(4)));
  const said = (url: string, tls: { verify: boolean; pinned_keys?: string[] }): unknown =>
    statusDocument({ upstreams: { app: { endpoints: [{ url }], tls } } }, {}, table, process).upstreams["app"]?.verify;
  assert.equal(said("https://a", { verify: false }), false);
  assert.equal(said("https://a", { verify: false, pinned_keys: ["sha256/x"] }), undefined);
  assert.equal(said("https://a", { verify: true }), undefined);
  assert.equal(said("http://a", { verify: false }), undefined);
});
