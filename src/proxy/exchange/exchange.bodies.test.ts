/** Bodies in both directions, trailers, interim responses and tunnels, with back-pressure on each side. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Dialogue } from "./fake-ports.fixture.ts";
import type { Setting } from "./fake-ports.fixture.ts";

const LENGTH_6 = "PUT /\nContent-Length: 6";
const CHUNKED = "PUT /\nTransfer-Encoding: chunked";
const HEAD = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n";
const EXPECTING = `${LENGTH_6}\nExpect: 100-continue`;
const UPGRADE = "GET /\nConnection: upgrade\nUpgrade: websocket";
const SWITCH = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
const interim = (status: number): string => `HTTP/1.1 ${status} Wait\r\n\r\n`;

/** An exchange whose request is being sent on a new connection. */
function begun(head: string, setting: Setting = {}): Dialogue {
  const d = new Dialogue(setting);
  d.client.asks(head);
  d.upstream.connects();
  return d.skip();
}

describe("the request's body", () => {
  test("waits for the connection, then goes slice by slice", () => {
    const d = new Dialogue();
    d.client.asks(LENGTH_6, "ab");
    d.client.sends("cd");
    d.says("a none; a dial");
    d.upstream.connects();
    d.says('a send PUT /; client resume; a data "abcd"; a flush; a flush');
    d.client.sends("ef");
    d.says('a data "ef"; a end; a flush');
    d.upstream.brings(`${HEAD}abcdef`);
    d.ended("200 completed");
    const { size } = d.client.exchange.request;
    assert.deepEqual([d.record.bytesReceived, d.record.bytesSent], [size + 6, 106]);
  });

  test("in chunks ends with its trailers", () => {
    const d = begun(CHUNKED);
    d.client.sends("2\r\nab\r\n2\r\ncd\r\n");
    d.says('a data "ab"; a data "cd"; a flush');
    d.client.sends("0\r\nx-sum: 1\r\n\r\n");
    d.says("a end with x-sum: 1; a flush");
    assert.equal(d.client.exchange.requestEnded, true);
  });

  test("is paused while the endpoint does not read, and goes on when it does", () => {
    const d = begun(LENGTH_6);
    d.upstream.full = true;
    d.client.sends("ab");
    d.says('a data "ab"; a flush full; client pause');
    assert.equal(d.client.exchange.requestBlocked, true);
    d.upstream.takesMore();
    d.says("client resume");
    assert.equal(d.client.exchange.requestBlocked, false);
    d.client.sends("cdef");
    d.says('a data "cdef"; a end; a flush');
  });

  test("is paused when an earlier flush turns out to be unfinished", () => {
    const d = begun(LENGTH_6);
    d.client.sends("ab");
    d.skip();
    d.upstream.blocks();
    d.says("client pause");
    assert.equal(d.client.exchange.requestBlocked, true);
  });

  test("whole or not, is paused where even the head is not taken", () => {
    for (const head of ["GET /", LENGTH_6]) {
      const d = new Dialogue().pools("a");
      d.upstream.full = true;
      d.client.asks(head);
      d.says(`a take; a send ${head.slice(0, 3)} /; ${head === "GET /" ? "a end" : "client resume"}; a flush full; client pause`);
      d.upstream.takesMore();
      d.says("client resume");
    }
  });

  test("goes on after the response has begun, and is given up when the response ends first", () => {
    const d = begun(LENGTH_6);
    d.client.sends("ab");
    d.upstream.brings(HEAD);
    d.says('a data "ab"; a flush; client respond 200 length; client flush');
    d.client.sends("cd");
    d.says('a data "cd"; a flush');
    d.upstream.brings("abcdef");
    d.says('client data "abcdef"; client end; client flush; thread finished 200 completed; client finished');
    assert.equal(d.client.exchange.requestEnded, false);
    d.ended("200 completed");
  });

  test("is read on where a flush finds that the endpoint takes nothing more: its answer may still come", () => {
    const d = begun(LENGTH_6);
    d.upstream.flush = () => {
      d.client.exchange.upstreamUnblocked(d.upstream);
      return true;
    };
    d.client.sends("ab");
    d.says('a data "ab"; client resume');
    assert.deepEqual([d.client.paused, d.client.exchange.requestBlocked], [false, false]);
  });

  test("is not flushed before there is a connection", () => {
    const d = new Dialogue();
    d.client.asks("GET /");
    d.client.exchange.requestFlush();
    d.says("a none; a dial");
  });
});

describe("the client that waits for a 100 (Continue)", () => {
  test("waits until it has come, or a byte of the body, or the end", () => {
    const told = begun(EXPECTING);
    assert.equal(told.client.exchange.awaitsContinue, true);
    told.upstream.brings(interim(103));
    assert.equal(told.client.exchange.awaitsContinue, true);
    told.upstream.brings(interim(100));
    assert.equal(told.client.exchange.awaitsContinue, false);

    const impatient = begun(EXPECTING);
    impatient.client.sends("a");
    assert.equal(impatient.client.exchange.awaitsContinue, false);

    const empty = begun(`${CHUNKED}\nExpect: 100-continue`);
    empty.client.sends("0\r\n\r\n");
    assert.equal(empty.client.exchange.awaitsContinue, false);
  });

  test("is none where it did not say so, has no body, or speaks HTTP/1.0", () => {
    for (const head of [LENGTH_6, "GET /\nExpect: 100-continue", "PUT / HTTP/1.0\nContent-Length: 6\nExpect: 100-continue"])
      assert.equal(begun(head).client.exchange.awaitsContinue, false, head);
  });
});

describe("the response's body", () => {
  test("goes slice by slice, flushed once for what one read brought", () => {
    const d = begun("GET /");
    d.upstream.brings("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n2\r\ncd\r\n");
    d.says('client respond 200 unknown; client data "ab"; client data "cd"; client flush');
    d.upstream.brings("0\r\nx-sum: 1\r\n\r\n");
    d.says("client end with x-sum: 1; client flush; thread finished 200 completed; client finished");
    d.ended("200 completed");
    assert.equal(d.client.received, "abcd");
  });

  test("may end with its connection, or have none", () => {
    const d = begun("GET /");
    d.upstream.brings("HTTP/1.1 200 OK\r\n\r\nab");
    d.says('client respond 200 unknown; client data "ab"; client flush');
    d.upstream.closes();
    d.says("client end; client flush; thread finished 200 completed; client finished");
    d.ended("200 completed");

    for (const [head, response, framing] of [
      ["GET /", "HTTP/1.1 304 Not Modified\r\n\r\n", "304 none"],
      ["HEAD /", HEAD, "200 none"],
    ] as const) {
      const without = begun(head);
      without.upstream.brings(response);
      without.says(
        `client respond ${framing}; client end; client flush; thread finished ${framing.slice(0, 3)} completed; client finished`,
      );
      without.ended(`${framing.slice(0, 3)} completed`);
    }
  });

  test("is cut where its connection ends too early", () => {
    const d = begun("GET /");
    d.upstream.brings(`${HEAD}ab`);
    d.skip();
    d.upstream.closes();
    d.says("client cut; thread finished 200 connection_terminated; client finished");
    d.ended("200 connection_terminated");
    assert.deepEqual([d.record.bytesSent, d.count("origin_failures")], [102, 1]);
  });

  test("is cut where it is malformed", () => {
    const d = begun("GET /");
    d.upstream.brings("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabx");
    d.says('client respond 200 unknown; client data "ab"; client cut; thread finished 200 malformed_response; client finished');
    d.ended("200 malformed_response");
  });

  test("is paused while the client does not read, and goes on when it does", () => {
    const d = begun("GET /");
    d.client.full = true;
    d.upstream.brings(`${HEAD}ab`);
    d.says('client respond 200 length; client data "ab"; client flush full; a pause');
    d.client.takesMore();
    d.says("a resume");
    d.upstream.brings("cdef");
    assert.equal(d.upstream.written, true);
    d.ended("200 completed");
  });

  test("is paused when an earlier flush turns out to be unfinished", () => {
    const d = begun("GET /");
    d.upstream.brings(`${HEAD}ab`);
    d.skip();
    d.client.blocks();
    d.says("a pause");
    d.client.takesMore();
    d.says("a resume");
  });

  test("a last slice that the client has not taken is still in use: its end says so", () => {
    const d = begun("GET /");
    d.client.full = true;
    d.upstream.brings(`${HEAD}abcdef`);
    d.says(
      'client respond 200 length; client data "abcdef"; client end; client flush full; thread finished 200 completed; client finished',
    );
    assert.equal(d.upstream.written, false);
    d.ended("200 completed");
  });

  test("times its head from the request's first byte", () => {
    const d = begun("GET /");
    d.now += 30;
    d.upstream.brings(`${HEAD}ab`);
    d.now += 30;
    d.upstream.brings("cdef");
    d.ended("200 completed");
    assert.equal(d.record.originHeadMs, 30);
  });

  test("in both directions each side is told to wait for itself", () => {
    const d = begun(LENGTH_6);
    d.upstream.brings(HEAD);
    d.upstream.full = true;
    d.client.full = true;
    d.client.sends("ab");
    d.upstream.brings("ab");
    d.says(
      'client respond 200 length; client flush; a data "ab"; a flush full; client pause; client data "ab"; client flush full; a pause',
    );
    d.client.takesMore();
    d.says("a resume");
    d.upstream.takesMore();
    d.says("client resume");
  });
});

describe("interim responses", () => {
  test("are all passed on, also where the same comes twice", () => {
    const d = new Dialogue();
    d.client.asks("PUT /\nContent-Length: 2\nExpect: 100-continue");
    d.upstream.connects();
    d.skip();
    for (const status of [100, 100, 103, 100, 103]) {
      d.upstream.brings(interim(status));
      d.says(`client interim ${status}; client flush`);
    }
    d.client.sends("ab");
    d.upstream.brings(`${HEAD}abcdef`);
    d.ended("200 completed");
  });

  for (const status of [100, 102, 103]) {
    test(`${status} goes to the client at once, and is not the response`, () => {
      const d = begun("GET /");
      d.upstream.brings(interim(status));
      d.says(`client interim ${status}; client flush`);
      assert.deepEqual([d.client.exchange.responseStarted, d.client.exchange.status, d.client.exchange.originHeadMs], [false, 0, -1]);
      d.upstream.brings(`${HEAD}abcdef`);
      d.ended("200 completed");
      assert.equal(d.record.bytesSent, 206);
    });
  }

  test("too many at once are a fault", () => {
    const d = begun("GET /");
    for (let count = 0; count < 32; count++) d.upstream.brings(interim(102));
    d.skip();
    d.upstream.brings(interim(102));
    d.says("client answer 502 malformed_response; thread finished 502 malformed_response; client finished");
    d.ended("502 malformed_response");
  });

  test("one a second is bearable for long", () => {
    const d = begun("GET /");
    for (let count = 0; count < 200; count++) {
      d.now += 1000;
      d.upstream.brings(interim(102));
    }
    d.upstream.brings(`${HEAD}abcdef`);
    d.ended("200 completed");
  });

  test("their number is the exchange's, not the attempt's", () => {
    const d = begun("GET /", { health: ["unknown", "unknown"] });
    for (let count = 0; count < 32; count++) d.upstream.brings(interim(100));
    // No driver says `answered: false` after interim responses. Said here, it leads to another attempt, for which the earlier ones still count.
    d.upstream.fails("connection_terminated", { sent: true, answered: false });
    d.upstream.connects();
    d.skip();
    d.upstream.brings(interim(100));
    d.says("client answer 502 malformed_response; thread finished 502 malformed_response; client finished");
  });
});

describe("a switch of protocols", () => {
  test("that was asked for makes a tunnel, which ends in good order", () => {
    const d = begun(UPGRADE);
    d.now += 5;
    d.upstream.brings(SWITCH);
    d.says("client tunnel 101 a");
    assert.deepEqual([d.client.exchange.responseStarted, d.inFlight("a")], [true, 1]);
    d.upstream.tunnelEnds();
    d.says("thread finished 101 tunnel; client finished");
    d.ended("101 tunnel");
    assert.equal(d.record.originHeadMs, 5);
  });

  test("keeps the outcome that whoever ended the tunnel gave it", () => {
    const d = begun(UPGRADE);
    d.upstream.brings(SWITCH);
    d.client.exchange.outcome = "tunnel_idle";
    d.upstream.tunnelEnds();
    d.ended("101 tunnel_idle");
  });

  test("counts what a tunnel received", () => {
    const d = begun(UPGRADE);
    d.upstream.brings(SWITCH);
    d.client.exchange.bytesReceived += 7;
    d.client.bytesWritten += 9;
    d.upstream.tunnelEnds();
    d.ended("101 tunnel");
    assert.deepEqual([d.record.bytesReceived, d.record.bytesSent], [d.client.exchange.request.size + 7, 109]);
  });

  test("that nobody asked for is a fault", () => {
    const d = begun("GET /");
    d.upstream.brings(SWITCH);
    d.says("client answer 502 malformed_response; thread finished 502 malformed_response; client finished");
    d.ended("502 malformed_response");
  });

  test("before the request has ended is a fault", () => {
    const d = begun(`${UPGRADE}\nContent-Length: 2`);
    d.upstream.brings(SWITCH);
    d.says("client answer 502 malformed_response; thread finished 502 malformed_response; client finished");
    d.ended("502 malformed_response");
  });

  test("after interim responses is as good", () => {
    const d = begun(UPGRADE);
    d.upstream.brings(interim(103) + SWITCH);
    d.says("client interim 103; client tunnel 101 a");
  });

  test("refused by the endpoint is a response like any other", () => {
    const d = begun(UPGRADE);
    d.upstream.brings(`${HEAD}abcdef`);
    d.ended("200 completed");
  });

  test("a lost connection under a tunnel ends it, as a tunnel and without a failure of the endpoint", () => {
    const d = begun(UPGRADE);
    d.upstream.brings(SWITCH);
    d.skip();
    d.client.exchange.upstreamFailed(d.upstream, { kind: "connection_terminated", reused: false, answered: true, sent: true });
    d.upstream.state = "over";
    d.says("thread finished 101 tunnel; client finished");
    d.ended("101 tunnel");
    assert.equal(d.count("origin_failures"), 0);
  });
});
