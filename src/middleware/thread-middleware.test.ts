import assert from "node:assert/strict";
import { test } from "node:test";
import type { FromWorker } from "../shared/protocol.ts";
import { WorkerTable } from "../shared/worker-table.ts";
import { configOf, full } from "../config/load.fixture.ts";
import { defineMiddleware } from "./define-middleware.ts";
import type { MiddlewareHooks } from "./define-middleware.ts";
import type { MiddlewareContext } from "./middleware-context.ts";
import { ThreadMiddleware } from "./thread-middleware.ts";

const CONFIG = configOf(full({ rest: "middleware: [{ use: ./a.ts }]" }));

interface Thread {
  readonly thread: ThreadMiddleware;
  readonly sent: FromWorker[];
  readonly workers: WorkerTable;
}

function threadWith(setup: (context: MiddlewareContext) => MiddlewareHooks): Thread {
  const workers = new WorkerTable(WorkerTable.create(2, 1, 0, 0));
  const sent: FromWorker[] = [];
  const middleware = defineMiddleware({ name: "stamp", setup: (_, context) => setup(context) });
  const thread = new ThreadMiddleware({
    workerIndex: 1,
    workers,
    load: async () => Promise.resolve({ middleware, options: undefined }),
    now: () => 7,
    send: (message) => void sent.push(message),
    fetch: async () => Promise.resolve({ head: null, failure: "no_upstream" }),
  });
  return { thread, sent, workers };
}

test("the control plane is told the number of a middleware once, before its code runs", async () => {
  const told: unknown[] = [];
  const { thread, sent, workers } = threadWith(() => {
    told.push(
      sent.map(({ type }) => type),
      workers.middleware(1),
      workers.middleware(0),
    );
    return {};
  });
  await thread.install(1, CONFIG);
  await thread.install(2, CONFIG);
  assert.deepEqual(sent, [{ type: "middleware", id: 1, name: "stamp" }]);
  assert.deepEqual(told.slice(0, 3), [["middleware"], { running: 1, last: 1 }, { running: 0, last: 0 }]);
  assert.deepEqual(workers.middleware(1), { running: 0, last: 1 });
});

test("counts go out with the next tick, summed by middleware and counter", async () => {
  const { thread, sent } = threadWith((context) => {
    context.counter("set_up").add();
    context.counter("set_up").add(2);
    context.counter("other").add();
    return {};
  });
  await thread.install(1, CONFIG);
  sent.length = 0;
  thread.tick();
  thread.tick();
  assert.deepEqual(sent, [
    {
      type: "counted",
      counts: [
        ["stamp", "set_up", 3],
        ["stamp", "other", 1],
      ],
    },
  ]);
});

test("an instance is disposed of once: when its configuration is released, or when the thread ends", async () => {
  const disposed: number[] = [];
  let made = 0;
  const { thread } = threadWith(() => {
    const instance = ++made;
    return { dispose: () => void disposed.push(instance) };
  });
  for (const generation of [1, 2, 3]) await thread.install(generation, CONFIG);
  assert.deepEqual(disposed, []);
  thread.released(2);
  thread.released(2);
  thread.released(9);
  assert.deepEqual(disposed, [2]);
  await thread.close();
  assert.deepEqual(disposed, [2, 1, 3]);
  await thread.close();
  thread.released(1);
  assert.deepEqual(disposed, [2, 1, 3]);
});

test("the end of the thread waits a second for a dispose, not longer; what it counts is sent", { timeout: 10_000 }, async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { thread, sent } = threadWith((context) => ({
    dispose: async () => {
      context.counter("disposed").add();
      await new Promise(() => undefined);
    },
  }));
  await thread.install(1, CONFIG);
  let isClosed = false;
  const closed = thread.close().then(() => (isClosed = true));
  t.mock.timers.tick(999);
  await new Promise(setImmediate);
  assert.equal(isClosed, false);
  t.mock.timers.tick(1);
  await closed;
  assert.deepEqual(sent.at(-1), { type: "counted", counts: [["stamp", "disposed", 1]] });
});

test("a configuration whose middleware cannot be set up leaves nothing behind", async () => {
  const { thread } = threadWith(() => assert.fail("broken"));
  await assert.rejects(thread.install(1, CONFIG), /^Error: middleware\.#1: stamp: setup failed: broken$/);
  await thread.close();
});

test("an instance that goes on under another configuration is disposed of after the last of them, once", async () => {
  const disposed: number[] = [];
  let made = 0;
  const { thread } = threadWith(() => {
    const instance = ++made;
    return { dispose: () => void disposed.push(instance) };
  });
  const before = (await thread.install(1, CONFIG))(0);
  assert.deepEqual(thread.carryOver(1, 2)(0), before);
  assert.deepEqual(thread.carryOver(2, 3)(0), before);
  thread.released(1);
  thread.released(3);
  assert.deepEqual(disposed, []);
  thread.released(2);
  await Promise.resolve();
  assert.deepEqual([made, disposed], [1, [1]]);
  await thread.install(4, CONFIG);
  thread.carryOver(4, 5);
  await thread.close();
  assert.deepEqual(disposed, [1, 2]);
  assert.deepEqual(thread.carryOver(7, 8)(0), [], "there was none");
});
