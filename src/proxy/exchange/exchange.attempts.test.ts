/** Attempts at endpoints: what a failure at each moment leads to, which endpoint is next, and what is sent again. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { describe, test } from "node:test";
import { buildResponseHead } from "../../http/build-head.ts";
import { Dialogue } from "./fake-ports.fixture.ts";
import { FAILURES } from "./failure.ts";
import type { FailureKind } from "./failure.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const TWO = ["unknown", "unknown"] as const;
const THREE = ["unknown", "unknown", "unknown"] as const;
const UPGRADE = "GET /\nConnection: upgrade\nUpgrade: websocket";
/** Bytes of a body that can be sent again. */
const REPLAY_BYTES_MAX = 16 * 1024;

/** Failures to establish a connection. */
const CONNECT: readonly FailureKind[] = [
  "connection_refused",
  "destination_unroutable",
  "dns_error",
  "dns_timeout",
  "connection_timeout",
  "certificate_error",
  "tls_error",
  "connection_limit",
];
/** Failures of an established connection. */
const LATER: readonly FailureKind[] = ["connection_terminated", "response_timeout", "malformed_response", "write_timeout"];

const answered = (kind: FailureKind): string => {
  const { status } = FAILURES[kind];
  return `client answer ${status} ${kind}; thread finished ${status} ${kind}; client finished`;
};

interface Moment {
  /** The kinds of failure that are possible at this moment. */
  readonly kinds: readonly FailureKind[];
  /** Bytes of the request's body that the connection got before. */
  readonly bodyBytes?: number;
  /** The part of the response that had come. */
  readonly came?: string;
  readonly unsent?: boolean;
}

const MOMENTS: Readonly<Record<string, Moment>> = {
  connecting: { kinds: [...CONNECT, "connection_terminated"] },
  unsent: { kinds: ["connection_terminated"], unsent: true },
  sent: { kinds: LATER },
  "some of the body": { kinds: LATER, bodyBytes: 3 },
  "as much of the body as can be sent again": { kinds: LATER, bodyBytes: REPLAY_BYTES_MAX },
  "more of the body": { kinds: LATER, bodyBytes: REPLAY_BYTES_MAX + 1 },
  byte: { kinds: LATER, came: "HTTP/1.1 2" },
  interim: { kinds: LATER, came: "HTTP/1.1 103 Early Hints\r\n\r\n" },
  head: { kinds: LATER, came: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n" },
};

interface Case {
  readonly moment: string;
  readonly kind: FailureKind;
  readonly reused: boolean;
  readonly method: "PUT" | "POST";
  readonly retries: number;
  readonly endpoints: number;
}

/** The rules of RFC 9110 section 9.2.2 and of the option `retries`, written independently of the code. */
function follows({ moment, kind, reused, method, retries, endpoints }: Case): "cut" | "answer" | "the same" | "another" {
  if (moment === "head") return "cut";
  if (moment === "byte" || moment === "interim" || moment === "more of the body") return "answer";
  if (retries === 0 && !reused) return "answer";
  if (!CONNECT.includes(kind)) {
    if (kind !== "connection_terminated") return "answer";
    const untouched = moment === "connecting" || moment === "unsent";
    if (!untouched && method === "POST") return "answer";
    if (reused) return "the same";
  }
  return endpoints > 1 ? "another" : "answer";
}

function play(given: Case): void {
  const { moment, kind, reused, method, retries, endpoints } = given;
  const { bodyBytes = 0, came = "", unsent = false } = MOMENTS[moment] ?? assert.fail(moment);
  const d = new Dialogue({ health: THREE.slice(0, endpoints), retries });
  // Two idle connections: after one was lost the exchange must not take the other one, which is as old.
  if (reused) d.pools("a").pools("a");
  d.client.asks(bodyBytes === 0 ? `${method} /` : `${method} /\nContent-Length: ${bodyBytes + 2}`);
  const first = d.at("a");
  if (!reused && moment !== "connecting") first.connects();
  if (bodyBytes > 0) d.client.sends("b".repeat(bodyBytes));
  if (came !== "") first.brings(came);
  d.skip();
  first.fails(kind, { sent: moment !== "connecting" && !unsent });
  const next = follows(given);
  if (next === "cut") {
    d.says(`client cut; thread finished 200 ${kind}; client finished`);
    d.ended(`200 ${kind}`);
  } else if (next === "answer") {
    d.says(answered(kind));
    d.ended(`${FAILURES[kind].status} ${kind}`);
  } else {
    d.says(next === "another" ? "b none; b dial" : "a3 dial");
    assert.deepEqual([d.inFlight("a"), d.count("retries")], [next === "another" ? 0 : 1, 1]);
    d.upstream.connects();
    if (bodyBytes > 0) d.client.sends("c".repeat(2));
    assert.equal(d.upstream.got, d.client.delivered);
    assert.equal(d.upstream.gotEnd, true);
    d.upstream.brings(OK);
    d.ended("200 completed");
    assert.deepEqual([d.record.attempts, d.record.endpoint], [2, next === "another" ? "b" : "a"]);
  }
  assert.equal(d.count("retries"), next === "cut" || next === "answer" ? 0 : 1);
}

describe("the first failure", () => {
  for (const [moment, { kinds }] of Object.entries(MOMENTS)) {
    test(moment, () => {
      for (const kind of kinds)
        for (const reused of moment === "connecting" ? [false] : [false, true])
          for (const method of ["PUT", "POST"] as const)
            for (const retries of [0, 1, 2])
              for (const endpoints of [1, 2, 3]) {
                const given = { moment, kind, reused, method, retries, endpoints };
                try {
                  play(given);
                } catch (error) {
                  throw new Error(JSON.stringify(given), { cause: error });
                }
              }
    });
  }

  test("is counted for what it was: too slow, failed, or nobody's fault", () => {
    for (const kind of [...CONNECT, ...LATER]) {
      const d = new Dialogue();
      d.client.asks("POST /");
      if (LATER.includes(kind)) d.upstream.connects();
      d.upstream.fails(kind);
      const slow = ["dns_timeout", "connection_timeout", "response_timeout", "write_timeout"].includes(kind);
      const counts = [d.count("upstream_timeouts"), d.count("origin_failures")];
      assert.deepEqual(counts, slow ? [1, 0] : kind === "connection_limit" ? [0, 0] : [0, 1], kind);
    }
  });
});

describe("the next endpoint", () => {
  test("each is tried once, and the last failure is the answer", () => {
    const d = new Dialogue({ health: THREE, retries: 5 });
    d.client.asks("POST /");
    d.says("a none; a dial");
    d.upstream.fails("connection_refused");
    d.says("b none; b dial");
    d.upstream.fails("connection_timeout");
    d.says("c none; c dial");
    assert.deepEqual([d.inFlight("a"), d.inFlight("b"), d.inFlight("c")], [0, 0, 1]);
    d.upstream.fails("dns_error");
    d.says(answered("dns_error"));
    d.ended("502 dns_error");
    assert.deepEqual([d.record.attempts, d.record.endpoint, d.count("retries")], [3, "c", 2]);
    assert.deepEqual([d.count("upstream_timeouts"), d.count("origin_failures")], [1, 2]);
  });

  test("no more attempts than `retries` and the first", () => {
    const d = new Dialogue({ health: THREE, retries: 1 });
    d.client.asks("GET /");
    d.upstream.fails("connection_refused");
    d.skip();
    d.upstream.fails("connection_refused");
    d.says(answered("connection_refused"));
    d.ended("502 connection_refused");
  });

  test("one that has become unhealthy meanwhile is left out; one that has become healthy is not", () => {
    const d = new Dialogue({ health: ["unknown", "healthy", "unhealthy"] });
    d.client.asks("GET /");
    d.setHealth("b", "unhealthy");
    d.setHealth("c", "healthy");
    d.skip();
    d.upstream.fails("connection_refused");
    d.says("c none; c dial");
    d.setHealth("a", "healthy");
    d.setHealth("b", "healthy");
    d.upstream.fails("connection_refused");
    d.says("b none; b dial");
  });

  test("where endpoints are probed: the healthy ones first, then those that have not passed yet", () => {
    const d = new Dialogue({ probed: true, health: ["unknown", "healthy", "unknown"] });
    d.client.asks("GET /");
    d.upstream.fails("connection_refused");
    d.says("b none; b dial; c none; c dial");
    d.upstream.fails("connection_refused");
    d.says("a none; a dial");
  });

  test("may have an idle connection, and that one may be lost as well", () => {
    const d = new Dialogue({ health: TWO, retries: 2 }).pools("b");
    d.client.asks("GET /");
    d.says("a none; a dial");
    d.at("a").fails("connection_refused");
    d.says("b take; b send GET /; b end; client resume; b flush");
    d.at("b").fails();
    d.says("b2 dial");
    d.at("b2").connects();
    d.says("b2 send GET /; b2 end; client resume; b2 flush");
    d.at("b2").brings(OK);
    d.ended("200 completed");
    assert.deepEqual([d.record.attempts, d.record.endpoint], [3, "b"]);
  });

  test("after the fresh connection to a lost one's endpoint has failed as well it is another one's turn", () => {
    const d = new Dialogue({ health: TWO, retries: 2 }).pools("a");
    d.client.asks("GET /");
    d.says("a take; a send GET /; a end; a flush");
    d.upstream.fails();
    d.says("a2 dial");
    d.upstream.fails("connection_refused");
    d.says("b none; b dial");
    d.upstream.fails("connection_refused");
    d.says(answered("connection_refused"));
    d.ended("502 connection_refused");
  });

  test("after an idle connection was lost none is made to an endpoint that is known to be unhealthy by then", () => {
    const d = new Dialogue({ health: TWO, retries: 0 }).pools("a");
    d.client.asks("GET /");
    d.skip();
    d.setHealth("a", "unhealthy");
    d.upstream.fails();
    d.says("b none; b dial");
    d.upstream.connects();
    d.skip();
    d.upstream.brings(OK);
    d.ended("200 completed");
  });

  test("with no other endpoint the loss is the answer", () => {
    const d = new Dialogue({ health: ["healthy"] }).pools("a");
    d.client.asks("GET /");
    d.skip();
    d.setHealth("a", "unhealthy");
    d.upstream.fails();
    d.says(answered("connection_terminated"));
    d.ended("502 connection_terminated");
  });

  test("a lost idle connection never counts towards `retries`", () => {
    const d = new Dialogue({ health: TWO, retries: 1 }).pools("a");
    d.client.asks("GET /");
    d.skip();
    d.upstream.fails();
    d.says("a2 dial");
    d.upstream.fails("connection_refused");
    d.says("b none; b dial");
    d.upstream.fails("connection_refused");
    d.says(answered("connection_refused"));
    d.ended("502 connection_refused");
  });

  test("late calls of the connection of an earlier attempt have no effect", () => {
    const d = new Dialogue({ health: TWO });
    const { exchange } = d.client.asks("GET /");
    d.upstream.connects();
    const before = d.upstream;
    before.fails();
    d.upstream.connects();
    d.skip();
    const head = buildResponseHead({ status: 200 }, []);
    exchange.upstreamReady(before);
    exchange.upstreamBlocked(before);
    exchange.upstreamUnblocked(before);
    assert.equal(exchange.interim(before, head), false);
    exchange.responseHead(before, head, 0);
    exchange.responseData(before, Buffer.from("stray"), 0, 5);
    exchange.responseFlush(before);
    assert.equal(exchange.responseEnd(before, null), true);
    exchange.upstreamFailed(before, { kind: "response_timeout", reused: false, answered: false, sent: true });
    d.says("");
    d.upstream.brings(OK);
    d.ended("200 completed");
  });

  test("is none where the client has gone: late failures have no effect", () => {
    const d = new Dialogue({ health: TWO });
    d.client.asks("GET /");
    d.client.leaves();
    d.says("a none; a dial; a abort; thread finished 499 client_gone; client finished");
    d.ended("499 client_gone");
  });
});

describe("what is sent again", () => {
  test("the body so far, then what comes", () => {
    const d = new Dialogue({ health: TWO });
    d.client.asks("PUT /\nContent-Length: 6", "ab");
    d.upstream.connects();
    d.client.sends("cd");
    d.says('a none; a dial; a send PUT /; client resume; a data "ab"; a flush; a flush; a data "cd"; a flush');
    d.upstream.fails();
    d.says("b none; b dial");
    assert.equal(d.client.exchange.takesBody, false);
    d.client.sends("ef");
    d.says("");
    d.upstream.connects();
    d.says('b send PUT /; b data "abcd"; client resume; b data "ef"; b end; b flush; b flush');
    assert.equal(d.upstream.got, "abcdef");
    assert.equal(d.client.exchange.bytesReceived, d.client.exchange.request.size + 6);
  });

  test("a whole body with its trailers", () => {
    const d = new Dialogue({ health: TWO });
    d.client.asks("PUT /\nTransfer-Encoding: chunked", "2\r\nab\r\n0\r\nx-sum: 1\r\n\r\n");
    d.upstream.connects();
    d.says('a none; a dial; a send PUT /; client resume; a data "ab"; a end with x-sum: 1; a flush; a flush');
    d.upstream.fails();
    d.upstream.connects();
    d.says('b none; b dial; b send PUT /; b data "ab"; b end with x-sum: 1; client resume; b flush');
  });

  test("a client that the lost attempt had paused goes on", () => {
    const d = new Dialogue({ health: TWO });
    d.client.asks("PUT /\nContent-Length: 6");
    d.upstream.connects();
    d.upstream.full = true;
    d.client.sends("ab");
    d.says('a none; a dial; a send PUT /; client resume; a flush; a data "ab"; a flush full; client pause');
    assert.equal(d.client.exchange.requestBlocked, true);
    d.upstream.fails();
    d.says("b none; b dial");
    assert.deepEqual([d.client.exchange.requestBlocked, d.client.paused], [false, true]);
    d.upstream.connects();
    d.says('b send PUT /; b data "ab"; client resume; b flush');
    d.client.sends("cdef");
    d.says('b data "cdef"; b end; b flush');
  });

  test("a client whose whole request the lost attempt had paused is read on, so that its end is seen", () => {
    const d = new Dialogue({ health: TWO }).pools("a");
    d.upstream.full = true;
    d.client.asks("GET /");
    d.says("a take; a send GET /; a end; a flush full; client pause");
    d.upstream.fails();
    d.says("a2 dial");
    d.upstream.connects();
    d.says("a2 send GET /; a2 end; client resume; a2 flush");
  });

  test("an upgrade without a body, but none with one, which could not be told from what follows the handshake", () => {
    const d = new Dialogue({ health: TWO });
    d.client.asks(UPGRADE);
    d.upstream.connects();
    d.skip();
    d.upstream.fails();
    d.says("b none; b dial");

    const other = new Dialogue({ health: TWO });
    other.client.asks(`${UPGRADE}\nContent-Length: 2`, "ab");
    other.upstream.connects();
    other.skip();
    other.upstream.fails();
    other.says(answered("connection_terminated"));
    other.ended("502 connection_terminated");
  });

  test("an upgrade with a body, of which nothing was sent", () => {
    const d = new Dialogue({ health: TWO });
    d.client.asks(`${UPGRADE}\nContent-Length: 2`, "ab");
    d.skip();
    d.upstream.fails("connection_refused");
    d.says("b none; b dial");
  });
});

describe("connections of the client's own", () => {
  /** An exchange whose client has a connection to b for itself, while a is next in turn. */
  function owning(): Dialogue {
    return new Dialogue({ health: TWO }).owns("b");
  }

  test("come before the balancer's choice, and before the pool", () => {
    const d = owning().pools("b");
    d.client.asks("GET /");
    d.says("owned in app: b; b take; b send GET /; b end; b flush");
  });

  test("are not those of an unhealthy endpoint", () => {
    const d = owning();
    d.setHealth("b", "unhealthy");
    d.client.asks("GET /");
    d.says("owned in app: none; a none; a dial");
  });

  test("are replaced by a fresh one to the same endpoint when they are lost", () => {
    const d = owning();
    d.client.asks("GET /");
    d.skip();
    d.at("b").fails();
    d.says("b2 dial");
    d.upstream.fails("connection_refused");
    d.says("owned in app: none; a none; a dial");
  });

  test("one that brought a challenge is handed over before its response ends", () => {
    const d = new Dialogue();
    d.client.asks("GET /");
    d.upstream.connects();
    d.upstream.bound = true;
    d.skip();
    d.upstream.brings(OK);
    d.says(
      'client respond 200 length; client data "ok"; client own a; client end; client flush; thread finished 200 completed; client finished',
    );
    d.ended("200 completed");
    assert.equal(d.upstream.usable, true);
  });
});
