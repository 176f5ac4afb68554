/** Hooks that return a promise: the time limit, the signal, and values kept for later hooks. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as settled } from "node:timers/promises";
import { ExchangeState } from "../feature/exchange-state.ts";
import { Dialogue } from "./fake-ports.fixture.ts";
import type { ExchangeView, Middleware } from "../feature/middleware.ts";
import type { LocalAnswer } from "../local-answer.ts";

const GET = "GET /";
const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const NO: LocalAnswer = { status: 429, reason: "rate_limited", detail: "", fields: [] };

test("a verdict that does not come in time: 503, the signal is aborted, and what comes late has no effect", async () => {
  const verdict = Promise.withResolvers<LocalAnswer | null>();
  const d = new Dialogue({ hooks: [{ name: "x", onRequest: () => verdict.promise, onFinish: () => d.note("x onFinish") }] });
  const { signal } = d.client.asks(GET).exchange;
  d.passes(9000);
  d.says("");
  assert.equal(signal.aborted, false);
  d.passes(1100);
  const REPORT = 'report error middleware_failed it has not settled within 10 s {"route":"#1","middleware":"x"}';
  d.says(`${REPORT}; client answer 504 admission_timeout; x onFinish; thread finished 504 admission_timeout; client finished`);
  assert.equal(signal.aborted, true);
  verdict.resolve(NO);
  await settled();
  d.ended("504 admission_timeout");
});

test("each verdict has the time for itself, and none is left when it has come", async () => {
  const verdicts = [Promise.withResolvers<null>(), Promise.withResolvers<null>()];
  const d = new Dialogue({ hooks: verdicts.map(({ promise }, index) => ({ name: String(index), onRequest: () => promise })) });
  d.client.asks(GET);
  for (const { resolve } of verdicts) {
    d.passes(8000);
    resolve(null);
    await settled();
  }
  d.says("a none; a dial");
  d.passes(60_000);
  d.says("");
  d.client.leaves();
  d.ended("499 client_gone");
});

test("a late verdict is dated by the clock, not by the last event of a connection", async () => {
  const verdicts = [Promise.withResolvers<null>(), Promise.withResolvers<null>()];
  const asked: number[] = [];
  const hooks = [...verdicts.map(({ promise }) => promise), null].map((verdict, index): Middleware => {
    return { name: String(index), onRequest: () => (asked.push(d.now), verdict) };
  });
  const d = new Dialogue({ hooks });
  d.client.asks(GET);
  for (const { resolve } of verdicts) {
    d.passesUnseen(10);
    resolve(null);
    await settled();
  }
  const [first = 0] = asked;
  assert.deepEqual(asked, [first, first + 10, first + 20]);
  d.passesUnseen(10);
  d.client.leaves();
  d.ended("499 client_gone");
});

test("the signal is aborted when the client leaves, and when everything went well", async () => {
  const signals: AbortSignal[] = [];
  const onRequest = ({ signal }: ExchangeView): null => {
    signals.push(signal);
    return null;
  };
  const left = new Dialogue({ hooks: [{ name: "x", onRequest: (x) => Promise.resolve(onRequest(x)) }] });
  left.client.asks(GET);
  left.client.leaves();
  await settled();
  left.ended("499 client_gone");
  const well = new Dialogue({ hooks: [{ name: "x", onRequest }] });
  well.client.asks(GET);
  well.upstream.connects();
  assert.equal(signals[1]?.aborted, false);
  well.upstream.brings(OK);
  well.ended("200 completed");
  assert.deepEqual(
    signals.map(({ aborted }) => aborted),
    [true, true],
  );
});

test("a value kept in `onRequest` is there in `onUpstreamRequest`, for the same exchange only", () => {
  const claims = new ExchangeState<string>();
  const hook: Middleware = {
    name: "x",
    onRequest: (exchange) => {
      if (exchange.request.path === "/known") claims.keep(exchange, "alice");
      return null;
    },
    onUpstreamRequest: (exchange, edits) => edits.append("x-user", claims.of(exchange) ?? "nobody"),
  };
  for (const [path, user] of [
    ["/known", "alice"],
    ["/other", "nobody"],
  ] as const) {
    const d = new Dialogue({ hooks: [hook] });
    d.client.asks(`GET ${path}`);
    d.skip();
    d.upstream.connects();
    d.says(`a send GET ${path} +x-user: ${user}; a end; a flush`);
  }
});
