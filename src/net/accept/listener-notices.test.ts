import { test } from "node:test";
import assert from "node:assert/strict";
import { parseConfig } from "../../config/load.ts";
import type { LogFields } from "../../shared/log-fields.ts";
import { WorkerTable } from "../../shared/worker-table.ts";
import type { ListenerConfig } from "./listener-context.ts";
import { ListenerNotices } from "./listener-notices.ts";

interface Said {
  readonly event: string;
  readonly message: string;
  readonly fields: LogFields;
}

/** The notices of several threads of one process, and the lines that they wrote. */
function threads(count: number): { readonly notices: ListenerNotices[]; readonly said: Said[]; readonly clock: { now: number } } {
  const said: Said[] = [];
  const clock = { now: 1_000_000 };
  const table = WorkerTable.create(count, 1, 1, 2);
  const notices = Array.from({ length: count }, () => {
    const thread = {
      workers: new WorkerTable(table),
      get now() {
        return clock.now;
      },
      report: (_level: string, event: string, message: string, fields: LogFields = {}) => void said.push({ event, message, fields }),
    };
    return new ListenerNotices(thread, 0);
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

/** Lets time pass and calls `tick` in every thread. */
function later(setting: ReturnType<typeof threads>, ms: number): void {
  setting.clock.now += ms;
  for (const each of setting.notices) each.tick(config);
}

test("refusals are said after half a second, then once a minute, with their number over all threads", () => {
  const setting = threads(2);
  const { notices, said } = setting;
  const [one, other] = notices;
  one?.onRefused("connections_per_client", "192.0.2.7");
  one?.onRefused("connections_per_client", "192.0.2.1");
  later(setting, 400);
  assert.equal(said.length, 0);
  later(setting, 100);
  const first =
    ":80 turned away 2 connections, the last from 192.0.2.1: it has as many open as one client may (limits.connections_per_client: 3)";
  const fields = { listener: ":80", limit: "connections_per_client", allowed: 3, client: "192.0.2.1", refused: 2 };
  assert.deepEqual(said, [{ event: "connections_refused", message: first, fields }]);
  for (let count = 0; count < 5; count++) {
    one?.onRefused("connections_per_client", "192.0.2.1");
    other?.onRefused("connections_per_client", "192.0.2.2");
  }
  later(setting, 59_000);
  assert.equal(said.length, 1);
  later(setting, 2000);
  assert.deepEqual(
    said.slice(1).map((each) => each.fields["refused"]),
    [10],
    "without another refusal, and by one thread only",
  );
  later(setting, 61_000);
  assert.equal(said.length, 2);
  // The thread that did not write the line has forgotten the client that it had turned away.
  other?.onRefused("connections_per_client", "192.0.2.9");
  later(setting, 400);
  assert.equal(said.length, 2, "the time of this crowd begins with it");
  later(setting, 100);
  assert.deepEqual(
    said.slice(2).map((each) => [each.fields["client"], each.fields["refused"]]),
    [["192.0.2.9", 1]],
  );
});

test("each limit has a minute of its own", () => {
  const setting = threads(1);
  setting.notices[0]?.onRefused("handshakes", "192.0.2.1");
  setting.notices[0]?.onRefused("handshakes_per_client", "192.0.2.1");
  setting.notices[0]?.onRefused("connections_per_client", "192.0.2.1");
  setting.notices[0]?.onRefused("connections", "192.0.2.1");
  later(setting, 500);
  assert.deepEqual(
    setting.said.map(({ message }) => message),
    [
      ":80 turned away 1 connection, the last from 192.0.2.1: as many are open as the listener may have (limits.connections: 9)",
      ":80 turned away 1 connection, the last from 192.0.2.1: it has as many open as one client may (limits.connections_per_client: 3)",
      ":80 turned away 1 connection, the last from 192.0.2.1: as many TLS handshakes are under way as a thread may have (limits.handshakes: 4096)",
      ":80 turned away 1 connection, the last from 192.0.2.1: it has a quarter of the TLS handshakes under way that a thread may have (limits.handshakes: 4096)",
    ],
  );
});

test("a client that forwards for others is told from others by all threads, and named once an hour", () => {
  const setting = threads(2);
  const { notices, said } = setting;
  for (let count = 0; count < 3; count++) for (const each of notices) each.onForwarding("10.0.0.1", config);
  notices[0]?.onForwarding("10.0.0.2", config);
  assert.equal(said.length, 1);
  assert.match(said[0]?.message ?? "", /^10\.0\.0\.1 sends X-Forwarded-\* or Forwarded and is not in trusted_proxies/);
  assert.deepEqual(said[0]?.fields, { listener: ":80", client: "10.0.0.1" });
  notices[1]?.onRefused("connections_per_client", "10.0.0.2");
  later(setting, 61_000);
  assert.match(
    said[1]?.message ?? "",
    /as one client may, and sends X-Forwarded-\*; if it is a proxy of yours, list it in trusted_proxies \(/,
  );
  notices[1]?.onRefused("connections_per_client", "10.0.0.3");
  later(setting, 61_000);
  assert.doesNotMatch(said[2]?.message ?? "nothing", /trusted_proxies|nothing/);
  later(setting, 3_600_000);
  notices[0]?.onForwarding("10.0.0.1", config);
  assert.equal(said.at(-1)?.event, "proxy_not_trusted");
  assert.equal(said.length, 4);
});

test("refused client certificates are said once a minute, with the last client, the name and the reason", () => {
  const { notices, said, clock } = threads(2);
  const [one, other] = notices;
  const refused = { client: "192.0.2.7", serverName: "a.test", code: "CERT_REVOKED", why: "it is revoked", subject: "CN=bob" };
  one?.onCertificateRefused(refused, config);
  other?.onCertificateRefused({ ...refused, serverName: null }, config);
  clock.now += 61_000;
  other?.onCertificateRefused({ ...refused, serverName: null }, config);
  assert.deepEqual(
    said.map(({ event, message, fields }) => [event, message, fields["subject"]]),
    [
      [
        "client_certificate_refused",
        ":80 refused 1 connection because of the client's certificate, the last from 192.0.2.7 for a.test: it is revoked",
        "CN=bob",
      ],
      [
        "client_certificate_refused",
        ":80 refused 2 connections because of the client's certificate, the last from 192.0.2.7: it is revoked",
        "CN=bob",
      ],
    ],
  );
});
