import assert from "node:assert/strict";
import { test } from "node:test";
import { counterOf, logOf } from "./context-parts.ts";
import { fakeHost } from "./host.fixture.ts";

test("the log gets the event, the message and the fields, with the middleware's name", () => {
  const { host, reports } = fakeHost();
  const log = logOf("stamp", host);
  log.debug("one");
  log.error("two", { size: 7, isLarge: true, why: "because" });
  assert.deepEqual(reports, [
    ["debug", "middleware_log", "one", { middleware: "stamp" }],
    ["error", "middleware_log", "two", { size: 7, isLarge: true, why: "because", middleware: "stamp" }],
  ]);
});

test("whatever is logged can be sent to another thread and written as JSON", () => {
  const { host, reports } = fakeHost();
  const circular: Record<string, unknown> = { a: 1 };
  circular["self"] = circular;
  const strange: Record<string, unknown> = {
    big: 10n,
    symbol: Symbol("s"),
    act: () => 1,
    nothing: null,
    absent: undefined,
    list: [1, 2],
    circular,
    error: new TypeError("wrong"),
    notANumber: NaN,
    bare: Object.create(null),
    promise: Promise.resolve(),
  };
  // @ts-expect-error: such fields are not in the type
  logOf("stamp", host).warn("strange", strange);
  const [, , , fields] = reports[0] ?? assert.fail();
  assert.deepEqual(structuredClone(fields), fields);
  assert.deepEqual(JSON.parse(JSON.stringify(fields)), {
    big: "10",
    symbol: "Symbol(s)",
    act: "a function",
    nothing: "null",
    list: "[1,2]",
    circular: "[object Object]",
    error: "wrong",
    notANumber: "NaN",
    bare: "{}",
    promise: "{}",
    middleware: "stamp",
  });
});

test("a message that is no text, fields that cannot be read, and none at all", () => {
  const { host, reports } = fakeHost();
  const log = logOf("stamp", host);
  const trapped = new Proxy(
    {},
    {
      ownKeys: () => {
        throw new Error("no");
      },
    },
  );
  // @ts-expect-error: a message is a text
  log.info(new Error("wrong"), trapped);
  // @ts-expect-error: fields are an object
  log.info(undefined, null);
  // @ts-expect-error: fields are an object
  log.info("m", "text");
  assert.deepEqual(
    reports.map(([, , message, fields]) => [message, fields]),
    [
      ["wrong", { unreadable: "no", middleware: "stamp" }],
      ["undefined", { middleware: "stamp" }],
      ["m", { 0: "t", 1: "e", 2: "x", 3: "t", middleware: "stamp" }],
    ],
  );
});

test("a field cannot take the place of what every line has, nor fill the log", () => {
  const { host, reports } = fakeHost();
  const fields = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`f${index}`, "x"]));
  logOf("stamp", host).info("x".repeat(100_000), {
    time: "0",
    level: "debug",
    event: "access",
    message: "m",
    worker: 9,
    middleware: "other",
    ...fields,
  });
  const [, , message, kept] = reports[0] ?? assert.fail();
  assert.equal(message.length, 4099);
  assert.equal(Object.keys(kept).length, 33);
  assert.equal(kept["middleware"], "stamp");
  for (const own of ["time", "level", "event", "message", "worker"]) {
    assert.equal(kept[own], undefined);
    assert.notEqual(kept[`${own}_`], undefined);
  }
});

test("the same name gives the same counter, and counts are whole numbers", () => {
  const { host, counted } = fakeHost();
  const counter = counterOf("stamp", host);
  assert.equal(counter("hits"), counter("hits"));
  counter("hits").add();
  counter("hits").add(Number.MAX_SAFE_INTEGER);
  counter("hits").add(0);
  assert.deepEqual(counted, [
    ["stamp", "hits", 1],
    ["stamp", "hits", Number.MAX_SAFE_INTEGER],
    ["stamp", "hits", 0],
  ]);
  for (const wrong of [-1, 0.5, NaN, Infinity, 2 ** 53, "1", null, 1n, Symbol("s")])
    // @ts-expect-error: some of these are no numbers
    assert.throws(() => counter("hits").add(wrong), RangeError, String(wrong));
});

test("names of counters are short words, and there may be a hundred", () => {
  const { host } = fakeHost();
  const counter = counterOf("stamp", host);
  for (const wrong of ["", "Hits", "a-b", "1a", 'a"b', "a\nb", "x".repeat(65), "__proto__", null, {}])
    // @ts-expect-error: some of these are no texts
    assert.throws(() => counter(wrong), TypeError, String(wrong));
  for (let n = 0; n < 100; n++) counter(`n${n}`);
  counter("n0");
  assert.throws(() => counter("one_more"), /^RangeError: a middleware may have 100 counters$/);
});
