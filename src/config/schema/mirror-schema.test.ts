import assert from "node:assert/strict";
import { test } from "node:test";
import { configOf, problemsOf, warningsOf } from "../load.fixture.ts";

const file = (route: string): string =>
  [
    'listeners: [{ address: ":8080" }]',
    'upstreams: { app: { endpoints: ["http://a:1"] }, shadow: { endpoints: ["http://b:1"], request_headers: { set: { X-S: "1" } } } }',
    `routes: [{ ${route} }]`,
  ].join("\n");

test("defaults, and the settings of the other upstream", () => {
  const [route] = configOf(file("upstream: app, mirror: { upstream: shadow }, request_headers: { remove: [X-R] }")).routes;
  const { request_headers: levels, ...mirror } = (route?.mirror ?? {}) as { request_headers?: { remove: string[]; set: object }[] };
  assert.deepEqual(mirror, { upstream: "shadow", share: 1, max_body: 1024 * 1024, max_in_flight: 100 });
  assert.deepEqual(
    levels?.map(({ remove, set }) => [...remove, ...Object.keys(set)]),
    [["X-S"], ["X-R"]],
  );
  assert.equal(configOf(file("upstream: app, mirror: { upstream: shadow, share: 0.5% }")).routes[0]?.mirror?.share, 0.005);
});

test("what cannot be meant is refused, what is doubtful is warned of", () => {
  for (const [mirror, message] of [
    ["{ upstream: shadw }", /mirror\.upstream: no upstream is named "shadw"; did you mean "shadow"\?/],
    ["{}", /mirror\.upstream: is missing/],
    ["{ upstream: shadow, share: 10 }", /share: expected a percentage such as 20%/],
    ["{ upstream: shadow, share: 101% }", /share: expected a percentage from 0% to 100%/],
    ["{ upstream: shadow, shares: 10% }", /shares: unknown key; did you mean "share"\?/],
    ["{ upstream: shadow, max_body: 1GiB }", /max_body: expected a size from 0B? to 16MiB/],
    ["shadow", /mirror: expected a mapping/],
  ] as const) {
    assert.match(problemsOf(file(`upstream: app, mirror: ${mirror}`)).join("\n"), message, mirror);
  }
  assert.deepEqual(warningsOf(file("upstream: app, mirror: { upstream: shadow }")), []);
  assert.match(warningsOf(file("upstream: app, mirror: { upstream: app }")).join("\n"), /mirror\.upstream: the route leads there itself/);
  assert.match(
    warningsOf(file("split: [{ upstream: app }, { upstream: shadow }], mirror: { upstream: shadow }")).join("\n"),
    /mirror\.upstream: the route leads there itself/,
  );
  assert.match(
    warningsOf(file("respond: { status: 200 }, mirror: { upstream: shadow }")).join("\n"),
    /mirror: the route answers by itself/,
  );
});
