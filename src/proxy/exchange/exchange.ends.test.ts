/** How an exchange ends, in each phase, when the client leaves, the request is malformed or too slow, or the proxy drains. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as answers from "./answers.ts";
import type { ClientEnd } from "../ports/client-stream.ts";
import { Dialogue } from "./fake-ports.fixture.ts";
import { Phase as ExchangePhase } from "./phase.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabcdef";
const CHUNKED = "PUT /\nTransfer-Encoding: chunked";
const UPGRADE = "GET /\nConnection: upgrade\nUpgrade: websocket";
const SWITCH = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
const ENDS: readonly ClientEnd[] = ["client_gone", "client_reset", "client_stalled", "drain_timeout"];

interface Phase {
  readonly name: string;
  begin(): Dialogue;
  /** Whether a connection to an endpoint is aborted. */
  readonly upstream: "a" | "b" | "";
  /** Status of the response whose head has gone out; 0: none has. */
  readonly status: 0 | 101 | 200;
}

const PHASES: readonly Phase[] = [
  {
    name: "admission",
    upstream: "",
    status: 0,
    begin: () => asked(new Dialogue({ hooks: [{ name: "x", onRequest: () => new Promise(() => {}) }] })),
  },
  { name: "connecting", upstream: "a", status: 0, begin: () => asked(new Dialogue()) },
  { name: "waiting for the response", upstream: "a", status: 0, begin: () => connected(new Dialogue()) },
  { name: "waiting on a reused connection", upstream: "a", status: 0, begin: () => asked(new Dialogue().pools("a")) },
  {
    name: "after an interim response",
    upstream: "a",
    status: 0,
    begin: () => brought(connected(new Dialogue()), "HTTP/1.1 103 Early Hints\r\n\r\n"),
  },
  {
    name: "in the second attempt",
    upstream: "b",
    status: 0,
    begin: () => {
      const d = asked(new Dialogue({ health: ["unknown", "unknown"] }));
      d.upstream.fails("connection_refused");
      return d;
    },
  },
  { name: "after the head", upstream: "a", status: 200, begin: () => brought(connected(new Dialogue()), OK.slice(0, -6)) },
  { name: "within the body", upstream: "a", status: 200, begin: () => brought(connected(new Dialogue()), OK.slice(0, -3)) },
  {
    name: "while the response is paused",
    upstream: "a",
    status: 200,
    begin: () => {
      const d = connected(new Dialogue());
      d.client.full = true;
      return brought(d, OK.slice(0, -3));
    },
  },
  {
    name: "while the request is paused",
    upstream: "a",
    status: 0,
    begin: () => {
      const d = connected(new Dialogue());
      d.upstream.full = true;
      d.client.sends("2\r\nab\r\n");
      return d;
    },
  },
  {
    name: "in a tunnel",
    upstream: "a",
    status: 101,
    begin: () => {
      const d = new Dialogue();
      d.client.asks(UPGRADE);
      d.upstream.connects();
      return brought(d, SWITCH);
    },
  },
];

describe("the client leaves, or is cut", () => {
  for (const { name, begin, upstream, status } of PHASES) {
    test(name, () => {
      for (const reason of ENDS) {
        const d = begin().skip();
        d.client.leaves(reason);
        const outcome = status === 101 && reason !== "drain_timeout" ? "tunnel" : reason;
        const last = `${status === 0 ? 499 : status} ${outcome}`;
        d.says(`${upstream === "" ? "" : `${upstream} abort; `}thread finished ${last}; client finished`);
        const { requestBlocked, takesBody, phase } = d.client.exchange;
        assert.deepEqual([requestBlocked, takesBody, phase], [false, false, ExchangePhase.finished]);
        d.ended(last);
      }
    });
  }
});

describe("the request cannot be completed", () => {
  for (const { name, begin, upstream, status } of PHASES) {
    // A tunnel's driver reads no request any more.
    if (status === 101) continue;
    test(`${name}: too slow, or the proxy drains`, () => {
      for (const answer of [answers.REQUEST_TIMEOUT, answers.DRAIN_TIMEOUT]) {
        const d = begin().skip();
        d.client.exchange.requestFailed(answer);
        const last = `${status === 0 ? answer.status : status} ${answer.reason}`;
        const told = status === 0 ? `client answer ${last}` : "client cut";
        d.says(`${upstream === "" ? "" : `${upstream} abort; `}${told}; thread finished ${last}; client finished`);
        const { requestBlocked, takesBody, phase } = d.client.exchange;
        assert.deepEqual([requestBlocked, takesBody, phase], [false, false, ExchangePhase.finished]);
        d.ended(last);
        assert.equal(d.count("malformed_requests"), 0);
        d.client.exchange.requestFailed(answer);
        d.says("");
        d.isSettled();
      }
    });
  }

  for (const { name, begin, upstream, status } of PHASES) {
    // A body is read only while something takes it.
    if (status === 101 || !begin().client.exchange.takesBody) continue;
    test(`${name}: malformed`, () => {
      const d = begin().skip();
      d.client.exchange.requestMalformed(answers.answer(400, "bad_chunk_size", "The chunk size is malformed."));
      const last = `${status === 0 ? 400 : status} bad_chunk_size`;
      d.says(`${upstream} abort; ${status === 0 ? `client answer ${last}` : "client cut"}; thread finished ${last}; client finished`);
      d.ended(last);
      assert.equal(d.count("malformed_requests"), 1);
    });
  }

  test("its body is malformed before the response", () => {
    const d = connected(new Dialogue());
    d.client.sends("2\r\nab\r\n");
    d.skip();
    d.client.sends("x\r\n");
    d.says("a abort; client answer 400 bad_chunk_size; thread finished 400 bad_chunk_size; client finished");
    d.ended("400 bad_chunk_size");
    assert.deepEqual([d.count("malformed_requests"), d.upstream.gotEnd], [1, false]);
  });

  test("its body is malformed after the response's head", () => {
    const d = brought(connected(new Dialogue()), OK.slice(0, -3)).skip();
    d.client.sends("x\r\n");
    d.says("a abort; client cut; thread finished 200 bad_chunk_size; client finished");
    d.ended("200 bad_chunk_size");
    assert.equal(d.count("malformed_requests"), 1);
  });

  test("its body is malformed, and that shows as the connection comes about", () => {
    for (const pooled of [false, true]) {
      const d = new Dialogue();
      if (pooled) d.pools("a");
      d.client.asks(CHUNKED, "x\r\n");
      if (!pooled) d.upstream.connects();
      const before = pooled ? "a take; a send PUT /; client resume; a flush" : "a none; a dial; a send PUT /; client resume";
      d.says(`${before}; a abort; client answer 400 bad_chunk_size; thread finished 400 bad_chunk_size; client finished`);
      d.ended("400 bad_chunk_size");
    }
  });
});

describe("the end", () => {
  test("is counted back: exchange, generation and endpoint", () => {
    const d = new Dialogue();
    assert.equal(d.snapshot.exchangesOpen, 0);
    d.client.asks("GET /");
    assert.deepEqual([d.snapshot.exchangesOpen, d.count("exchanges_in_flight"), d.inFlight("a")], [1, 1, 1]);
    d.upstream.connects();
    d.upstream.brings(OK);
    assert.deepEqual([d.snapshot.exchangesOpen, d.count("exchanges_in_flight"), d.inFlight("a")], [0, 0, 0]);
    d.ended("200 completed");
  });

  test("gives the endpoint free before the client hears of it: the next request may come at once", () => {
    const d = connected(new Dialogue());
    const inFlight: number[] = [];
    d.client.end = () => inFlight.push(d.inFlight("a"));
    d.upstream.brings(OK);
    assert.deepEqual(inFlight, [0]);
  });

  test("counts what was written since the exchange began, and never less than nothing", () => {
    const d = new Dialogue();
    d.client.bytesWritten = 1000;
    d.client.asks("GET /");
    d.upstream.connects();
    d.upstream.brings(OK);
    d.ended("200 completed");
    assert.equal(d.record.bytesSent, 106);

    const gone = new Dialogue();
    gone.client.bytesWritten = 1000;
    gone.client.asks("GET /");
    // Bytes of an earlier response that still waited were not written after all.
    gone.client.bytesWritten = 900;
    gone.client.leaves();
    gone.ended("499 client_gone");
    assert.equal(gone.record.bytesSent, 0);
  });

  test("is counted where the exchange began, whatever the configuration is by then", () => {
    const d = connected(new Dialogue());
    const before = d.snapshot;
    const after = new Dialogue({ adapt: (config) => (config.routes = []) }).snapshot;
    d.snapshot = after;
    d.upstream.brings(OK);
    assert.deepEqual([before.exchangesOpen, after.exchangesOpen, d.client.exchange.snapshot], [0, 0, before]);
    d.ended("200 completed");
  });

  test("comes once, even if drivers report an end again", () => {
    const d = connected(new Dialogue());
    d.upstream.brings("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n");
    d.client.leaves("client_stalled");
    d.client.exchange.clientGone("client_reset");
    d.ended("200 client_stalled");
  });
});

function asked(d: Dialogue): Dialogue {
  d.client.asks(CHUNKED);
  return d;
}

function connected(d: Dialogue): Dialogue {
  asked(d).upstream.connects();
  return d;
}

function brought(d: Dialogue, response: string): Dialogue {
  d.upstream.brings(response);
  return d;
}
