/** Body stages: their order, back-pressure, ends, and every way in which one can fail. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import type { BodyStage } from "../feature/body-stage.ts";
import { SILENT_MS_MAX } from "./body-producer.ts";
import { Dialogue } from "./fake-ports.fixture.ts";
import { GET, Held, OK, PUT, asking, ofRequest, ofResponse, mapping, upper } from "./stages.fixture.ts";

const REPORT = 'report error middleware_failed broken {"route":"#1","middleware":"x"}';

// ---- the response -----------------------------------------------------------------------------------------------------

test("a response's body passes its stage, and its length is what the stage says", () => {
  const d = asking(GET, ofResponse(upper));
  d.upstream.brings(`${OK}ab`);
  d.says('client respond 200 unknown =unknown; client data "AB"; client flush');
  d.upstream.brings("cd");
  d.says('client data "CD"; client end; client flush; thread finished 200 completed; client finished');
  d.ended("200 completed");
});

test("several stages act in the order of the middleware, and the last one's length counts", () => {
  const stages = [mapping((text) => `${text}!`), mapping((text) => text.toUpperCase(), 5)];
  const d = asking(GET, ...stages.map((stage) => ofResponse(() => stage)));
  d.upstream.brings(`${OK}abcd`);
  d.says('client respond 200 length =5; client data "ABCD!"; client end; client flush; thread finished 200 completed; client finished');
  d.ended("200 completed");
});

test("without a body there is no stage, and the fields are as if there were one", () => {
  for (const [head, answer, says] of [
    ["HEAD /", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n", "client respond 200 none =unknown"],
    [GET, "HTTP/1.1 304 Not Modified\r\n\r\n", "client respond 304 none =unknown"],
    [GET, "HTTP/1.1 204 No Content\r\n\r\n", "client respond 204 none =unknown"],
  ] as const) {
    const stage = new Held();
    const d = asking(
      head,
      ofResponse(() => stage),
    );
    d.upstream.brings(answer);
    d.says(`${says}; client end; client flush; thread finished ${says.slice(15, 18)} completed; client finished`);
    assert.equal(stage.output, null);
  }
});

test("an answer of the proxy's own passes no stage", () => {
  const d = new Dialogue({ hooks: [{ name: "x", onResponse: () => new Held() }], health: ["unhealthy"], probed: true });
  d.client.asks(GET);
  d.ended("503 no_endpoint");
});

test("a stage that ends later: the endpoint is free already, the client waits", () => {
  const stage = new Held();
  const d = asking(
    GET,
    ofResponse(() => stage),
  );
  d.upstream.brings(`${OK}abcd`);
  d.says("client respond 200 unknown =unknown; client flush");
  assert.equal(d.inFlight("a"), 0);
  assert.equal(stage.inputEnded, true);
  stage.writes();
  d.says('client data "abcd"; client flush');
  stage.ends();
  d.says("client end; client flush; thread finished 200 completed; client finished");
  d.ended("200 completed");
  stage.writes("more");
  stage.ends();
  d.says("");
  assert.equal(stage.aborted, 0);
});

test("a stage that takes no more stops the endpoint until it resumes", () => {
  const stage = new Held();
  const d = asking(
    GET,
    ofResponse(() => stage),
  );
  stage.takes = false;
  d.upstream.brings(`${OK}ab`);
  d.says("client respond 200 unknown =unknown; client flush; a pause");
  stage.takes = true;
  stage.output?.resume();
  d.says("a resume");
  d.upstream.brings("cd");
  stage.writes();
  stage.ends();
  d.ended("200 completed");
});

test("a client that takes no more stops the stage and the endpoint, and lets both go on", () => {
  for (const late of [false, true]) {
    const stages = [upper(), new Held()] as const;
    const d = asking(GET, ...stages.map((stage) => ofResponse(() => stage)));
    d.upstream.brings(`${OK}ab`);
    d.skip();
    d.client.full = !late;
    assert.equal(stages[1].writes(), late);
    if (late) {
      d.client.blocks();
      d.says('client data "AB"; client flush; a pause');
    } else {
      d.says('client data "AB"; client flush full');
      d.upstream.brings("c");
      d.says("a pause");
    }
    d.client.takesMore();
    d.says("client flush; client flush; a resume");
    assert.equal(stages[1].writables, 1);
    d.upstream.brings(late ? "cd" : "d");
    stages[1].writes();
    stages[1].ends();
    assert.equal(d.client.received, "ABCD");
    d.ended("200 completed");
  }
});

test("what a stage writes while its client takes no more is flushed all the same", () => {
  const stage = new Held();
  const d = asking(
    GET,
    ofResponse(() => stage),
  );
  d.upstream.brings(`${OK}ab`);
  d.skip();
  d.client.blocks();
  d.skip();
  d.client.full = true;
  assert.equal(stage.writes(), false);
  d.says('client data "ab"; client flush full');
});

test("a stage that ends before its body does ends the exchange, and the endpoint's connection", () => {
  const stage = new Held();
  const d = asking(
    GET,
    ofResponse(() => stage),
  );
  d.upstream.brings(`${OK}ab`);
  d.skip();
  stage.ends();
  d.says("client end; client flush; a abort; thread finished 200 completed; client finished");
  d.ended("200 completed");
});

test("the bytes that a stage writes are never those of a buffer that the proxy may write over", () => {
  const shared = Buffer.from("xxabcdxx");
  const stage: BodyStage = { length: 4, start: (output) => output.write(shared.subarray(2, 6)), data: () => {}, end: () => {} };
  const d = asking(
    GET,
    ofResponse(() => stage),
  );
  let seen: Buffer | null = null;
  const before = d.client.data.bind(d.client);
  d.client.data = (bytes, start, end) => {
    assert.equal(start, 0, "nothing lies before");
    seen = bytes;
    before(bytes, start, end);
  };
  d.upstream.brings(`${OK}ab`);
  assert.equal(d.client.received, "abcd");
  assert.notEqual(seen, shared);
  d.client.leaves();
});

for (const [name, breaks] of [
  ["start", { start: boom }],
  ["data", { data: boom }],
  ["end", { end: boom }],
  ["flush", { flush: boom }],
] as const) {
  test(`a stage that throws in ${name} cuts the response`, () => {
    const d = asking(
      GET,
      ofResponse(() => ({ ...upper(), ...breaks })),
    );
    d.upstream.brings(`${OK}ab`);
    if (d.finished.length === 0) d.upstream.brings("cd");
    assert.equal(d.client.over, "cut");
    assert.equal(d.client.ended, false);
    d.ended("200 internal_error");
  });
}

test("a stage that throws when its client takes more, or when it is given up, costs its exchange only", () => {
  const stage = Object.assign(new Held(), { writable: boom, abort: boom });
  const d = asking(
    GET,
    ofResponse(() => stage),
  );
  d.upstream.brings(`${OK}ab`);
  d.client.full = true;
  stage.writes();
  d.skip();
  d.client.takesMore();
  d.says(`${REPORT}; a abort; client cut; thread finished 200 internal_error; client finished`);
  d.ended("200 internal_error");
});

test("a stage that fails, or hands on another number of bytes than it said, cuts the response", () => {
  for (const fails of [
    (stage: Held): void => stage.output?.fail(new Error("broken")),
    (stage: Held): void => void stage.writes("abcdef"),
    (stage: Held): void => {
      stage.writes("abc");
      stage.ends();
    },
  ]) {
    const stage = new Held(5);
    const d = asking(
      GET,
      ofResponse(() => stage),
    );
    d.upstream.brings(`${OK}abcd`);
    fails(stage);
    assert.equal(d.client.over, "cut");
    assert.equal(stage.aborted, 1);
    d.ended("200 internal_error");
  }
});

test("a stage that never ends has its time, but not while its client takes nothing", () => {
  const stage = new Held();
  const d = asking(
    GET,
    ofResponse(() => stage),
  );
  d.upstream.brings(`${OK}abcd`);
  d.passes(SILENT_MS_MAX - 1000);
  d.client.full = true;
  stage.writes("ab");
  d.passes(10 * SILENT_MS_MAX);
  d.client.takesMore();
  d.passes(SILENT_MS_MAX - 1000);
  assert.equal(d.finished.length, 0);
  d.passes(2000);
  d.ended("200 internal_error");
  assert.equal(stage.aborted, 1);
});

test("calls that a stage makes later are dated by the clock, not by the last event of a connection", () => {
  for (const says of [(stage: Held): void => stage.ends(), (stage: Held): void => stage.output?.fail(new Error("broken"))]) {
    const stage = new Held();
    const d = asking(
      GET,
      ofResponse(() => stage),
    );
    d.upstream.brings(`${OK}abcd`);
    const before = d.now;
    d.passesUnseen(500);
    says(stage);
    assert.equal(d.now, before + 500);
    d.isSettled();
  }
});

test("a stage that waits for its endpoint has no time limit of its own", () => {
  const stage = new Held();
  const d = asking(
    GET,
    ofResponse(() => stage),
  );
  d.upstream.brings(`${OK}ab`);
  d.passes(10 * SILENT_MS_MAX);
  assert.equal(d.finished.length, 0);
  d.upstream.brings("cd");
  stage.writes();
  stage.ends();
  d.ended("200 completed");
});

test("a client that leaves, and an endpoint that fails, give the stage up once", () => {
  for (const end of [(d: Dialogue): void => d.client.leaves(), (d: Dialogue): void => d.upstream.fails()]) {
    const stage = new Held();
    const d = asking(
      GET,
      ofResponse(() => stage),
    );
    d.upstream.brings(`${OK}ab`);
    end(d);
    assert.equal(stage.aborted, 1);
    d.isSettled();
  }
  const stage = new Held();
  const d = asking(
    GET,
    ofResponse(() => stage),
  );
  d.upstream.brings(`${OK}abcd`);
  d.client.leaves();
  assert.equal(stage.aborted, 1);
  d.ended("200 client_gone");
});

// ---- the request ------------------------------------------------------------------------------------------------------

test("a request's body passes its stage, and its length is what the stage says", () => {
  const d = new Dialogue({ hooks: [ofRequest(upper)] });
  d.client.asks(PUT);
  d.skip();
  d.upstream.connects();
  d.says("a send PUT / =unknown; client resume; a flush");
  d.client.sends("ab");
  d.says('a data "AB"; a flush');
  d.client.sends("cd");
  d.says('a data "CD"; a end; a flush');
  d.upstream.brings(`${OK}okay`);
  d.ended("200 completed");
});

test("what came before the endpoint was connected passes the stage too", () => {
  const d = new Dialogue({ hooks: [ofRequest(upper)] });
  d.client.asks(PUT, "abcd");
  d.skip();
  d.upstream.connects();
  assert.equal(d.upstream.got, "ABCD");
  assert.equal(d.upstream.gotEnd, true);
  d.upstream.brings(`${OK}okay`);
  d.ended("200 completed");
});

test("a request without a body passes no stage", () => {
  const stage = new Held();
  const d = new Dialogue({ hooks: [ofRequest(() => stage)] });
  d.client.asks(GET);
  d.skip();
  d.upstream.connects();
  d.says("a send GET /; a end; a flush");
  assert.equal(stage.output, null);
});

test("each attempt has stages of its own, and what was sent is sent again through them", () => {
  const made: Held[] = [];
  const d = new Dialogue({
    health: ["unknown", "unknown"],
    hooks: [
      ofRequest(() => {
        const stage = new Held();
        made.push(stage);
        return stage;
      }),
    ],
  });
  d.client.asks(PUT, "ab");
  d.upstream.connects();
  assert.equal(made[0]?.text, "ab");
  made[0]?.writes("AB");
  d.upstream.fails("connection_terminated");
  assert.equal(made[0]?.aborted, 1);
  d.upstream.connects();
  assert.equal(made[1]?.text, "ab");
  d.client.sends("cd");
  made[1]?.writes("ABCD");
  made[1]?.ends();
  assert.equal(d.upstream.got, "ABCD");
  made[0]?.writes("late");
  d.upstream.brings(`${OK}okay`);
  d.ended("200 completed");
});

test("an endpoint that takes no more, and a stage that takes no more, stop the client", () => {
  const stage = new Held();
  const d = asking(
    "PUT /\nContent-Length: 8",
    ofRequest(() => stage),
  );
  stage.takes = false;
  d.client.sends("ab");
  d.says("a flush; client pause");
  stage.takes = true;
  stage.output?.resume();
  d.says("client resume");
  d.upstream.full = true;
  stage.writes();
  d.skip();
  d.client.sends("cd");
  d.says("client pause");
  d.upstream.takesMore();
  d.says("a flush; client resume");
  stage.writes();
  d.upstream.blocks();
  d.skip();
  d.upstream.takesMore();
  d.says("a flush; client resume");
  d.client.sends("efgh");
  stage.writes();
  stage.ends();
  assert.equal(d.upstream.got, "abcdefgh");
  d.upstream.brings(`${OK}okay`);
  d.ended("200 completed");
});

test("a request's stage that fails before the response: 500, and the endpoint gets no whole request", () => {
  const stage = new Held();
  const d = asking(
    PUT,
    ofRequest(() => stage),
  );
  d.client.sends("ab");
  d.skip();
  stage.output?.fail(new Error("broken"));
  d.says(`${REPORT}; a abort; client answer 500 internal_error; thread finished 500 internal_error; client finished`);
  assert.equal(d.upstream.gotEnd, false);
  d.ended("500 internal_error");
});

test("a request's stage that throws at its start: 500, and nothing is sent after the head", () => {
  const d = new Dialogue({ hooks: [ofRequest(() => ({ ...upper(), start: boom }))] });
  d.client.asks(PUT, "abcd");
  d.upstream.connects();
  assert.equal(d.upstream.got, "");
  d.ended("500 internal_error");
});

test("a request's stage that never hands on has its time", () => {
  const stage = new Held();
  const d = asking(
    PUT,
    ofRequest(() => stage),
  );
  d.client.sends("abcd");
  d.passes(SILENT_MS_MAX + 1000);
  assert.equal(stage.aborted, 1);
  d.ended("500 internal_error");
});

test("a response that comes while the request's stage still holds is the answer, and the stage is given up with the exchange", () => {
  const stage = new Held();
  const d = asking(
    PUT,
    ofRequest(() => stage),
  );
  d.client.sends("ab");
  d.upstream.brings(`${OK}okay`);
  assert.equal(stage.aborted, 1);
  d.ended("200 completed");
});

function boom(): never {
  throw new Error("broken");
}
