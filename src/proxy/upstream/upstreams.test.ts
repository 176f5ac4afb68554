import assert from "node:assert/strict";
import { test } from "node:test";
import { plainConfig } from "../../config/plain.ts";
import type { Config } from "../../config/schema/schema.ts";
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
  const upstreams = new Upstreams(0, () => "");
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
  const upstreams = new Upstreams(0, () => "");
  const before = use(upstreams, upstream(["a", "b"]), [0, 1]);
  const after = use(upstreams, upstream(["a", "b"], { retries: 7 }), [0, 1]);
  assert.deepEqual([before.retries, after.retries], [2, 7]);
  assert.equal(after.endpoints, before.endpoints);
  assert.equal(after.balancer, before.balancer);
});

test("an endpoint that stays is the same object at another position; an earlier exchange finds it at the old one", () => {
  const upstreams = new Upstreams(0, () => "");
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
  const upstreams = new Upstreams(0, () => "");
  const before = use(upstreams, upstream(["a"]), [0]);
  const a = pooled(before, 0);
  const { key, settings } = a;
  const after = use(upstreams, upstream(["a"], { via: false }), [0]);
  assert.equal(after.endpoints[0], a);
  assert.equal(a.pool, null);
  assert.notEqual(a.key, key);
  assert.deepEqual([settings.via, before.settings.via, after.settings.via, a.settings.via], [true, true, false, false]);
});

test("a certificate file with other contents is a changed setting", () => {
  let text = "old";
  const upstreams = new Upstreams(0, () => text);
  const change = { tls: { verify: true, ca_file: "/ca.pem" } };
  const a = pooled(use(upstreams, upstream(["a"], change), [0]), 0);
  use(upstreams, upstream(["a"], change), [0]);
  assert.equal(a.pool, POOL);
  text = "new";
  use(upstreams, upstream(["a"], change), [0]);
  assert.equal(a.pool, null);
});

test("the same URL twice is two endpoints", () => {
  const upstreams = new Upstreams(0, () => "");
  const { endpoints } = use(upstreams, upstream(["a", "a"]), [0, 1]);
  assert.notEqual(endpoints[0], endpoints[1]);
  assert.deepEqual(use(upstreams, upstream(["a"]), [1]).endpoints, [endpoints[1]]);
});

test("an endpoint that was removed and comes back is a new object, even with the same slot", () => {
  const upstreams = new Upstreams(0, () => "");
  const a = pooled(use(upstreams, upstream(["a", "b"]), [0, 1]), 0);
  use(upstreams, upstream(["b"]), [1]);
  const again = pooled(use(upstreams, upstream(["a", "b"]), [0, 1]), 0);
  assert.notEqual(again, a);
});

test("a slot may be given to another endpoint, of the same upstream or of another one", () => {
  const upstreams = new Upstreams(0, () => "");
  const a = pooled(use(upstreams, upstream(["a"]), [0]), 0);
  const b = use(upstreams, upstream(["b"]), [0]).endpoints[0] ?? assert.fail();
  assert.deepEqual([a.host, b.host, b.pool], ["a", "b", null]);
  const plan = upstreams.plan({ other: upstream(["b"]) }, { other: [0] });
  plan.apply();
  assert.notEqual(plan.groups.get("other")?.set.endpoints[0], b);
});

test("a plan that is not applied, or that fails, changes nothing", () => {
  let fault = false;
  const upstreams = new Upstreams(0, () => (fault ? assert.fail("cannot be read") : ""));
  const change = { tls: { verify: true, ca_file: "/ca.pem" } };
  const before = use(upstreams, upstream(["a", "b"], change), [0, 1]);
  const [a, b] = [pooled(before, 0), pooled(before, 1)];
  upstreams.plan({ app: upstream(["b"], { via: false }) }, { app: [1] });
  fault = true;
  assert.throws(() => upstreams.plan({ app: upstream(["b"], change) }, { app: [1] }), /cannot be read/);
  assert.throws(() => upstreams.plan({ app: upstream(["b"]) }, { app: [] }), /no slot/);
  assert.deepEqual([a.position, b.position, a.pool, b.pool], [0, 1, POOL, POOL]);
  fault = false;
  assert.equal(use(upstreams, upstream(["a", "b"], change), [0, 1]), before);
});
