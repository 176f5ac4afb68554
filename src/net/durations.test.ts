import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import type { Middleware } from "../proxy/feature/middleware.ts";
import { hooksOf } from "../proxy/feature/route-hooks.ts";
import { get, stageOfBoth } from "./stage.fixture.ts";

test("onFinish gets the duration that is logged, also for an answer of the proxy after a long wait without any socket event", async (t) => {
  const { client, thread, records, pass } = stageOfBoth(t);
  const told: number[] = [];
  const waiting = Promise.withResolvers<null>();
  // Time has passed, but no event has read the clock yet.
  const late = (ms: number): void => {
    pass(ms);
    thread.now -= ms;
  };
  const hooks: readonly Middleware[] = [
    { name: "waits", onRequest: ({ request }) => (request.path === "/waits" ? waiting.promise : null) },
    {
      name: "works",
      onRequest: () => {
        late(7);
        return { status: 403, reason: "no", detail: "", fields: [] };
      },
    },
    { name: "told", onFinish: ({ durationMs }) => void told.push(durationMs) },
  ];
  const find = thread.snapshot.findRoute.bind(thread.snapshot);
  thread.snapshot.findRoute = (request, client) => ({ ...find(request, client), hooks: hooksOf(hooks) });
  client.send(get("/"));
  client.send(get("/waits"));
  late(5000);
  waiting.resolve(null);
  await turn();
  assert.equal(records.length, 2);
  assert.deepEqual(
    records.map(({ durationMs }) => durationMs),
    told,
  );
  assert.equal(told[1], 5000);
});
