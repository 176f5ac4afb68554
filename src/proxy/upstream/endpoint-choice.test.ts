import assert from "node:assert/strict";
import { test } from "node:test";
import { plainConfig } from "../../config/plain.ts";
import { ENDPOINT_HEALTH, EndpointTable } from "../../shared/endpoint-table.ts";
import { EndpointChoice } from "./endpoint-choice.ts";
import type { EndpointSet } from "./endpoint-set.ts";
import { Upstreams } from "./upstreams.ts";

const CLIENT = "192.0.2.1";

function setting(probed: boolean = false): { readonly table: EndpointTable; readonly set: EndpointSet; readonly choice: EndpointChoice } {
  const { app = assert.fail() } = plainConfig("127.0.0.1:0", "http://unused.test").upstreams;
  const endpoints = ["a", "b", "c"].map((host) => ({ url: `http://${host}`, weight: 1 }));
  const plan = new Upstreams(0, () => "").plan({ app: { ...app, endpoints } }, { app: [7, 5, 6] });
  const { set } = plan.groups.get("app") ?? assert.fail();
  const table = new EndpointTable(new SharedArrayBuffer(EndpointTable.bytes(8)));
  return { table, set: { ...set, probed }, choice: new EndpointChoice(table, () => 0.25) };
}

test("the choice is one of the endpoints that have not been tried", () => {
  const { set, choice } = setting();
  const [a, b, c] = set.endpoints;
  assert.ok(a !== undefined && b !== undefined && c !== undefined);
  assert.equal(choice.among(set, [a], CLIENT).next(), b);
  assert.equal(choice.among(set, [a, b], CLIENT).next(), c);
  assert.ok(choice.isPossible);
  assert.equal(choice.among(set, [a, b, c], CLIENT).next(), null);
  assert.ok(!choice.isPossible);
  assert.equal(choice.among(set, null, CLIENT).next(), a);
});

test("in an upstream with a health check, an endpoint of unknown health is chosen only if none is healthy", () => {
  const { table, set, choice } = setting(true);
  table.setHealth(7, ENDPOINT_HEALTH.unhealthy);
  table.setHealth(6, ENDPOINT_HEALTH.healthy);
  const [, b, c] = set.endpoints;
  assert.ok(b !== undefined && c !== undefined);
  for (let count = 0; count < 3; count++) assert.equal(choice.among(set, null, CLIENT).next(), c);
  assert.equal(choice.among(set, [c], CLIENT).next(), b);
  assert.deepEqual([choice.usable(0), choice.usable(1), choice.usable(2), choice.usable(3)], [false, true, false, false]);
});

test("a balancer sees how many endpoints there are, and how many exchanges each has in flight in all threads", () => {
  const { table, set, choice } = setting();
  table.inFlightAdd(0, 5, 2);
  table.inFlightAdd(3, 5, 1);
  choice.among(set, null, CLIENT);
  assert.equal(choice.count, 3);
  assert.deepEqual([choice.inFlight(0), choice.inFlight(1), choice.inFlight(2)], [0, 3, 0]);
  assert.equal(choice.random(), 0.25);
});

test("the key is a hash of the client's address: an unsigned number, the same in all threads", () => {
  const { set, choice } = setting();
  const other = setting();
  const key = choice.among(set, null, CLIENT).key();
  assert.equal(other.choice.among(other.set, null, CLIENT).key(), key);
  assert.notEqual(choice.among(set, null, "192.0.2.2").key(), key);
  assert.ok(Number.isInteger(key) && key >= 0 && key < 2 ** 32);
});
