/** What a snapshot takes over from the snapshot before. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { plainConfig } from "../config/plain.ts";
import type { Config } from "../config/schema/schema.ts";
import { rateLimitSchema } from "../features/rate-limit/schema.ts";
import { FEATURES } from "../features/features.ts";
import { NO_FINE_CLOCK } from "./feature/fine-clock.ts";
import { NO_FILES } from "./feature/file-store.ts";
import { onceEach } from "./feature/once.ts";
import { NO_RESPONSE_STORES } from "./feature/response-store.ts";
import { RequestHead } from "../http/request-head.ts";
import { noRegex } from "../policy/route/path-regex.ts";
import { CredentialFiles } from "../shared/credential-files.ts";
import { noLogins } from "./feature/login-ports.ts";
import { NO_STORES } from "./feature/shared-store.ts";
import { NO_PASSWORDS } from "./feature/password-checks.ts";
import { NO_MEMORY } from "./feature/memory.ts";
import { ApiDescriptions } from "../shared/api-descriptions.ts";
import { AddressLists } from "../shared/address-lists.ts";
import { BucketTable } from "../shared/bucket-table.ts";
import { InFlightTable } from "../shared/in-flight-table.ts";
import { MetricTable, metricLayout } from "../shared/metric-table.ts";
import type { ConfigureMessage } from "../shared/protocol.ts";
import { Snapshot } from "./snapshot.ts";
import type { Route } from "./snapshot.ts";
import { Upstreams } from "./upstream/upstreams.ts";

const PLAIN = plainConfig("127.0.0.1:0", "http://a.test");
const ROUTES: Config["routes"] = ["/a/*", "/b/*"].map((path) => ({
  ...(PLAIN.routes[0] ?? assert.fail()),
  match: { path: [path] },
  rate_limit: rateLimitSchema.parse({ requests_per_minute: 60, burst: 1 }),
}));

/** Snapshots of one thread, each after the one before. */
function thread(): (
  hosts: readonly string[],
  routes: Config["routes"] | null,
  renewed?: ConfigureMessage["renewed"],
) => { readonly snapshot: Snapshot; readonly table: MetricTable } {
  const upstreams = new Upstreams(0, () => "");
  const buckets = new BucketTable(BucketTable.create(0, 0, 8));
  let before: Snapshot | null = null;
  let generation = 0;
  let slot = 0;
  return (hosts, routes, renewed) => {
    const { app = assert.fail() } = PLAIN.upstreams;
    const config = { ...PLAIN, upstreams: { app: { ...app, endpoints: hosts.map((host) => ({ url: `http://${host}`, weight: 1 })) } } };
    const layout = metricLayout({ ...config, routes: ROUTES });
    const metricTable = new SharedArrayBuffer(MetricTable.bytes(layout, 1));
    const endpointSlots = { app: hosts.map(() => slot++) };
    const message: ConfigureMessage = {
      type: "configure",
      generation: ++generation,
      config,
      routes,
      ...(renewed !== undefined && { renewed }),
      endpointSlots,
      listenerSlots: [0],
      metricTable,
    };
    const plan = upstreams.plan(config.upstreams, endpointSlots);
    const context = {
      workerIndex: 0,
      buckets,
      inFlight: new InFlightTable(InFlightTable.create(1, 0, 0, 8)),
      after: () => () => {},
      responses: NO_RESPONSE_STORES,
      fine: NO_FINE_CLOCK,
      now: () => 0,
      status: () => "",
      features: FEATURES,
      report: () => {},
      ownMiddleware: () => [],
      compileRegex: noRegex,
      environment: {},
      readFile: () => "",
      lists: new AddressLists(),
      descriptions: new ApiDescriptions(),
      count: () => {},
      memory: NO_MEMORY,
      credentials: new CredentialFiles(),
      passwords: NO_PASSWORDS,
      logins: noLogins("nobody can be asked from here"),
      stores: NO_STORES,
      files: NO_FILES,
      once: onceEach(),
    };
    const snapshot: Snapshot = new Snapshot(message, plan.groups, context, before);
    plan.apply();
    before = snapshot;
    return { snapshot, table: new MetricTable(layout, metricTable, 1) };
  };
}

function routeOf(snapshot: Snapshot, path: string): Route {
  return snapshot.findRoute(Object.assign(new RequestHead(), { method: "GET", path, host: "x.test" }), "192.0.2.1");
}

test("routes that did not change stay the same objects, with their middleware, and lead to the current endpoints", () => {
  const next = thread();
  const first = next(["a", "b"], ROUTES).snapshot;
  const route = routeOf(first, "/b/1");
  const [limiter] = route.hooks.onRequest;
  const second = next(["c"], null).snapshot;
  assert.equal(routeOf(second, "/b/1"), route);
  assert.equal(route.hooks.onRequest[0], limiter);
  assert.ok(limiter !== undefined);
  assert.deepEqual(
    route.upstream?.set.endpoints.map(({ host }) => host),
    ["c"],
  );
  const third = next(["c"], ROUTES).snapshot;
  assert.notEqual(routeOf(third, "/b/1"), route);
  assert.equal(routeOf(third, "/b/1").upstream, route.upstream);
});

test("metrics of routes that were taken over have the layout that the main thread has computed", () => {
  const next = thread();
  next(["a"], ROUTES);
  const { snapshot, table } = next(["a", "b", "c"], null);
  snapshot.metrics.exchangeFinished(routeOf(snapshot, "/b/1").index, 2, 503, 1, 0, 0);
  const [, , cells = assert.fail()] = table.layout.routes;
  assert.deepEqual([cells.route, cells.endpoints.at(-1)], ["#2", "http://c"]);
  assert.equal(table.requests(cells, 3, 5), 1);
});

test("the first snapshot cannot be made without routes", () => {
  assert.throws(() => thread()(["a"], null), /without routes/);
});

test("a route in which a secret has changed is compiled anew, in its place, and all others stay the same objects", () => {
  const next = thread();
  const guarded = (token: string): Config["routes"][number] => ({
    ...(ROUTES[1] ?? assert.fail()),
    authentication: { tokens: [token], optional: false },
  });
  const [open = assert.fail()] = ROUTES;
  const first = next(["a"], [open, guarded("one")]).snapshot;
  const [before, other] = [routeOf(first, "/b/1"), routeOf(first, "/a/1")];
  const renewed = [{ position: 1, keys: ["authentication"], route: guarded("two") }];
  const second = next(["a"], null, renewed);
  const after = routeOf(second.snapshot, "/b/1");
  assert.notEqual(after, before);
  assert.deepEqual([after.index, after.name, after.upstream], [before.index, before.name, before.upstream]);
  assert.equal(routeOf(second.snapshot, "/a/1"), other);
  assert.equal(routeOf(first, "/b/1"), before, "exchanges that began before keep what they have");
  assert.notEqual(after.hooks.onRequest.at(-1), before.hooks.onRequest.at(-1));
  const third = next(["a"], null).snapshot;
  assert.equal(routeOf(third, "/b/1"), after, "a reload that changes no route keeps it");
  const fourth = next(["a"], null, [{ ...renewed[0], position: 1, keys: ["authentication"], route: guarded("three") }]).snapshot;
  assert.ok(![before, after].includes(routeOf(fourth, "/b/1")));
  assert.throws(() => next(["a"], null, [{ position: 7, keys: [], route: open }]), /a route that there is not/);
});
