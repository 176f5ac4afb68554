/** The idle upstream connections that one client connection keeps for itself. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import type { Exchange } from "../../../proxy/exchange/exchange.ts";
import type { OwnedUpstream } from "../../../proxy/ports/upstream-stream.ts";
import type { Endpoint as Target } from "../../../proxy/upstream/endpoint.ts";
import type { EndpointChoice } from "../../../proxy/upstream/endpoint-choice.ts";
import type { EndpointSet } from "../../../proxy/upstream/endpoint-set.ts";
import { OwnedUpstreams } from "./owned-connections.ts";
import { Endpoint, get, stageAlone } from "../../stage.fixture.ts";

/** A fake upstream connection. Never pass it to an assertion: it refers to everything, and printing that on failure takes minutes. */
class Owned extends Endpoint implements OwnedUpstream {
  usable: boolean = true;
  taken: number = 0;
  closed: boolean = false;
  readonly target: Target;
  readonly key: string;
  announced: string = "";
  isAuthenticated: boolean = true;

  constructor(exchange: Exchange, target: Target) {
    super(exchange);
    this.target = target;
    this.key = target.key;
  }

  take(): void {
    this.taken++;
  }

  close(): void {
    this.closed = true;
  }
}

interface Setting {
  readonly owned: OwnedUpstreams;
  readonly set: EndpointSet;
  readonly choice: EndpointChoice;
  readonly exchange: Exchange;
  /** Makes an idle connection to the endpoint at `position` of the set. */
  idle(position: number): Owned;
}

/** A running exchange with an upstream of this many endpoints. */
function setting(t: TestContext, endpoints: number): Setting {
  const {
    client,
    thread,
    endpoints: asked,
  } = stageAlone(t, ({ upstreams }) => {
    const [one = assert.fail()] = Object.values(upstreams);
    one.endpoints = Array.from({ length: endpoints }, (_, index) => ({ url: `http://127.0.0.1:${1000 + index}`, weight: 1 }));
  });
  client.send(get("/"));
  const exchange = asked[0]?.exchange ?? assert.fail("no exchange began");
  const { set } = exchange.route?.upstream ?? assert.fail("no upstream");
  return {
    owned: new OwnedUpstreams(),
    set,
    choice: thread.choice.among(set, null, exchange.client),
    exchange,
    idle: (position) => new Owned(exchange, set.endpoints[position] ?? assert.fail()),
  };
}

test("a connection is given out once, to whoever asks for its endpoint", (t) => {
  const { owned, set, choice, exchange, idle } = setting(t, 3);
  const kept = idle(1);
  owned.keep(kept);
  assert.ok(owned.endpointIn(set, choice, exchange) === kept.target);
  assert.ok(owned.take(idle(2).target, exchange) === null);
  assert.ok(owned.take(kept.target, exchange) === kept);
  assert.equal(kept.taken, 1);
  assert.ok(owned.take(kept.target, exchange) === null);
  assert.ok(owned.endpointIn(set, choice, exchange) === null);
});

test("a connection that its endpoint has closed, or that is too old, is no reason to choose the endpoint, and is not given out", (t) => {
  const { owned, set, choice, exchange, idle } = setting(t, 2);
  const kept = idle(1);
  owned.keep(kept);
  kept.usable = false;
  assert.ok(owned.endpointIn(set, choice, exchange) === null);
  assert.ok(owned.take(kept.target, exchange) === null);
});

test("an endpoint that may not be chosen is not chosen for its connection", (t) => {
  const { owned, set, choice, exchange, idle } = setting(t, 2);
  owned.keep(idle(1));
  t.mock.method(choice, "usable", () => false);
  assert.ok(owned.endpointIn(set, choice, exchange) === null);
});

test("the newest connection to an endpoint is kept; older and unusable ones are closed", (t) => {
  const { owned, idle, exchange } = setting(t, 3);
  const [older, newer, dead] = [idle(1), idle(1), idle(2)];
  owned.keep(older);
  owned.keep(dead);
  dead.usable = false;
  owned.keep(newer);
  assert.deepEqual([older.closed, dead.closed, newer.closed], [true, true, false]);
  assert.ok(owned.take(newer.target, exchange) === newer);
});

test("at most eight are kept: the one that has idled longest is closed", (t) => {
  const { owned, idle } = setting(t, 9);
  const all = Array.from({ length: 9 }, (_, position) => idle(position));
  for (const each of all) owned.keep(each);
  assert.deepEqual(
    all.map(({ closed }) => closed),
    [true, ...Array.from({ length: 8 }, () => false)],
  );
});

test("while sockets are short only one is kept: each client may need another one for an exchange", (t) => {
  const { connection, thread } = stageAlone(t);
  const { idle } = setting(t, 4);
  const all = Array.from({ length: 4 }, (_, position) => idle(position));
  for (const each of all.slice(0, 3)) connection.own(each);
  thread.shortOfSockets = () => true;
  connection.own(all[3] ?? assert.fail());
  assert.deepEqual(
    all.map(({ closed }) => closed),
    [true, true, true, false],
  );
});

test("all are closed with the client connection, and so are those that come back after it", (t) => {
  const { owned, idle } = setting(t, 2);
  const [before, after] = [idle(0), idle(1)];
  owned.keep(before);
  owned.close();
  owned.keep(after);
  assert.deepEqual([before.closed, after.closed], [true, true]);
});
