import assert from "node:assert/strict";
import { test } from "node:test";
import type { Config } from "../../config/schema/schema.ts";
import { MetricTotals } from "../../observe/metric-totals.ts";
import { EndpointTable } from "../../shared/endpoint-table.ts";
import { WorkerTable } from "../../shared/worker-table.ts";
import { testConfig, testUpstream } from "../config.fixture.ts";
import { Generations } from "./generations.ts";
import type { PreparedConfiguration } from "./generations.ts";
import { messageFor } from "./worker-configuration.ts";

function setting(): Generations {
  const endpoints = new EndpointTable(new SharedArrayBuffer(EndpointTable.bytes(8)));
  return new Generations(endpoints, new MetricTotals(1), new WorkerTable(WorkerTable.create(1, 8, 0, 0)));
}

const route = (name: string): Config["routes"][number] => ({ ...(testConfig().routes[0] ?? assert.fail()), name });
/** A configuration with routes of these names and one endpoint. */
const config = (names: readonly string[], endpoint: string = "http://a.test"): Config =>
  testConfig({ routes: names.map(route), upstreams: { app: testUpstream([endpoint]) } });

function prepared(generations: Generations, changed: Config): PreparedConfiguration {
  const result = generations.prepare(changed);
  assert.ok(!("problem" in result));
  return result;
}

function committed(generations: Generations, changed: Config): PreparedConfiguration["configuration"] {
  const { configuration, commit } = prepared(generations, changed);
  commit();
  return configuration;
}

/** Whether the message to a worker that uses that generation contains the routes. */
const tellsRoutes = (configuration: PreparedConfiguration["configuration"], inUse: number): boolean =>
  messageFor(configuration, inUse).routes !== null;

test("a worker is sent the routes only if it has different ones", () => {
  const generations = setting();
  const first = committed(generations, config(["one"]));
  const second = committed(generations, config(["one"], "http://b.test"));
  const third = committed(generations, config(["two"], "http://b.test"));
  const fourth = committed(generations, config(["two"]));
  assert.ok(tellsRoutes(first, 0));
  assert.deepEqual([tellsRoutes(second, 0), tellsRoutes(second, 1)], [true, false]);
  assert.deepEqual([tellsRoutes(third, 1), tellsRoutes(third, 2)], [true, true]);
  assert.deepEqual([tellsRoutes(fourth, 0), tellsRoutes(fourth, 2), tellsRoutes(fourth, 3)], [true, true, false]);
  assert.ok(!("routes" in fourth.config));
  assert.deepEqual(messageFor(fourth, 0).routes, config(["two"]).routes);
  assert.ok(!("routesSince" in messageFor(fourth, 0)));
});

test("routes of a configuration that did not come into use are not taken for the workers' routes", () => {
  const generations = setting();
  committed(generations, config(["one"]));
  const refused = prepared(generations, config(["two"])).configuration;
  const third = committed(generations, config(["one"]));
  assert.ok(tellsRoutes(refused, 1));
  assert.deepEqual([third.generation, third.routesSince], [3, 1]);
  const again = committed(generations, config(["two"]));
  assert.ok(tellsRoutes(again, 3), "no worker has them");
});

test("where only secrets differ, a worker that has the rest is sent the routes in which they stand, and middleware does not begin anew", () => {
  const generations = setting();
  const middleware = [{ use: "./a.ts", options: {} }];
  const first = committed(generations, { ...config(["one", "two"]), middleware });
  const second = config(["one", "other"]);
  const result = generations.prepare({ ...second, middleware }, [{ position: 1, keys: ["name"] }]);
  assert.ok(!("problem" in result));
  result.commit();
  const { configuration } = result;
  const message = messageFor(configuration, first.generation);
  assert.deepEqual([message.routes, message.renewed], [null, [{ position: 1, keys: ["name"], route: second.routes[1] }]]);
  assert.ok(!("renewal" in message));
  const whole = messageFor(configuration, 0);
  assert.deepEqual([whole.routes, whole.renewed], [second.routes, undefined], "a worker that starts gets all");
  const next = generations.prepare({ ...second, middleware }, []);
  assert.ok(!("problem" in next));
  assert.deepEqual(messageFor(next.configuration, configuration.generation).renewed, []);
  assert.deepEqual(messageFor(next.configuration, first.generation).routes, second.routes, "so does one that has refused the one before");
});

test("an endpoint that a reload keeps also keeps its slot and its health; a new endpoint starts with unknown health", () => {
  const endpoints = new EndpointTable(new SharedArrayBuffer(EndpointTable.bytes(8)));
  const generations = new Generations(endpoints, new MetricTotals(1), new WorkerTable(WorkerTable.create(1, 8, 0, 0)));
  const of = (...urls: string[]): Config => testConfig({ upstreams: { app: testUpstream(urls) } });
  assert.deepEqual(committed(generations, of("http://a.test", "http://b.test")).endpointSlots, { app: [0, 1] });
  endpoints.setHealth(1, 1);
  endpoints.setRefusing(1, true);
  endpoints.inFlightAdd(0, 1, 1);
  assert.deepEqual(committed(generations, of("http://c.test", "http://b.test")).endpointSlots, { app: [2, 1] });
  assert.deepEqual([endpoints.health(1), endpoints.refusing(1), endpoints.inFlight(1)], [1, true, 1]);
  assert.deepEqual([endpoints.health(2), endpoints.refusing(2), endpoints.inFlight(2)], [0, false, 0]);
});

test("a reload for which old and new listeners together are too many says so", () => {
  const generations = setting();
  const [listener = assert.fail()] = testConfig().listeners;
  const at = (...ports: readonly number[]): Config =>
    testConfig({ listeners: ports.map((port) => ({ ...listener, address: `:${port}` })) });
  const problem = (changed: Config): string => {
    const result = generations.prepare(changed);
    return "problem" in result ? result.problem : assert.fail("it was accepted");
  };
  committed(generations, at(1, 2, 3, 4, 5));
  const why = "there would be 9, those that it removes included: remove them with one reload and add the new ones with the next";
  assert.equal(problem(at(1, 6, 7, 8, 9)), `listeners: too many: there may be 8, and during this reload ${why}`);
  assert.equal(problem(at(1, 2, 3, 4, 5, 6, 7, 8, 9)), "listeners: too many: there may be 8");
  // As that message says: first without those that go, then with those that come.
  committed(generations, at(1));
  committed(generations, at(1, 6, 7, 8, 9));
});

test("a reload that fits but for connections of removed listeners says that they are still ending", () => {
  const table = new WorkerTable(WorkerTable.create(1, 2, 0, 0));
  const endpoints = new EndpointTable(new SharedArrayBuffer(EndpointTable.bytes(8)));
  const generations = new Generations(endpoints, new MetricTotals(1), table);
  const [listener = assert.fail()] = testConfig().listeners;
  const at = (...ports: readonly number[]): Config =>
    testConfig({ listeners: ports.map((port) => ({ ...listener, address: `:${port}` })) });
  committed(generations, at(1, 2));
  table.addConnection(0, 1, "192.0.2.1", 1);
  committed(generations, at(1));
  const result = generations.prepare(at(1, 3));
  assert.match(
    "problem" in result ? result.problem : "",
    /there may be 2, with those that were removed and whose connections are still ending$/,
  );
});
