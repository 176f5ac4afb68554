/** Stages, sources and hooks that break the rules, or act at an unexpected moment: only their own exchange suffers. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { buildResponseHead } from "../../http/build-head.ts";
import type { BodyStage } from "../feature/body-stage.ts";
import type { Middleware } from "../feature/middleware.ts";
import type { SourceResponse } from "../feature/response-source.ts";
import { Dialogue } from "./fake-ports.fixture.ts";
import { Held, mapping, upper } from "./stages.fixture.ts";

const GET = "GET /";
const PUT = "PUT /\nContent-Length: 4";
const OK = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n";
const SWITCH = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";

const ofResponse = (stage: BodyStage): Middleware => ({ name: "x", onResponse: (_, { head }) => (head === null ? null : stage) });
const ofRequest = (stage: BodyStage): Middleware => ({ name: "x", onUpstreamRequest: () => stage });

function asking(head: string, ...hooks: readonly Middleware[]): Dialogue {
  const d = new Dialogue({ hooks });
  d.client.asks(head);
  d.upstream.connects();
  return d.skip();
}

// ---- lengths ----------------------------------------------------------------------------------------------------------

test("an invalid length ends the exchange before a head is sent with it", () => {
  for (const length of [-2, 0.5, Number.NaN, Infinity, 2 ** 53]) {
    const request = asking(PUT, ofRequest(mapping((text) => text, length)));
    assert.equal(request.upstream.gotHead, false);
    request.ended("500 internal_error");

    const response = asking(GET, ofResponse(mapping((text) => text, length)));
    response.upstream.brings(`${OK}abcd`);
    response.ended("500 internal_error");

    const source = new Dialogue({
      hooks: [
        {
          name: "x",
          source: () => ({
            start: (_, out) => {
              out.respond(buildResponseHead({ status: 200 }, []), length);
              return {};
            },
          }),
        },
      ],
    });
    source.client.asks(GET);
    source.ended("500 internal_error");
  }
});

test("the length that counts is the one in the head, whatever the stage says later", () => {
  const stage = Object.assign(new Held(4), { length: 4 });
  const d = asking(GET, ofResponse(stage));
  d.upstream.brings(`${OK}abcd`);
  stage.length = -1;
  stage.writes("abcdef");
  assert.equal(d.client.received, "");
  d.ended("200 internal_error");
});

// ---- ends -------------------------------------------------------------------------------------------------------------

test("when a stage ends early, those before it are given up", () => {
  const [first, second] = [new Held(), new Held()];
  const d = asking(GET, ofResponse(first), ofResponse(second));
  d.upstream.brings(`${OK}ab`);
  second.ends();
  assert.deepEqual([first.aborted, second.aborted], [1, 0]);
  d.ended("200 completed");
});

test("when a stage of the request ends early, a client that was told to wait goes on, and what it sends is dropped", () => {
  const [first, second] = [new Held(), new Held()];
  const d = asking(PUT, ofRequest(first), ofRequest(second));
  d.upstream.blocks();
  assert.equal(d.client.paused, true);
  first.ends();
  assert.equal(d.client.paused, false);
  d.client.sends("abcd");
  assert.equal(first.text, "");
  second.ends();
  d.upstream.takesMore();
  d.upstream.blocks();
  assert.equal(d.client.paused, false, "nothing of it can come to the endpoint");
  d.upstream.brings(`${OK}okay`);
  d.ended("200 completed");
});

test("a stage before one that has ended early does not wait for the endpoint", () => {
  const [first, second, third] = [upper(), new Held(), new Held()];
  const d = asking(PUT, ofRequest(first), ofRequest(second), ofRequest(third));
  second.ends();
  d.upstream.blocks();
  d.client.sends("ab");
  assert.equal(d.client.paused, false);
  d.client.sends("cd");
  third.writes("xyz");
  assert.equal(d.upstream.got, "xyz");
  d.upstream.takesMore();
  assert.equal(third.writables, 1);
  d.upstream.brings(`${OK}okay`);
  d.ended("200 completed");
});

test("an endpoint whose response goes to a stage that has ended is read on", () => {
  const [first, second] = [new Held(), new Held()];
  const d = asking(GET, ofResponse(first), ofResponse(second));
  d.upstream.brings(`${OK}ab`);
  first.ends();
  d.client.blocks();
  assert.equal(d.upstream.paused, false);
  d.upstream.brings("cd");
  assert.equal(first.text, "ab");
  d.client.takesMore();
  assert.equal(second.writables, 1);
  second.ends();
  d.ended("200 completed");
});

test("a stage that ends within `flush` and returns false: its client does not wait", () => {
  const stage = new Held();
  const d = asking(PUT, ofRequest(Object.assign(stage, { flush: () => stage.text === "" || (stage.ends(), false) })));
  d.client.sends("ab");
  assert.equal(d.client.paused, false);
  d.client.sends("cd");
  d.upstream.brings(`${OK}okay`);
  d.ended("200 completed");
});

test("a stage of an earlier attempt that resumes does not let a paused endpoint go on", () => {
  const stages: Held[] = [];
  const make = (): Held => {
    const stage = Object.assign(new Held(), { takes: false });
    stages.push(stage);
    return stage;
  };
  const d = new Dialogue({ health: ["unknown", "unknown"], hooks: [{ name: "x", onUpstreamRequest: make }] });
  d.client.asks(PUT, "ab");
  d.upstream.connects();
  d.upstream.fails();
  d.upstream.connects();
  d.client.full = true;
  d.upstream.brings("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nok");
  assert.equal(d.upstream.paused, true);
  d.skip();
  stages[0]?.output?.resume();
  d.says("");
  d.client.takesMore();
  d.upstream.brings("ay");
  d.ended("200 completed");
});

test("the last stage of the request ends while its client waits", () => {
  const stage = new Held();
  const d = asking(PUT, ofRequest(stage));
  stage.takes = false;
  d.client.sends("ab");
  assert.equal(d.client.paused, true);
  stage.ends();
  assert.equal(d.client.paused, false);
  d.client.sends("cd");
  d.upstream.brings(`${OK}okay`);
  d.ended("200 completed");
});

test("after the response has come, what a stage of the request still makes goes nowhere", () => {
  const [request, response] = [new Held(), new Held()];
  const d = asking(PUT, ofRequest(request), ofResponse(response));
  d.client.sends("ab");
  d.upstream.blocks();
  assert.equal(d.client.exchange.requestBlocked, true);
  d.upstream.brings(`${OK}okay`);
  d.skip();
  assert.equal(request.aborted, 1);
  assert.equal(d.client.exchange.requestBlocked, false, "nothing refers to what the client sent");
  request.writes("late");
  request.ends();
  d.says("");
  response.writes();
  response.ends();
  assert.equal(d.client.received, "okay");
  d.ended("200 completed");
});

test("no protocol is switched while a stage still holds a part of the request", () => {
  const stage = new Held();
  const d = asking("GET /\nConnection: upgrade\nUpgrade: websocket\nContent-Length: 4", ofRequest(stage));
  d.client.sends("abcd");
  d.upstream.brings(SWITCH);
  d.ended("502 malformed_response");

  const whole = asking("GET /\nConnection: upgrade\nUpgrade: websocket\nContent-Length: 4", ofRequest(upper()));
  whole.client.sends("abcd");
  whole.upstream.brings(SWITCH);
  assert.equal(whole.client.over, "tunnel");
  whole.upstream.tunnelEnds();
  whole.ended("101 tunnel");
});

test("when delivering a body ends the exchange, its client is told nothing after that", () => {
  const broken = ofRequest({ ...upper(), data: boom });
  for (const head of [PUT, "PUT /\nTransfer-Encoding: chunked"]) {
    const d = new Dialogue({ hooks: [broken] });
    d.client.asks(head, head === PUT ? "abcd" : "4\r\nabcd\r\n");
    d.upstream.connects();
    d.ended("500 internal_error");
  }
  const late = Promise.withResolvers<null>();
  const collected = new Dialogue({
    health: ["unknown", "unknown"],
    hooks: [
      { name: "y", onRequest: (x) => (void x.collectBody(10), late.promise) },
      { name: "x", onUpstreamRequest: () => (collected.connections.length > 1 ? { ...upper(), end: boom } : null) },
    ],
  });
  collected.client.asks(PUT, "abcd");
  late.resolve(null);
  return late.promise.then(async () => {
    await Promise.resolve();
    collected.upstream.connects();
    collected.upstream.fails();
    collected.upstream.connects();
    collected.ended("500 internal_error");
  });
});

test("a source that ends the exchange within `flush`: the client's next request is not stopped", () => {
  let out: SourceResponse | null = null;
  let hasCome = false;
  const d = new Dialogue({
    hooks: [
      {
        name: "x",
        source: () => ({
          start: (_, response) => {
            out = response;
            return {
              data: () => void (hasCome = true),
              flush: () => {
                if (!hasCome) return true;
                out?.respond(buildResponseHead({ status: 200 }, []), 0);
                out?.end(null);
                return false;
              },
            };
          },
        }),
      },
    ],
  });
  d.client.asks(PUT);
  d.client.sends("ab");
  assert.equal(d.client.paused, false);
  d.ended("200 completed");
});

for (const ends of [false, true]) {
  test(`a source whose exchange ends within its start is aborted afterwards, unless it has called end (${ends})`, () => {
    let aborted = 0;
    const d = new Dialogue({
      hooks: [
        ofResponse({ ...upper(), start: boom }),
        {
          name: "x",
          source: () => ({
            start: (_, response) => {
              response.respond(buildResponseHead({ status: 200 }, []), -1);
              if (ends) response.end(null);
              return { abort: () => void aborted++ };
            },
          }),
        },
      ],
    });
    d.client.asks(GET);
    assert.equal(aborted, ends ? 0 : 1);
    d.ended("200 internal_error");
  });
}

// ---- hooks that end an exchange ---------------------------------------------------------------------------------------

test("a hook makes a stage of the request fail when the response comes: 500, and nothing of the response", () => {
  for (const hook of ["onResponse", "onUpstreamResponse"] as const) {
    const stage = new Held();
    let isTold = false;
    const fails = (): null => {
      if (!isTold) stage.output?.fail(new Error("broken"));
      isTold = true;
      return null;
    };
    const d = asking(PUT, ofRequest(stage), { name: "y", [hook]: fails });
    d.client.sends("ab");
    d.upstream.brings(`${OK}okay`);
    d.ended("500 internal_error");
  }
});

test("a hook that fails a stage of the request and asks for a retry: there is none", () => {
  const stage = new Held();
  const d = new Dialogue({
    health: ["unknown", "unknown"],
    hooks: [ofRequest(stage), { name: "y", onUpstreamResponse: () => (stage.output?.fail(new Error("broken")), "retry") }],
  });
  d.client.asks(PUT, "ab");
  d.upstream.connects();
  d.upstream.brings(`${OK}okay`);
  assert.equal(d.connections.length, 1);
  d.ended("500 internal_error");
});

test("a hook that answers another exchange meanwhile: each head has its own edits", () => {
  for (const hook of ["onResponse", "onUpstreamRequest"] as const) {
    let waiting: SourceResponse | null = null;
    const other = new Dialogue({
      hooks: [
        { name: "x", source: () => ({ start: (_, response) => ((waiting = response), {}) }) },
        { name: "y", onResponse: (_, edits) => edits.append("X-Other", "1") },
      ],
    });
    other.client.asks(GET);
    const next = new Dialogue({ hooks: [{ name: "z", onUpstreamRequest: (_, edits) => edits.append("X-Next", "1") }] }).pools("a");
    const wakes: Middleware = {
      name: "y",
      [hook]: () => {
        waiting?.respond(buildResponseHead({ status: 200 }, []), 2);
        waiting?.write(Buffer.from("ok"));
        waiting?.end(null);
        // The client's next request begins within the same call.
        next.client.asks(GET);
      },
    };
    const d = new Dialogue({
      hooks: [
        {
          name: "x",
          onResponse: (_, edits) => edits.append("X-Own", "1"),
          onUpstreamRequest: (_, edits) => edits.append("X-Own", "1"),
        },
        wakes,
      ],
    });
    d.client.asks(GET);
    d.skip();
    d.upstream.connects();
    d.says("a send GET / +X-Own: 1; a end; a flush");
    d.upstream.brings(`${OK}okay`);
    d.says(
      'client respond 200 length +X-Own: 1; client data "okay"; client end; client flush; thread finished 200 completed; client finished',
    );
    other.ended("200 completed");
    next.says("a take; a send GET / +X-Next: 1; a end; a flush");
    next.upstream.brings(`${OK}okay`);
    next.ended("200 completed");
  }
});

function boom(): never {
  throw new Error("broken");
}
