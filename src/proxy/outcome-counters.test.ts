import assert from "node:assert/strict";
import { test } from "node:test";
import { CounterId, featureCounterIds } from "../shared/metric-table.ts";
import { outcomeCounters } from "./outcome-counters.ts";

test("an outcome has the counter of the feature that names it, and clients that leave have a counter", () => {
  const facts = {
    guard: true,
    outcomes: { turned_away: "403: not today.", let_in: "200: welcome." },
    counters: { turned_away: { metric: "millrace_turned_away_total", help: "Turned away.", outcomes: ["turned_away"] } },
    events: {},
  };
  const counters = outcomeCounters([{ facts }]);
  assert.equal(counters.get("turned_away"), featureCounterIds([facts]).get("turned_away"));
  assert.equal(counters.get("let_in"), undefined);
  assert.equal(counters.get("completed"), undefined);
  for (const outcome of ["client_gone", "client_reset", "client_stalled"]) assert.equal(counters.get(outcome), CounterId.client_aborts);
});
