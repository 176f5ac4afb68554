/** The first phase of an exchange: route, hooks that admit, answer or throw, the limit of the body, and the choice of the endpoint. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { MISDIRECTED } from "./answers.ts";
import { FakeClient } from "./fake-client.fixture.ts";
import { Dialogue } from "./fake-ports.fixture.ts";
import type { Health, Setting } from "./fake-ports.fixture.ts";
import type { ExchangeView, Middleware } from "../feature/middleware.ts";
import type { LocalAnswer } from "../local-answer.ts";
import type { OwnAnswers } from "../ports/own-answers.ts";

const GET = "GET /";
const CHUNKED = "POST /\nTransfer-Encoding: chunked";
const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const NO: LocalAnswer = { status: 429, reason: "rate_limited", detail: "", fields: [] };
const SAYS_NO = "client answer 429 rate_limited; thread finished 429 rate_limited; client finished";

describe("route", () => {
  for (const [head, status, reason] of [
    ["TRACE /", 405, "method_refused"],
    ["GET /\nConnection: cookie", 400, "connection_names_needed"],
    ["GET /\nx_y: 1", 400, "unsafe_field_name"],
    ["GET /\nExpect: tea", 417, "expectation_failed"],
    ["GET /\nAuthorization: a\nAuthorization: b", 400, "credentials_twice"],
    ["OPTIONS /\nMax-Forwards: 0", 204, "options"],
    [`GET /\nVia: ${Array.from({ length: 11 }, () => "1.1 millrace").join(", ")}`, 508, "loop"],
  ] as const) {
    test(`${reason}: answered before a route is looked for`, () => {
      const d = new Dialogue({ hooks: [noting(() => d, "x")] });
      d.client.asks(head);
      d.says(`client answer ${status} ${reason}; thread finished ${status} ${reason}; client finished`);
      d.ended(`${status} ${reason}`);
      assert.deepEqual(d.record, {
        status,
        outcome: reason,
        endpoint: "none",
        attempts: 0,
        bytesReceived: d.client.exchange.request.size,
        bytesSent: 100,
        originHeadMs: -1,
      });
      assert.equal(d.client.exchange.route, null);
    });
  }

  test("what the connection itself answers comes after what is refused, and before routes and their middleware", () => {
    const asked: string[] = [];
    const ownAnswers: OwnAnswers = {
      answerTo: ({ request, scheme }) => {
        asked.push(`${scheme}://${request.host}${request.path}`);
        return request.path === "/mine" ? MISDIRECTED : null;
      },
    };
    const d = new Dialogue({ ownAnswers, hooks: [noting(() => d, "x")] });
    d.client.asks("GET /mine");
    d.says("client answer 421 misdirected; thread finished 421 misdirected; client finished");
    d.ended("421 misdirected");
    assert.equal(d.client.exchange.route, null);
    for (const [head, says] of [
      ["TRACE /mine", "client answer 405 method_refused; thread finished 405 method_refused; client finished"],
      ["GET /", "x onRequest; a none; a dial"],
    ] as const) {
      const other = new Dialogue({ ownAnswers, hooks: [noting(() => other, "x")] });
      other.client.asks(head);
      other.says(says);
    }
    assert.deepEqual(asked, ["https://a.test/mine", "https://a.test/"]);
  });

  test("a request that no route takes, a path that none may take", () => {
    for (const [path, status, reason] of [
      ["/other", 404, "no_route"],
      ["/a%00", 400, "bad_path"],
    ] as const) {
      const d = new Dialogue({
        hooks: [noting(() => d, "x")],
        adapt: (config) => (config.routes = [{ match: { path: ["/app"] }, upstream: "app" }]),
      });
      d.client.asks(`GET ${path}`);
      d.says(`client answer ${status} ${reason}; thread finished ${status} ${reason}; client finished`);
      d.ended(`${status} ${reason}`);
    }
  });

  test("the status document is the proxy's own, for GET and HEAD alone", () => {
    for (const method of ["GET", "HEAD"]) {
      const d = new Dialogue({ adapt: (config) => (config.status_path = "/status") });
      d.client.asks(`${method} /status`);
      d.says("client answer 200 status; thread finished 200 status; client finished");
      d.ended("200 status");
    }
    const d = new Dialogue({ adapt: (config) => (config.status_path = "/status") });
    d.client.asks("POST /status");
    d.says("a none; a dial");
  });

  test("a route without its upstream is an error of the proxy: 500", () => {
    const d = new Dialogue({ adapt: (config) => (config.routes = [{ match: {}, upstream: "elsewhere" }]) });
    d.client.asks(GET);
    d.says("client answer 500 internal_error; thread finished 500 internal_error; client finished");
    d.ended("500 internal_error");
  });
});

describe("admission", () => {
  test("hooks are asked in order, and the first answer ends it", () => {
    const d = new Dialogue({ hooks: [noting(() => d, "x"), noting(() => d, "y", NO), noting(() => d, "z")] });
    d.client.asks(GET);
    d.says(
      "x onRequest; y onRequest; x onResponse none; y onResponse none; z onResponse none; client answer 429 rate_limited; " +
        "x onFinish; y onFinish; z onFinish; thread finished 429 rate_limited; client finished",
    );
    d.ended("429 rate_limited");
  });

  test("all go on: every phase asks every hook, in order", () => {
    const d = new Dialogue({ hooks: [noting(() => d, "x"), noting(() => d, "y")] });
    d.client.asks(GET);
    d.says("x onRequest; y onRequest; a none; a dial");
    d.upstream.connects();
    d.says("x onUpstreamRequest; y onUpstreamRequest; a send GET /; a end; a flush");
    d.upstream.brings(OK);
    d.says(
      'x onResponse 200; y onResponse 200; client respond 200 length; client data "ok"; client end; client flush; ' +
        "x onFinish; y onFinish; thread finished 200 completed; client finished",
    );
    d.ended("200 completed");
  });

  test("a hook sees the client's address and when the exchange began", () => {
    const onRequest = ({ client, request, startedAtMs }: ExchangeView): null => {
      d.note(`${client} ${request.host} ${startedAtMs}`);
      return null;
    };
    const d = new Dialogue({ hooks: [{ name: "x", onRequest }] });
    d.client.asks(GET);
    d.says("192.0.2.1 a.test 1700000001000; a none; a dial");
  });

  test("drivers can read the facts about the client from the exchange", () => {
    const d = new Dialogue();
    const { facts, client } = d.client.asks(GET).exchange;
    assert.equal(facts, d.client.facts);
    assert.equal(client, facts.client);
  });

  test("a verdict that comes later: go on with the hook after it", async () => {
    const verdict = Promise.withResolvers<LocalAnswer | null>();
    const d = new Dialogue({ hooks: [noting(() => d, "x", verdict.promise), noting(() => d, "y")] });
    d.client.asks(GET);
    d.says("x onRequest");
    verdict.resolve(null);
    await verdict.promise;
    d.says("y onRequest; a none; a dial");
    d.client.leaves();
    d.ended("499 client_gone");
  });

  test("a verdict that comes later: an answer", async () => {
    const d = new Dialogue({ hooks: [{ name: "x", onRequest: () => Promise.resolve(NO) }] });
    d.client.asks(GET);
    d.says("");
    assert.equal(d.snapshot.exchangesOpen, 1);
    assert.equal(d.count("exchanges_in_flight"), 1);
    await settled();
    d.says(SAYS_NO);
    d.ended("429 rate_limited");
  });

  test("a verdict that comes later: undefined lets the request pass", async () => {
    const d = new Dialogue({ hooks: [{ name: "x", onRequest: () => Promise.resolve(undefined as never) }] });
    d.client.asks(GET);
    await settled();
    d.says("a none; a dial");
    d.client.leaves();
    d.ended("499 client_gone");
  });

  test("until a verdict has come no body is taken; then all of it goes", async () => {
    const verdict = Promise.withResolvers<null>();
    const d = new Dialogue({ hooks: [{ name: "x", onRequest: () => verdict.promise }] });
    d.client.asks("POST /\nContent-Length: 6", "ab");
    d.client.sends("cd");
    d.says("");
    assert.equal(d.client.exchange.takesBody, false);
    verdict.resolve(null);
    await verdict.promise;
    d.says("a none; a dial");
    d.client.sends("ef");
    d.upstream.connects();
    d.says('a send POST /; client resume; a data "abcdef"; a end; a flush; a flush');
    assert.equal(d.client.exchange.takesBody, true);
  });

  for (const [how, settle] of [
    ["go on", (verdict: PromiseWithResolvers<LocalAnswer | null>) => verdict.resolve(null)],
    ["an answer", (verdict: PromiseWithResolvers<LocalAnswer | null>) => verdict.resolve(NO)],
  ] as const) {
    test(`a verdict after the exchange has finished has no effect: ${how}`, async () => {
      for (const end of [
        (d: Dialogue) => d.client.leaves(),
        (d: Dialogue) => d.client.exchange.requestFailed({ ...NO, status: 408, reason: "request_timeout" }),
      ]) {
        const verdict = Promise.withResolvers<LocalAnswer | null>();
        const d = new Dialogue({ hooks: [noting(() => d, "x", verdict.promise), noting(() => d, "y")] });
        d.client.asks(GET);
        end(d);
        d.skip();
        settle(verdict);
        await verdict.promise;
        d.says("");
        d.isSettled();
      }
    });
  }

  test("a rejection after the exchange has finished is reported and nothing else", async () => {
    const verdict = Promise.withResolvers<null>();
    const d = new Dialogue({ hooks: [{ name: "x", onRequest: () => verdict.promise }] });
    d.client.asks(GET);
    d.client.leaves();
    d.says("thread finished 499 client_gone; client finished");
    verdict.reject(new Error("no store"));
    await settled();
    d.says('report error middleware_failed no store {"route":"#1","middleware":"x"}');
    d.ended("499 client_gone");
  });
});

describe("hooks that throw", () => {
  const REPORT = 'report error middleware_failed boom {"route":"#1","middleware":"x"}';

  test("on the request, at once or later: 500, and no endpoint is asked", async () => {
    for (const onRequest of [boom, () => Promise.reject(new Error("boom"))]) {
      const d = new Dialogue({ hooks: [{ name: "x", onRequest }, noting(() => d, "y")] });
      d.client.asks(GET);
      await settled();
      d.says(
        `${REPORT}; y onResponse none; client answer 500 internal_error; y onFinish; thread finished 500 internal_error; client finished`,
      );
      d.ended("500 internal_error");
    }
  });

  test("on the request that goes upstream: the connection is given up, on a new connection and on one from the pool", () => {
    const d = new Dialogue({ hooks: [{ name: "x", onUpstreamRequest: boom }] });
    d.client.asks(GET);
    d.says("a none; a dial");
    d.upstream.connects();
    d.says(`${REPORT}; a abort; client answer 500 internal_error; thread finished 500 internal_error; client finished`);
    d.ended("500 internal_error");

    const reusing = new Dialogue({ hooks: [{ name: "x", onUpstreamRequest: boom }] }).pools("a");
    reusing.client.asks("POST /\nContent-Length: 2", "ab");
    reusing.says(`a take; ${REPORT}; a abort; client answer 500 internal_error; thread finished 500 internal_error; client finished`);
    reusing.ended("500 internal_error");
  });

  test("on the request of a further attempt: 500 as well", () => {
    let calls = 0;
    const onUpstreamRequest = (): void => void (++calls === 2 && boom());
    const d = new Dialogue({ health: ["unknown", "unknown"], hooks: [{ name: "x", onUpstreamRequest }] }).pools("b");
    d.client.asks(GET);
    d.at("a").connects();
    d.skip();
    d.at("a").fails();
    d.says(`b take; ${REPORT}; b abort; client answer 500 internal_error; thread finished 500 internal_error; client finished`);
    d.ended("500 internal_error");
  });

  test("on the response: the client gets nothing of it", () => {
    const d = new Dialogue({ hooks: [adding("x-first"), { name: "x", onResponse: boom }, adding("x-last")] });
    d.client.asks(GET);
    d.upstream.connects();
    d.skip();
    d.upstream.brings(OK);
    d.says(
      `${REPORT}; a abort; ${REPORT}; client answer 500 internal_error +x-first: 1 +x-last: 1; thread finished 500 internal_error; client finished`,
    );
    d.ended("500 internal_error");
  });

  test("on the proxy's own answer: it goes to the client all the same", () => {
    const d = new Dialogue({ health: ["unhealthy"], hooks: [{ name: "x", onResponse: boom }] });
    d.client.asks(GET);
    d.says(`${REPORT}; client answer 503 no_endpoint; thread finished 503 no_endpoint; client finished`);
    d.ended("503 no_endpoint");
  });

  test("at the end: the exchange ends all the same, and the others hear of it", () => {
    const y = { name: "y", onFinish: () => d.note("y onFinish") };
    const d = new Dialogue({ hooks: [{ name: "x", onFinish: boom }, y] });
    d.client.asks(GET);
    d.upstream.connects();
    d.skip();
    d.client.leaves();
    d.says(`a abort; ${REPORT}; y onFinish; thread finished 499 client_gone; client finished`);
    d.ended("499 client_gone");
  });
});

describe("edits", () => {
  test("of request and response are apart, and of each attempt its own", () => {
    const d = new Dialogue({
      health: ["unknown", "unknown"],
      hooks: [{ name: "x", onUpstreamRequest: (_, edits) => edits.set("x-a", String(d.client.exchange.attempts)) }, adding("x-b")],
    });
    d.client.asks(GET);
    d.upstream.connects();
    d.says("a none; a dial; a send GET / -x-a +x-a: 1; a end; a flush");
    d.upstream.fails();
    d.upstream.connects();
    d.says("b none; b dial; b send GET / -x-a +x-a: 2; b end; client resume; b flush");
    d.upstream.brings(OK);
    d.says('client respond 200 length +x-b: 1; client data "ok"; client end; client flush; thread finished 200 completed; client finished');
    d.ended("200 completed");
  });

  test("go with an answer of the proxy's own", () => {
    const d = new Dialogue({ health: ["unhealthy"], hooks: [adding("x-b")] });
    d.client.asks(GET);
    d.says("client answer 503 no_endpoint +x-b: 1; thread finished 503 no_endpoint; client finished");
  });
});

describe("the limit of a body", () => {
  const TOO_LARGE = "client answer 413 body_too_large; thread finished 413 body_too_large; client finished";

  test("by its length, after the hooks", () => {
    const d = new Dialogue({ maxBody: 3, hooks: [noting(() => d, "x")] });
    d.client.asks("POST /\nContent-Length: 4");
    d.says(`x onRequest; x onResponse none; ${TOO_LARGE.replace("; thread", "; x onFinish; thread")}`);
    d.ended("413 body_too_large");
    assert.equal(d.count("malformed_requests"), 1);

    const refused = new Dialogue({ maxBody: 3, hooks: [{ name: "x", onRequest: () => NO }] });
    refused.client.asks("POST /\nContent-Length: 4");
    refused.says(SAYS_NO);
    assert.equal(refused.count("malformed_requests"), 0);
  });

  test("a body of just that length passes, whether it tells its length or not", () => {
    for (const [head, body] of [
      ["POST /\nContent-Length: 3", "abc"],
      [CHUNKED, "3\r\nabc\r\n0\r\n\r\n"],
    ] as const) {
      const d = new Dialogue({ maxBody: 3 });
      d.client.asks(head, body);
      d.upstream.connects();
      d.says('a none; a dial; a send POST /; client resume; a data "abc"; a end; a flush; a flush');
    }
  });

  test("by bytes, for a body that does not tell its length", () => {
    const d = new Dialogue({ maxBody: 3 });
    d.client.asks(CHUNKED);
    d.upstream.connects();
    d.client.sends("3\r\nabc\r\n");
    d.says('a none; a dial; a send POST /; client resume; a flush; a data "abc"; a flush');
    d.client.sends("1\r\nd\r\n0\r\n\r\n");
    d.says(`a abort; ${TOO_LARGE}`);
    d.ended("413 body_too_large");
    assert.equal(d.count("malformed_requests"), 1);
    assert.equal(d.record.bytesReceived, d.client.exchange.request.size + 4);
  });

  test("by bytes that are delivered as the connection comes about", () => {
    const d = new Dialogue({ maxBody: 3 });
    d.client.asks(CHUNKED, "4\r\nabcd\r\n0\r\n\r\n");
    d.skip();
    d.upstream.connects();
    d.says(`a send POST /; client resume; a abort; ${TOO_LARGE}`);
    d.ended("413 body_too_large");
  });

  test("by bytes, after the response has begun: it is cut", () => {
    const d = new Dialogue({ maxBody: 3 });
    d.client.asks(CHUNKED);
    d.upstream.connects();
    d.upstream.brings("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
    d.skip();
    d.client.sends("4\r\nabcd\r\n");
    d.says("a abort; client cut; thread finished 200 body_too_large; client finished");
    d.ended("200 body_too_large");
  });
});

describe("the choice of an endpoint", () => {
  /** The endpoints that so many exchanges in turn are sent to. */
  function chosen(setting: Setting, health: readonly Health[]): string[] {
    const d = new Dialogue({ ...setting, health });
    return health.map(() => new FakeClient(d).asks(GET).exchange.endpoint?.host ?? "none");
  }

  test("there is none beyond those of the configuration", () => {
    const d = new Dialogue();
    d.client.asks(GET);
    assert.deepEqual([d.choice.usable(0), d.choice.usable(1)], [true, false]);
  });

  test("in turn; unhealthy ones are left out", () => {
    assert.deepEqual(chosen({}, ["unknown", "healthy", "unknown"]), ["a.test", "b.test", "c.test"]);
    assert.deepEqual(chosen({}, ["unknown", "unhealthy", "healthy"]), ["a.test", "c.test", "a.test"]);
  });

  test("where endpoints are probed, one that has not passed yet is taken only if none is healthy", () => {
    assert.deepEqual(chosen({ probed: true }, ["unknown", "healthy", "unknown"]), ["b.test", "b.test", "b.test"]);
    assert.deepEqual(chosen({ probed: true }, ["unknown", "unhealthy", "unknown"]), ["a.test", "c.test", "a.test"]);
  });

  test("none is left: 503, and nothing is in flight anywhere", () => {
    for (const probed of [false, true]) {
      const d = new Dialogue({ probed, health: ["unhealthy", "unhealthy"] });
      d.client.asks("POST /\nContent-Length: 2", "ab");
      d.says("client answer 503 no_endpoint; thread finished 503 no_endpoint; client finished");
      d.ended("503 no_endpoint");
      assert.deepEqual([d.record.attempts, d.record.endpoint], [0, "none"]);
    }
  });

  test("an idle connection is reused, and the request goes at once", () => {
    const d = new Dialogue().pools("a");
    d.client.asks(GET);
    d.says("a take; a send GET /; a end; a flush");
    assert.equal(d.inFlight("a"), 1);
    d.upstream.brings(OK);
    d.ended("200 completed");
  });

  test("an idle connection gets the body that came with the head", () => {
    const d = new Dialogue().pools("a");
    d.client.asks("PUT /\nContent-Length: 2", "ab");
    d.says('a take; a send PUT /; client resume; a flush; a data "ab"; a end; a flush');
  });
});

/** A middleware with every hook, which notes each call. `verdict`: the result of its `onRequest`. */
function noting(of: () => Dialogue, name: string, verdict: LocalAnswer | null | Promise<LocalAnswer | null> = null): Middleware {
  return {
    name,
    onRequest: () => {
      of().note(`${name} onRequest`);
      return verdict;
    },
    onUpstreamRequest: () => of().note(`${name} onUpstreamRequest`),
    onResponse: (_, { head }) => of().note(`${name} onResponse ${head === null ? "none" : head.status}`),
    onFinish: () => of().note(`${name} onFinish`),
  };
}

function adding(field: string): Middleware {
  return { name: field, onResponse: (_, edits) => edits.append(field, "1") };
}

function boom(): never {
  throw new Error("boom");
}

/** Resolves when every promise that can settle by itself has settled. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await Promise.resolve();
}
