import assert from "node:assert/strict";
import { test } from "node:test";
import { plainConfig } from "../../config/plain.ts";
import type { Config } from "../../config/schema/schema.ts";
import { filesOf } from "../../shared/upstream-tls.ts";
import type { TlsOfUpstreams, TlsSession } from "../../shared/upstream-tls.ts";
import type { EndpointConnections } from "./connector.ts";
import type { Endpoint } from "./endpoint.ts";
import { positionIn } from "./endpoint-set.ts";
import type { EndpointSet } from "./endpoint-set.ts";
import { Upstreams } from "./upstreams.ts";

type UpstreamConfig = Config["upstreams"][string];

const POOL: EndpointConnections = { take: () => null, dial: () => assert.fail("nobody dials here") };

function upstream(hosts: readonly string[], change: Partial<UpstreamConfig> = {}): UpstreamConfig {
  const { app = assert.fail() } = plainConfig("127.0.0.1:0", "http://unused.test").upstreams;
  return { ...app, endpoints: hosts.map((host) => ({ url: `http://${host}`, weight: 1 })), ...change };
}

/** Applies a configuration of one upstream with these slots, and returns its set. */
function use(upstreams: Upstreams, config: UpstreamConfig, slots: readonly number[]): EndpointSet {
  const plan = upstreams.plan({ app: config }, { app: slots });
  plan.apply();
  return plan.groups.get("app")?.set ?? assert.fail();
}

/** The endpoint at that position, with a pool. */
function pooled(set: EndpointSet, position: number): Endpoint {
  const endpoint = set.endpoints[position] ?? assert.fail();
  endpoint.pool ??= POOL;
  return endpoint;
}

test("a reload without changes keeps the upstream, its set, its endpoints and their pools", () => {
  const upstreams = new Upstreams(0);
  const first = upstreams.plan({ app: upstream(["a", "b"]) }, { app: [0, 1] });
  first.apply();
  const group = first.groups.get("app") ?? assert.fail();
  const { set } = group;
  const a = pooled(set, 0);
  const second = upstreams.plan({ app: upstream(["a", "b"]), other: upstream(["c"]) }, { app: [0, 1], other: [2] });
  second.apply();
  assert.equal(second.groups.get("app"), group);
  assert.equal(group.set, set);
  assert.equal(a.pool, POOL);
});

test("retries and a health check come with a new set, in which endpoints and balancer are the same", () => {
  const upstreams = new Upstreams(0);
  const before = use(upstreams, upstream(["a", "b"]), [0, 1]);
  const after = use(upstreams, upstream(["a", "b"], { retries: 7 }), [0, 1]);
  assert.deepEqual([before.retries, after.retries], [2, 7]);
  assert.equal(after.endpoints, before.endpoints);
  assert.equal(after.balancer, before.balancer);
});

test("an endpoint that stays is the same object at another position; an earlier exchange finds it at the old one", () => {
  const upstreams = new Upstreams(0);
  const before = use(upstreams, upstream(["a", "b"]), [0, 1]);
  const [a, b] = [pooled(before, 0), pooled(before, 1)];
  const after = use(upstreams, upstream(["c", "b"]), [2, 1]);
  assert.equal(after.endpoints[1], b);
  assert.equal(b.pool, POOL);
  const moved = use(upstreams, upstream(["b", "c"]), [1, 2]);
  assert.equal(moved.endpoints[0], b);
  assert.deepEqual([positionIn(before, a), positionIn(before, b), positionIn(after, b), positionIn(moved, b)], [0, 1, 1, 0]);
  assert.equal(positionIn(moved, a), -1);
  assert.deepEqual(
    before.endpoints.map(({ host }) => host),
    ["a", "b"],
  );
});

test("changed settings lead to another pool; the earlier set keeps the old settings", () => {
  const upstreams = new Upstreams(0);
  const before = use(upstreams, upstream(["a"]), [0]);
  const a = pooled(before, 0);
  const { key, settings } = a;
  const after = use(upstreams, upstream(["a"], { via: false }), [0]);
  assert.equal(after.endpoints[0], a);
  assert.equal(a.pool, null);
  assert.notEqual(a.key, key);
  assert.deepEqual([settings.via, before.settings.via, after.settings.via, a.settings.via], [true, true, false, false]);
});

/** An upstream that names a file, and what says what is in it. */
const WITH_FILE = { tls: { verify: true, min_version: "1.2", ca_file: "/ca.pem" } } as const;
const holding = (ca: string): TlsOfUpstreams => [[filesOf(WITH_FILE.tls), { id: ca, ca, crl: null, certificate: null }]];

test("a certificate file with other contents is a changed setting, under the same configuration too", () => {
  const upstreams = new Upstreams(0);
  assert.equal(upstreams.useFiles(holding("old")), true);
  const set = use(upstreams, upstream(["a"], WITH_FILE), [0]);
  const a = pooled(set, 0);
  assert.equal(upstreams.useFiles(holding("old")), false);
  use(upstreams, upstream(["a"], WITH_FILE), [0]);
  assert.equal(a.pool, POOL);
  assert.equal(upstreams.useFiles(holding("new")), true);
  const { endpoints, balancer } = use(upstreams, upstream(["a"], WITH_FILE), [0]);
  assert.deepEqual([a.pool, a.settings.tls.ca], [null, "new"]);
  assert.deepEqual([endpoints[0], balancer], [a, set.balancer]);
});

test("a session is kept for the settings under which it was made, and told", () => {
  const told: TlsSession[] = [];
  const upstreams = new Upstreams(0, (_, session) => void told.push(session));
  const a = use(upstreams, upstream(["a"]), [0]).endpoints[0] ?? assert.fail();
  const [before, session] = [a.settings.tls, { data: new Uint8Array(1), usableUntilMs: 9 }];
  a.keepSession(session, before);
  assert.deepEqual([a.session, told], [session, [session]]);
  use(upstreams, upstream(["a"], { retries: 9, via: false }), [0]);
  assert.equal(a.session, session, "it has nothing to do with other settings");
  use(upstreams, upstream(["a"], { tls: { verify: true, min_version: "1.3" } }), [0]);
  assert.equal(a.session, null);
  a.keepSession(session, before);
  assert.deepEqual([a.session, told.length], [null, 1]);
});

test("a session of another thread is taken for the same endpoint under the same settings, unless there is one that is usable", () => {
  const upstreams = new Upstreams(0);
  const a = use(upstreams, upstream(["a"]), [0]).endpoints[0] ?? assert.fail();
  const [session, own] = [9, 20].map((usableUntilMs) => ({ data: new Uint8Array(1), usableUntilMs }));
  assert.ok(session !== undefined && own !== undefined);
  const shared = { slot: 0, url: "http://a", tls: a.settings.tls.id, session };
  for (const wrong of [{ slot: 1 }, { url: "http://b" }, { tls: "other" }])
    assert.equal(upstreams.takeSession({ ...shared, ...wrong }, 0), null);
  assert.equal(a.session, null);
  assert.equal(upstreams.takeSession(shared, 0), a);
  assert.equal(a.session, session);
  a.keepSession(own, a.settings.tls);
  upstreams.takeSession(shared, 0);
  assert.equal(a.session, own);
  upstreams.takeSession(shared, 20);
  assert.equal(a.session, session);
});

test("the same URL twice is two endpoints", () => {
  const upstreams = new Upstreams(0);
  const { endpoints } = use(upstreams, upstream(["a", "a"]), [0, 1]);
  assert.notEqual(endpoints[0], endpoints[1]);
  assert.deepEqual(use(upstreams, upstream(["a"]), [1]).endpoints, [endpoints[1]]);
});

test("an endpoint that was removed and comes back is a new object, even with the same slot", () => {
  const upstreams = new Upstreams(0);
  const a = pooled(use(upstreams, upstream(["a", "b"]), [0, 1]), 0);
  use(upstreams, upstream(["b"]), [1]);
  const again = pooled(use(upstreams, upstream(["a", "b"]), [0, 1]), 0);
  assert.notEqual(again, a);
});

test("a slot may be given to another endpoint, of the same upstream or of another one", () => {
  const upstreams = new Upstreams(0);
  const a = pooled(use(upstreams, upstream(["a"]), [0]), 0);
  const b = use(upstreams, upstream(["b"]), [0]).endpoints[0] ?? assert.fail();
  assert.deepEqual([a.host, b.host, b.pool], ["a", "b", null]);
  const plan = upstreams.plan({ other: upstream(["b"]) }, { other: [0] });
  plan.apply();
  assert.notEqual(plan.groups.get("other")?.set.endpoints[0], b);
});

test("a plan that is not applied, or that fails, changes nothing", () => {
  const upstreams = new Upstreams(0);
  upstreams.useFiles(holding("one"));
  const before = use(upstreams, upstream(["a", "b"], WITH_FILE), [0, 1]);
  const [a, b] = [pooled(before, 0), pooled(before, 1)];
  upstreams.plan({ app: upstream(["b"], { via: false }) }, { app: [1] });
  upstreams.useFiles([]);
  assert.throws(() => upstreams.plan({ app: upstream(["b"], WITH_FILE) }, { app: [1] }), /not read/);
  assert.throws(() => upstreams.plan({ app: upstream(["b"]) }, { app: [] }), /no slot/);
  assert.deepEqual([a.position, b.position, a.pool, b.pool], [0, 1, POOL, POOL]);
  upstreams.useFiles(holding("one"));
  assert.equal(use(upstreams, upstream(["a", "b"], WITH_FILE), [0, 1]), before);
});
