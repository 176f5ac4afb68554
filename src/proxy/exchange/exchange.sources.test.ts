/** Responses from sources, and the hook `onUpstreamResponse`. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { setImmediate as settled } from "node:timers/promises";
import type { BodyLength } from "../../http/body-length.ts";
import type { Middleware, UpstreamResult } from "../feature/middleware.ts";
import type { ResponseSource, SourceResponse } from "../feature/response-source.ts";
import { SILENT_MS_MAX } from "./body-producer.ts";
import { Dialogue } from "./fake-ports.fixture.ts";
import type { Setting } from "./fake-ports.fixture.ts";
import { Told, headOf } from "./sources.fixture.ts";
import { upper } from "./stages.fixture.ts";

const GET = "GET /";
const PUT = "PUT /\nContent-Length: 4";
const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const BUSY = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy";
const REPORT = 'report error middleware_failed broken {"route":"#1","middleware":"x"}';

/** A source that answers within `start`. */
const atOnce = (text: string, length: BodyLength = text.length, status: number = 200): ResponseSource => ({
  start: (_, response) => {
    response.respond(headOf(status), length);
    response.write(Buffer.from(text));
    response.end(null);
    return {};
  },
});

const from = (source: ResponseSource | null): Middleware => ({ name: "x", source: () => source });
const asking = (head: string, source: ResponseSource, ...hooks: readonly Middleware[]): Dialogue => {
  const d = new Dialogue({ hooks: [from(source), ...hooks] });
  d.client.asks(head);
  return d;
};

test("a source answers at once, and no endpoint is asked", () => {
  const d = asking(GET, atOnce("yes"));
  d.says('client respond 200 length =3; client data "yes"; client end; client flush; thread finished 200 completed; client finished');
  assert.deepEqual([d.record.attempts, d.record.endpoint, d.record.originHeadMs], [0, "none", -1]);
  d.ended("200 completed");
});

test("a source answers later, and reads the request's body", () => {
  const source = new Told();
  const d = asking(PUT, source);
  d.says("client resume");
  d.client.sends("ab");
  d.client.sends("cd");
  assert.deepEqual([source.body, source.bodyEnded], ["abcd", true]);
  source.responds("yes", -1);
  d.says('client respond 200 unknown =unknown; client data "yes"; client flush');
  source.ends();
  d.says("client end; client flush; thread finished 200 completed; client finished");
  d.ended("200 completed");
  source.writes("late");
  source.ends();
  d.says("");
});

test("what came of the body before the source was known is delivered first", async () => {
  const source = new Told();
  const found = Promise.withResolvers<ResponseSource | null>();
  const d = new Dialogue({ hooks: [{ name: "x", source: () => found.promise }] });
  d.client.asks(PUT, "abcd");
  d.says("");
  found.resolve(source);
  await settled();
  assert.deepEqual([source.body, source.bodyEnded], ["abcd", true]);
  source.responds();
  source.ends();
  d.ended("200 completed");
});

test("the first middleware that has a source answers; where none has one, an endpoint does", async () => {
  const [first, second] = [new Told(), new Told()];
  const d = new Dialogue({
    hooks: [from(null), { name: "y", source: () => Promise.resolve(null) }, from(first), from(second)],
  });
  d.client.asks(GET);
  await settled();
  assert.deepEqual([first.starts, second.starts], [1, 0]);
  d.client.leaves();
  d.ended("499 client_gone");
  const none = new Dialogue({ hooks: [from(null), { name: "y", source: () => Promise.resolve(null) }] });
  none.client.asks(GET);
  await settled();
  none.says("a none; a dial");
  none.client.leaves();
});

test("a promise of a source has the time limit of an admission, and its rejection is a 500", async () => {
  const late = Promise.withResolvers<ResponseSource | null>();
  const slow = new Dialogue({ hooks: [{ name: "x", source: () => late.promise }] });
  slow.client.asks(GET);
  slow.passes(10_100);
  late.resolve(atOnce("late"));
  await settled();
  slow.ended("504 admission_timeout");
  for (const source of [boom, (): Promise<never> => Promise.reject(new Error("broken"))]) {
    const d = new Dialogue({ hooks: [{ name: "x", source }] });
    d.client.asks(GET);
    await settled();
    d.says(`${REPORT}; client answer 500 internal_error; thread finished 500 internal_error; client finished`);
    d.ended("500 internal_error");
  }
});

test("a request that is refused, or too large, meets no source", () => {
  const source = new Told();
  const refused = new Dialogue({
    hooks: [{ name: "y", onRequest: () => ({ status: 403, reason: "unauthorized", detail: "", fields: [] }) }, from(source)],
  });
  refused.client.asks(GET);
  refused.ended("403 unauthorized");
  const large = new Dialogue({ hooks: [from(source)], maxBody: 3 });
  large.client.asks(PUT);
  large.ended("413 body_too_large");
  assert.equal(source.starts, 0);
});

test("stages and edits apply to a source's response too, but not to the request that it gets", () => {
  const d = asking(GET, atOnce("yes"), {
    name: "y",
    onUpstreamRequest: () => assert.fail("nothing goes upstream"),
    onResponse: (_, response) => {
      assert.equal(response.head?.get("x-from"), "source");
      response.append("x-added", "1");
      return upper();
    },
    onUpstreamResponse: () => assert.fail("nothing came of an attempt"),
  });
  d.says(
    'client respond 200 unknown =unknown +x-added: 1; client data "YES"; client end; client flush; thread finished 200 completed; client finished',
  );
  d.ended("200 completed");
});

test("to HEAD, and with 204 and 304, what the source writes is dropped", () => {
  for (const [head, status, says] of [
    ["HEAD /", 200, "none =3"],
    [GET, 204, "none =unknown"],
    [GET, 304, "none"],
  ] as const) {
    const d = asking(head, atOnce("yes", 3, status));
    d.says(`client respond ${status} ${says}; client end; client flush; thread finished ${status} completed; client finished`);
    d.ended(`${status} completed`);
  }
});

test("a client that takes no more stops the source, and lets it go on", () => {
  const source = new Told();
  const d = asking(GET, source);
  d.client.full = true;
  source.response?.respond(headOf(200), -1);
  assert.equal(source.writes("one"), false);
  d.passes(10 * SILENT_MS_MAX);
  d.client.takesMore();
  assert.equal(source.writables, 1);
  assert.equal(source.writes("two"), true);
  d.client.blocks();
  assert.equal(source.response?.flush(), false);
  d.client.takesMore();
  assert.equal(source.writables, 2);
  source.ends();
  assert.equal(d.client.received, "onetwo");
  d.ended("200 completed");
});

test("a client that is slow before the response begins stops the source no longer than that", () => {
  const source = new Told();
  const d = new Dialogue({ hooks: [from(source), { name: "y", onResponse: upper }] });
  d.client.asks(`${PUT}\nExpect: 100-continue`);
  d.client.blocks();
  source.response?.respond(headOf(200), -1);
  d.client.takesMore();
  assert.equal(source.writables, 1);
  assert.equal(source.writes("one"), true);
  source.ends();
  assert.equal(d.client.received, "ONE");
  d.ended("200 completed");
});

test("a source that responds has its time anew, and before that its flush sends nothing", () => {
  const source = new Told();
  const d = asking(GET, source);
  d.skip();
  assert.equal(source.response?.flush(), true);
  d.says("");
  d.passes(SILENT_MS_MAX - 1000);
  source.response?.respond(headOf(200), -1);
  d.passes(SILENT_MS_MAX - 1000);
  assert.equal(d.finished.length, 0);
  d.passes(2000);
  d.ended("200 internal_error");
});

test("a source that was full when its input ended lets the client go on", () => {
  const source = new Told();
  const d = asking(PUT, source);
  source.takes = false;
  d.client.sends("ab");
  assert.equal(d.client.paused, true);
  d.client.exchange.requestEnd(null);
  assert.deepEqual([source.bodyEnded, d.client.paused], [true, false]);
  source.responds();
  source.ends();
  d.ended("200 completed");
});

test("a source that takes no more of the body stops the client", () => {
  const source = new Told();
  const d = asking(PUT, source);
  source.takes = false;
  d.skip();
  d.client.sends("ab");
  d.says("client pause");
  source.takes = true;
  source.response?.resume();
  source.response?.resume();
  d.says("client resume");
  d.client.sends("cd");
  source.responds();
  source.ends();
  d.ended("200 completed");
});

test("an answer before the request's body has ended", () => {
  const source = new Told();
  const d = asking(PUT, source);
  d.client.sends("ab");
  source.responds();
  source.ends();
  d.ended("200 completed");
});

test("a source that breaks before its answer: 500; after its head: the response is cut", () => {
  for (const [breaks, ends] of [
    [(source: Told): void => source.response?.fail(new Error("broken")), "500"],
    [(source: Told): void => source.ends(), "500"],
    [(source: Told): void => void source.writes("x"), "500"],
    [(source: Told): void => source.responds("", 0, 103), "500"],
    [(source: Told): void => source.responds("yes", 2), "200"],
    [
      (source: Told): void => {
        source.responds("yes", 4);
        source.ends();
      },
      "200",
    ],
    [
      (source: Told): void => {
        source.responds();
        source.responds();
      },
      "200",
    ],
  ] as const) {
    const source = new Told();
    const d = asking(GET, source);
    breaks(source);
    assert.equal(d.client.over, ends === "200" ? "cut" : "");
    assert.equal(source.aborted, 1);
    d.ended(`${ends} internal_error`);
  }
});

for (const [name, input] of [
  ["start", null],
  ["data", { data: boom }],
  ["end", { end: boom }],
  ["flush", { flush: boom }],
] as const) {
  test(`a source that throws in ${name}: 500`, () => {
    const d = asking(PUT, { start: () => input ?? boom() });
    if (d.finished.length === 0) d.client.sends("abcd");
    d.ended("500 internal_error");
  });
}

test("a source that throws when it may write, or when it is given up, costs its exchange only", () => {
  const source: ResponseSource = {
    start: (_, response) => {
      response.respond(headOf(200), -1);
      response.write(Buffer.from("yes"));
      response.flush();
      return { writable: boom, abort: boom };
    },
  };
  const d = new Dialogue({ hooks: [from(source)] });
  d.client.full = true;
  d.client.asks(GET);
  d.client.takesMore();
  assert.equal(d.client.over, "cut");
  d.ended("200 internal_error");
});

test("a silent source has a time limit, which bytes of the request's body extend", () => {
  const source = new Told();
  const d = asking(PUT, source);
  for (const piece of ["a", "b", "c", "d"]) {
    d.passes(SILENT_MS_MAX - 1000);
    d.client.sends(piece);
  }
  d.passes(SILENT_MS_MAX - 1000);
  assert.equal(d.finished.length, 0);
  d.passes(2000);
  assert.equal(source.aborted, 1);
  d.ended("500 internal_error");
});

test("a client that leaves gives the source up", () => {
  const source = new Told();
  const d = asking(GET, source);
  d.client.leaves();
  assert.equal(source.aborted, 1);
  d.ended("499 client_gone");
});

// ---- what came of an attempt ------------------------------------------------------------------------------------------

const judging = (judge: (result: UpstreamResult) => "retry" | ResponseSource | null, setting: Setting = {}): Dialogue =>
  new Dialogue({ health: ["unknown", "unknown"], ...setting, hooks: [{ name: "x", onUpstreamResponse: (_, result) => judge(result) }] });
const unlessOk = ({ head }: UpstreamResult): "retry" | null => (head !== null && head.status >= 500 ? "retry" : null);

test("an unwanted response is tried again elsewhere, and its connection is given up", () => {
  const d = judging(unlessOk);
  d.client.asks(GET);
  d.upstream.connects();
  d.skip();
  d.upstream.brings(BUSY);
  d.says("a abort; b none; b dial");
  assert.equal(d.count("retries"), 1);
  d.upstream.connects();
  d.upstream.brings(OK);
  assert.equal(d.client.received, "ok");
  assert.equal(d.record.attempts, 2);
  d.ended("200 completed");
});

test("it goes on as it is where no other endpoint is left, no further attempt allowed, or the request cannot be sent again", () => {
  for (const [head, body, setting] of [
    [GET, "", { health: ["unknown"] }],
    [GET, "", { retries: 0 }],
    ["POST /\nContent-Length: 4", "abcd", {}],
    ["PUT /\nContent-Length: 20000", "x".repeat(20_000), {}],
  ] as const) {
    const d = judging(unlessOk, setting);
    d.client.asks(head, body);
    d.upstream.connects();
    d.upstream.brings(BUSY);
    assert.equal(d.client.received, "busy");
    d.ended("503 completed");
  }
});

test("with every endpoint unwanted the last one's response goes on", () => {
  const d = judging(unlessOk);
  d.client.asks(PUT, "abcd");
  for (const name of ["a", "b"]) {
    assert.equal(d.upstream.name, name);
    d.upstream.connects();
    assert.equal(d.upstream.got, "abcd");
    d.upstream.brings(BUSY);
  }
  assert.equal(d.client.received, "busy");
  d.ended("503 completed");
});

test("a source answers instead of a response, and instead of a failure", () => {
  const d = judging(({ head }) => (head === null ? null : atOnce("stored")));
  d.client.asks(GET);
  d.upstream.connects();
  d.skip();
  d.upstream.brings(BUSY);
  d.says(
    'a abort; client respond 200 length =6; client data "stored"; client end; client flush; thread finished 200 completed; client finished',
  );
  d.ended("200 completed");

  const failed = judging(({ failure }) => (failure?.kind === "connection_refused" ? atOnce("stored") : null), { health: ["unknown"] });
  failed.client.asks(GET);
  failed.skip();
  failed.upstream.fails("connection_refused");
  failed.says(
    'client respond 200 length =6; client data "stored"; client end; client flush; thread finished 200 completed; client finished',
  );
  failed.ended("200 completed");
});

test("a source gets nothing of a body whose first part went to an endpoint only", () => {
  const source = new Told();
  const d = judging(({ failure }) => (failure === null ? null : source), { health: ["unknown"] });
  d.client.asks("POST /\nContent-Length: 20000", "x".repeat(18_000));
  d.upstream.connects();
  d.upstream.fails("response_timeout");
  d.passes(SILENT_MS_MAX - 1000);
  d.client.sends("x".repeat(1_000));
  d.passes(SILENT_MS_MAX - 1000);
  assert.equal(d.finished.length, 0, "bytes of the request are a reason to wait on");
  d.client.sends("x".repeat(1_000));
  assert.deepEqual([source.body, source.bodyEnded], ["", false]);
  source.responds();
  source.ends();
  d.ended("200 completed");
});

test("a source that follows an attempt gets the whole body, or nothing of it", () => {
  for (const [size, body] of [
    [4, "xxxx"],
    [20_000, ""],
  ] as const) {
    const source = new Told();
    const d = judging(({ failure }) => (failure === null ? null : source), { health: ["unknown"] });
    d.client.asks(`POST /\nContent-Length: ${size}`, "x".repeat(size));
    d.upstream.connects();
    d.upstream.fails("response_timeout");
    assert.deepEqual([source.body, source.bodyEnded], [body, body !== ""]);
    source.responds();
    source.ends();
    d.ended("200 completed");
  }
});

test("a failure that is tried again is not told to hooks, and retry has no effect on a failure", () => {
  const told: (string | undefined)[] = [];
  const d = judging(({ failure }) => {
    told.push(failure?.kind);
    return "retry";
  });
  d.client.asks(GET);
  d.upstream.fails("connection_refused");
  assert.deepEqual(told, []);
  d.upstream.fails("connection_timeout");
  assert.deepEqual(told, ["connection_timeout"]);
  d.ended("504 connection_timeout");
});

test("a middleware that throws about a response: 500, and the endpoint's connection is given up", () => {
  const d = judging(boom);
  d.client.asks(GET);
  d.upstream.connects();
  d.skip();
  d.upstream.brings(OK);
  d.says(`${REPORT}; a abort; client answer 500 internal_error; thread finished 500 internal_error; client finished`);
  d.ended("500 internal_error");
});

function boom(): never {
  throw new Error("broken");
}

test("what a source writes when it may is sent without a flush of its own", () => {
  let out: SourceResponse | null = null;
  const source: ResponseSource = {
    start: (_, response) => {
      out = response;
      response.respond(headOf(200), 4);
      return { writable: () => response.write(Buffer.from("cd")) };
    },
  };
  const d = asking(GET, source);
  const response = (): SourceResponse => out ?? assert.fail("it was not started");
  d.client.full = true;
  response().write(Buffer.from("ab"));
  assert.equal(response().flush(), false);
  d.skip();
  d.client.takesMore();
  d.says('client data "cd"; client flush');
  response().end(null);
  d.ended("200 completed");
});

test("to HEAD a source need not write what it says the length of", () => {
  const source = new Told();
  const d = asking("HEAD /", source);
  source.response?.respond(headOf(200), 4);
  source.ends();
  d.ended("200 completed");
});

test("a source whose client takes nothing has no time limit, whatever it writes meanwhile", () => {
  const source = new Told();
  const d = asking(GET, source);
  d.client.full = true;
  source.responds("yes", 6);
  source.writes("yes");
  d.passes(10 * SILENT_MS_MAX);
  assert.equal(d.finished.length, 0);
  d.client.takesMore();
  d.passes(SILENT_MS_MAX + 1000);
  d.ended("200 internal_error");
});
