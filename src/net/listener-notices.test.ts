import { test } from "node:test";
import assert from "node:assert/strict";
import { parseConfig } from "../config/load.ts";
import type { LogFields } from "../shared/protocol.ts";
import { WorkerTable } from "../shared/worker-table.ts";
import type { ListenerConfig } from "./listener-context.ts";
import { ListenerNotices } from "./listener-notices.ts";

interface Said {
  readonly event: string;
  readonly message: string;
  readonly fields: LogFields;
}

/** Notices of the threads of one process, and what they said. */
function threads(count: number): { readonly notices: ListenerNotices[]; readonly said: Said[]; readonly clock: { now: number } } {
  const said: Said[] = [];
  const clock = { now: 1_000_000 };
  const table = WorkerTable.create(count, 1, 1, 2);
  const notices = Array.from({ length: count }, () => {
    const plane = {
      workers: new WorkerTable(table),
      get now() {
        return clock.now;
      },
      report: (_level: string, event: string, message: string, fields: LogFields = {}) => void said.push({ event, message, fields }),
    };
    return new ListenerNotices(plane, 0);
  });
  return { notices, said, clock };
}

function listener(): ListenerConfig {
  const text =
    "listeners: [{ address: ':80', limits: { connections: 9, connections_per_client: 3 } }]\nupstreams: { a: { endpoints: ['http://b'] } }\nroutes: [{ upstream: a }]\n";
  const parsed = parseConfig(text, "x.yaml", {}, () => "");
  assert.ok("config" in parsed);
  return parsed.config.listeners[0] ?? assert.fail();
}

const config = listener();

test("refusals are said at once, then once a minute with their number over all threads", () => {
  const { notices, said, clock } = threads(2);
  const [one, other] = notices;
  one?.onRefused("connections_per_client", "192.0.2.1", config);
  const first =
    ":80 turned away 1 connection, the last from 192.0.2.1: it has as many open as one client may (limits.connections_per_client: 3)";
  const fields = { listener: ":80", limit: "connections_per_client", allowed: 3, client: "192.0.2.1", refused: 1 };
  assert.deepEqual(said, [{ event: "connections_refused", message: first, fields }]);
  for (let count = 0; count < 5; count++) {
    one?.onRefused("connections_per_client", "192.0.2.1", config);
    other?.onRefused("connections_per_client", "192.0.2.2", config);
  }
  clock.now += 59_000;
  for (const each of notices) each.tick(config);
  assert.equal(said.length, 1);
  clock.now += 2000;
  for (const each of notices) each.tick(config);
  assert.deepEqual(
    said.slice(1).map((each) => each.fields["refused"]),
    [10],
    "without another refusal, and by one thread only",
  );
  clock.now += 61_000;
  for (const each of notices) each.tick(config);
  assert.equal(said.length, 2);
  // What the other thread remembers of the last minute but one is not said of this one.
  one?.onRefused("connections_per_client", "192.0.2.9", config);
  for (const each of notices) each.tick(config);
  assert.deepEqual(
    said.slice(2).map((each) => [each.fields["client"], each.fields["refused"]]),
    [["192.0.2.9", 1]],
  );
});

test("each limit has a minute of its own", () => {
  const { notices, said } = threads(1);
  notices[0]?.onRefused("connections_per_client", "192.0.2.1", config);
  notices[0]?.onRefused("connections", "192.0.2.1", config);
  assert.equal(
    said[1]?.message,
    ":80 turned away 1 connection, the last from 192.0.2.1: as many are open as the listener may have (limits.connections: 9)",
  );
});

test("a client that forwards for others is told from others, and said once an hour", () => {
  const { notices, said, clock } = threads(2);
  for (let count = 0; count < 3; count++) for (const each of notices) each.onForwarding("10.0.0.1", config);
  notices[0]?.onForwarding("10.0.0.2", config);
  assert.equal(said.length, 1);
  assert.match(said[0]?.message ?? "", /^10\.0\.0\.1 sends X-Forwarded-\* or Forwarded and is not in trusted_proxies/);
  assert.deepEqual(said[0]?.fields, { listener: ":80", client: "10.0.0.1" });
  notices[0]?.onRefused("connections_per_client", "10.0.0.2", config);
  assert.match(
    said[1]?.message ?? "",
    /as one client may, and sends X-Forwarded-\*; if it is a proxy of yours, list it in trusted_proxies \(/,
  );
  clock.now += 61_000;
  notices[0]?.onRefused("connections_per_client", "10.0.0.3", config);
  assert.doesNotMatch(said[2]?.message ?? "", /trusted_proxies/);
  // A reload may have listed it.
  notices[0]?.forget();
  clock.now += 61_000;
  notices[0]?.onRefused("connections_per_client", "10.0.0.2", config);
  assert.doesNotMatch(said[3]?.message ?? "", /trusted_proxies/);
  clock.now += 3_600_000;
  notices[0]?.onForwarding("10.0.0.2", config);
  assert.equal(said.at(-1)?.event, "proxy_not_trusted");
});

test("addresses without end are not remembered without end", () => {
  const { notices, said } = threads(1);
  for (let count = 0; count < 1000; count++) notices[0]?.onForwarding(`10.0.${count >> 8}.${count & 255}`, config);
  notices[0]?.onRefused("connections_per_client", "10.0.3.200", config);
  assert.equal(said.length, 2);
  assert.doesNotMatch(said[1]?.message ?? "", /trusted_proxies/);
});
