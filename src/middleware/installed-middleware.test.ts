import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { z } from "zod";
import type { NamingMiddleware } from "../config/schema/middleware-entries.ts";
import { defineMiddleware } from "./define-middleware.ts";
import type { MiddlewareHooks } from "./define-middleware.ts";
import { GivenMiddleware } from "./given-middleware.ts";
import { fakeHost } from "./host.fixture.ts";
import type { FakeHost } from "./host.fixture.ts";
import { installMiddleware } from "./installed-middleware.ts";
import type { InstalledMiddleware, LoadMiddleware } from "./installed-middleware.ts";
import type { MiddlewareContext } from "./middleware-context.ts";

type Setup = (options: unknown, context: MiddlewareContext) => MiddlewareHooks | Promise<MiddlewareHooks>;
const anything = z.record(z.string(), z.unknown());
const LIMIT_MS = 20;

const named = (name: string, setup: Setup) => defineMiddleware({ name, options: anything, setup })({});

/** Installs middleware for all routes, and on two routes. */
async function install(
  setups: readonly (readonly [name: string, setup: Setup])[],
  fake: FakeHost = fakeHost(),
  routes: readonly (readonly (readonly [name: string, setup: Setup])[])[] = [],
  load: LoadMiddleware = async () => Promise.reject(new Error("nothing else")),
): Promise<InstalledMiddleware> {
  const made = {
    middleware: setups.map((each) => named(...each)),
    routes: routes.map((list) => ({ upstream: "app", match: {}, middleware: list.map((each) => named(...each)) })),
  };
  const held = new GivenMiddleware(made);
  return installMiddleware(held.config as NamingMiddleware, held.loadOr(load), fake.host, LIMIT_MS);
}

test("a route has the middleware for all routes, then its own, each in order", async () => {
  const empty: Setup = () => ({});
  const installed = await install(
    [
      ["a", empty],
      ["b", empty],
    ],
    fakeHost(),
    [
      [
        ["c", empty],
        ["d", empty],
      ],
      [],
      [["e", empty]],
    ],
  );
  const namesOf = (route: number): string[] => installed.ofRoute(route).map(({ name }) => name);
  assert.deepEqual([0, 1, 2].map(namesOf), [
    ["a", "b", "c", "d"],
    ["a", "b"],
    ["a", "b", "e"],
  ]);
});

test("setup gets its options and a context, once for each place", async () => {
  const fake = fakeHost();
  const seen: unknown[] = [];
  const setup: Setup = (options, context) => {
    seen.push([options, context.name, context.route, context.worker, context.now(), context.signal.aborted, fake.running()]);
    const state = context.state<string>();
    assert.equal(state.of({} as never), undefined);
    return {};
  };
  await install([["a", setup]], fake, [[["a", setup]]]);
  assert.deepEqual(seen, [
    [{}, "a", null, 3, 1000, false, "a"],
    [{}, "a", "#1", 3, 1000, false, "a"],
  ]);
  assert.equal(fake.running(), "");
});

test("a setup that fails is named with its place, and the others are disposed of, once", async () => {
  const failing: readonly (readonly [setup: unknown, message: string])[] = [
    [() => assert.fail("broken"), "setup failed: broken"],
    [async () => Promise.reject(new Error("two\n lines")), "setup failed: two lines"],
    [async () => new Promise(() => undefined), "setup failed: it has not settled within 0.02 s"],
    [() => undefined, "setup failed: it returned no object with hooks"],
    [() => null, "setup failed: it returned no object with hooks"],
    [async () => Promise.resolve("hooks"), "setup failed: it returned no object with hooks"],
    [() => ({ onRequest: 7 }), "setup failed: onRequest is no function"],
    [() => Promise.reject(null), "setup failed: null"],
    [
      () => {
        throw Object.create(null);
      },
      "setup failed: something without a readable message",
    ],
  ];
  for (const [setup, message] of failing) {
    const disposed: string[] = [];
    const good = (name: string): [string, Setup] => [
      name,
      (_options, { signal }) => ({ dispose: () => void disposed.push(`${name} ${signal.aborted}`) }),
    ];
    const fake = fakeHost();
    await assert.rejects(install([good("a"), ["b", setup as Setup], good("c")], fake), { message: `middleware.#2: b: ${message}` });
    assert.deepEqual(fake.reports, [], "nothing is disposed of that is not there");
    assert.deepEqual(disposed, ["a true", "c true"]);
  }
});

test("its own instance is disposed of too when its hooks are refused, or when it comes too late", async () => {
  let disposed = 0;
  const dispose = (): void => void disposed++;
  await assert.rejects(install([["a", () => ({ onReqest: () => null, dispose }) as MiddlewareHooks]]), /there is no hook onReqest/);
  assert.equal(disposed, 1);
  const late = Promise.withResolvers<MiddlewareHooks>();
  await assert.rejects(install([["a", async () => late.promise]]), /has not settled/);
  late.resolve({ dispose });
  await turn();
  assert.equal(disposed, 2);
});

test("a dispose that never settles does not hold up the refusal", async () => {
  const hanging: Setup = () => ({ dispose: async () => new Promise(() => undefined) });
  await assert.rejects(
    install([
      ["a", hanging],
      ["b", () => assert.fail("broken")],
    ]),
    /broken/,
  );
});

test("a module that cannot be loaded, and one that never has loaded", async () => {
  const { host } = fakeHost();
  const missing: LoadMiddleware = async () => Promise.reject(new Error("no such module"));
  await assert.rejects(
    installMiddleware({ middleware: [{ use: "./a.ts" }], routes: [] }, missing, host),
    /^Error: middleware\.#1: no such module$/,
  );
  const never: LoadMiddleware = async () => new Promise(() => undefined);
  await assert.rejects(
    installMiddleware({ middleware: [{ use: "./a.ts" }], routes: [] }, never, host, 5),
    /^Error: middleware\.#1: its module has not settled within/,
  );
});

test("no option is shown, neither by what a schema refuses nor by what setup throws", async () => {
  const { host } = fakeHost();
  const load =
    (options: unknown, schema: z.ZodType, setup: Setup): LoadMiddleware =>
    async () =>
      Promise.resolve({ middleware: defineMiddleware({ name: "a", options: schema, setup }), options });
  const refine = z.object({ token: z.string().refine(() => false, { error: ({ input }) => `bad ${String(input)}` }) });
  await assert.rejects(
    installMiddleware(
      { middleware: [{ use: "x" }], routes: [] },
      load({ token: "s3cr3t" }, refine, () => ({})),
      host,
    ),
    {
      message: "middleware.#1: a: its options are refused: token: bad ...",
    },
  );
  const changing = z.object({ token: z.string().transform((token) => `${token}-salted`) });
  const throwing: Setup = (options) => assert.fail(`cannot log in with ${JSON.stringify(options)} or S3CR3T`);
  await assert.rejects(
    installMiddleware({ middleware: [{ use: "x" }], routes: [] }, load({ token: "s3cr3t" }, changing, throwing), host),
    (error: Error) => {
      assert.match(error.message, /^middleware\.#1: a: setup failed: cannot log in with \{"token":"\.\.\."\} or \.\.\.$/);
      assert.doesNotMatch(error.stack ?? "", /s3cr3t/i);
      assert.equal(error.cause, undefined);
      return true;
    },
  );
});

test("what dispose throws or rejects is logged, and the others are disposed of all the same", async () => {
  const fake = fakeHost();
  const disposed: string[] = [];
  const installed = await install(
    [
      ["a", () => ({ dispose: () => assert.fail("in a") })],
      ["b", () => ({ dispose: async () => Promise.reject(new Error("in b")) })],
      ["c", (_, { signal }) => ({ dispose: () => void disposed.push(`${signal.aborted} ${fake.running()}`) })],
      ["d", () => ({})],
    ],
    fake,
  );
  await installed.dispose();
  assert.deepEqual(disposed, ["true c"]);
  assert.deepEqual(fake.reports, [
    ["error", "middleware_failed", "dispose: in a", { middleware: "a" }],
    ["error", "middleware_failed", "dispose: in b", { middleware: "b" }],
  ]);
});

test("not even a part of an option is shown", async () => {
  const { host } = fakeHost();
  const secret = "hunter2 and much more than the message of JSON.parse quotes";
  const parsing = defineMiddleware({ name: "a", options: anything, setup: ({ secret }) => JSON.parse(String(secret)) as MiddlewareHooks });
  const load: LoadMiddleware = async () => Promise.resolve({ middleware: parsing, options: { secret } });
  await assert.rejects(installMiddleware({ middleware: [{ use: "x" }], routes: [] }, load, host), (error: Error) => {
    assert.match(error.message, /setup failed: Unexpected token/);
    return !error.message.includes("hunter");
  });
});
