import assert from "node:assert/strict";
import { test } from "node:test";
import { configOf, problemsOf, warningsOf } from "../load.fixture.ts";

const file = (route: string): string =>
  [
    'listeners: [{ address: ":8080" }]',
    'upstreams: { app: { endpoints: ["http://a:1"] }, next: { endpoints: ["http://b:1"], request_headers: { set: { X-Next: "1" } } } }',
    "request_headers: { remove: [X-Top] }",
    `routes: [{ ${route} }]`,
  ].join("\n");
const SPLIT = "split: [{ upstream: app, weight: 9 }, { upstream: next }]";

test("what cannot be meant is refused, and says what would be right", () => {
  for (const [route, message] of [
    ["split: [{ upstream: app }, { upstream: nxt }]", /split\.#2\.upstream: no upstream is named "nxt"; did you mean "next"\?/],
    ["split: [{ upstream: app }, { upstream: app, weight: 2 }, { upstream: next }]", /split\.#2\.upstream: #1 leads there already/],
    ["split: [{ upstream: app, weight: 0 }, { upstream: next, weight: 0 }]", /split: every weight is 0/],
    ["split: []", /split: expected at least one upstream/],
    ["split: [{ upstream: app, weight: -1 }]", /weight: expected a whole number from 0 to 10000/],
    ["split: [{ upstream: app, weight: 0.5 }]", /weight: expected a whole number/],
    ["split: [{ upstream: app, weigth: 5 }, { upstream: next }]", /weigth: unknown key; did you mean "weight"\?/],
    [`${SPLIT}, upstream: app`, /split: the route has upstream already/],
    ["upstream: app, split_by: client_ip", /split_by: the route has no split/],
    [`${SPLIT}, split_by: cookie`, /split_by: expected client_ip, \{ header: NAME \} or \{ cookie: NAME \}/],
    [`${SPLIT}, split_by: {}`, /split_by: .*found neither/],
    [`${SPLIT}, split_by: { set: false }`, /split_by: .*found neither/],
    [`${SPLIT}, split_by: { header: X-A, cookie: a }`, /split_by: .*found both/],
    [`${SPLIT}, split_by: { header: X-A, max_age: 1h }`, /max_age: it is about a cookie/],
    [`${SPLIT}, split_by: { cookie: "a b" }`, /cookie: expected the name of a cookie/],
    [`${SPLIT}, split_by: { cookie: "a\\r\\nX: 1" }`, /cookie: expected the name of a cookie/],
  ] as const) {
    assert.ok(
      problemsOf(file(route)).some((problem) => message.test(problem)),
      `${route}: ${problemsOf(file(route)).join("\n")}`,
    );
  }
});

test("both sides are upstreams that a route leads to", () => {
  assert.deepEqual(warningsOf(file(SPLIT)), []);
  assert.match(warningsOf(file("split: [{ upstream: app }]")).join(), /upstreams\.next: no route leads to this upstream/);
  assert.match(
    warningsOf(file(`${SPLIT}, split_by: { cookie: own, set: false, max_age: 1h }`)).join(),
    /max_age: the cookie is not set by the proxy/,
  );
});

test("each side has the settings of its upstream", () => {
  const [route] = configOf(file(`${SPLIT}, request_headers: { remove: [X-Own] }`)).routes;
  const [app, next] = route?.split ?? [];
  assert.deepEqual([app?.weight, next?.weight], [9, 1]);
  const removed = (side: object | undefined): unknown =>
    (Reflect.get(side ?? {}, "request_headers") as { remove: string[]; set: object }[]).map(({ remove, set }) => [
      ...remove,
      ...Object.keys(set),
    ]);
  assert.deepEqual(removed(app), [["X-Top"], ["X-Own"]]);
  assert.deepEqual(removed(next), [["X-Top"], ["X-Next"], ["X-Own"]]);
});
