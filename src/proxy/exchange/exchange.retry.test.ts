/** `retry`, `hold` and `timeouts` of a route: what is tried again, when, how many at once, and how waiting ends. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { routeSchema } from "../../config/schema/route-schema.ts";
import type { Config } from "../../config/schema/schema.ts";
import { ENDPOINT_COUNT } from "../../shared/endpoint-table.ts";
import { HELD_MAX } from "../upstream/held-exchanges.ts";
import { Dialogue } from "./fake-ports.fixture.ts";
import type { Setting } from "./fake-ports.fixture.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const UPGRADE = "GET /\nConnection: upgrade\nUpgrade: websocket";
const SWITCH = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
const BUSY = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";
const OK_PASSES = 'client respond 200 length; client data "ok"; client end; client flush; thread finished 200 completed; client finished';

/** A dialogue whose only route has these keys. */
function dialogue(keys: object, setting: Setting = { health: ["unknown", "unknown"] }): Dialogue {
  const adapt = (config: Config): void => {
    const { timeouts, retry, hold } = routeSchema.parse({ ...keys, upstream: "app" });
    config.routes = config.routes.map((route) => ({ ...route, timeouts, retry, hold }));
  };
  return new Dialogue({ ...setting, adapt });
}

/** The pause before an attempt: half of `backoff.base`, because the dialogue's random number is always 0.5, and a tick. */
const PAUSE_MS = 50;

function counts(d: Dialogue): readonly number[] {
  return [ENDPOINT_COUNT.retrying, ENDPOINT_COUNT.held].map((count) =>
    Array.from({ length: d.endpoints.capacity }, (_, slot) => d.endpoints.total(count, slot)).reduce((sum, each) => sum + each, 0),
  );
}

function isOver(d: Dialogue, outcome: string): void {
  d.ended(outcome);
  assert.deepEqual(counts(d), [0, 0]);
}

describe("retry", () => {
  test("a status of the list: the response is dropped, and another endpoint is asked after a pause", () => {
    const d = dialogue({ retry: { on: [503] } });
    d.client.asks("GET /");
    d.upstream.connects();
    d.skip();
    d.upstream.brings(BUSY);
    d.says("a abort");
    assert.deepEqual(counts(d), [1, 0]);
    d.passes(PAUSE_MS);
    d.says("b none; b dial");
    d.upstream.connects();
    d.skip();
    d.upstream.brings(OK);
    d.says(OK_PASSES);
    assert.equal(d.count("retries"), 1);
    isOver(d, "200 completed");
  });

  test("the last attempt's response goes to the client whatever its status", () => {
    const d = dialogue({ retry: { on: [503] } });
    d.client.asks("GET /");
    d.upstream.connects();
    d.upstream.brings(BUSY);
    d.passes(PAUSE_MS);
    d.upstream.connects();
    d.skip();
    d.upstream.brings(BUSY);
    d.says("client respond 503 none; client end; client flush; thread finished 503 completed; client finished");
    isOver(d, "503 completed");
  });

  for (const [what, keys, request, response] of [
    ["another status", { on: [502] }, "GET /", BUSY],
    ["POST, which the endpoint may have carried out", { on: [503] }, "POST /\nContent-Length: 0", BUSY],
    ["no attempts left", { on: [503], attempts: 0 }, "GET /", BUSY],
    ["a longer Retry-After than the longest pause", { on: [503] }, "GET /", BUSY.replace("Content", "Retry-After: 2\r\nContent")],
  ] as const) {
    test(`no further attempt: ${what}`, () => {
      const d = dialogue({ retry: keys });
      d.client.asks(request);
      d.upstream.connects();
      d.upstream.brings(response);
      isOver(d, "503 completed");
      assert.equal(d.record.attempts, 1);
    });
  }

  test("a Retry-After that is short enough is obeyed", () => {
    const d = dialogue({ retry: { on: [503], backoff: { max: "3s" } } });
    d.client.asks("GET /");
    d.upstream.connects();
    d.upstream.brings(BUSY.replace("Content", "Retry-After: 2\r\nContent"));
    d.skip();
    d.passes(1900);
    d.says("");
    d.passes(150);
    d.says("b none; b dial");
    d.upstream.connects();
    d.upstream.brings(OK);
    isOver(d, "200 completed");
  });

  test("a tunnel counts neither as one that tries again nor as held, however long it stays open", () => {
    for (const keys of [{ retry: { on: ["connect"] } }, { hold: "5s" }]) {
      const d = dialogue(keys);
      d.client.asks(UPGRADE);
      for (const _ of "hold" in keys ? [1, 2] : [1]) d.upstream.fails("connection_refused");
      d.passes(125);
      assert.notDeepEqual(counts(d), [0, 0]);
      d.upstream.connects();
      d.upstream.brings(SWITCH);
      assert.deepEqual(counts(d), [0, 0]);
      d.client.leaves("client_reset");
    }
  });

  test("POST where the route declares that it may be sent twice", () => {
    const d = dialogue({ retry: { on: [503], non_idempotent: true } });
    d.client.asks("POST /\nContent-Length: 3");
    d.upstream.connects();
    d.client.sends("abc");
    d.upstream.brings(BUSY);
    d.passes(PAUSE_MS);
    d.skip();
    d.upstream.connects();
    d.says('b send POST /; b data "abc"; b end; client resume; b flush');
    d.upstream.brings(OK);
    isOver(d, "200 completed");
  });

  test("a timeout only where the list has it", () => {
    for (const on of [["timeout"], ["connect", "reset"]]) {
      const d = dialogue({ retry: { on } });
      d.client.asks("GET /");
      d.upstream.connects();
      d.upstream.fails("response_timeout");
      if (on.length === 1) {
        d.passes(PAUSE_MS);
        d.upstream.connects();
        d.upstream.brings(OK);
      }
      isOver(d, on.length === 1 ? "200 completed" : "504 response_timeout");
    }
  });

  test("a lost pooled connection is replaced at once and costs neither an attempt nor the budget", () => {
    const d = dialogue({ retry: { attempts: 0, on: [] } });
    d.pools("a");
    d.client.asks("GET /");
    d.skip();
    d.upstream.fails("connection_terminated");
    d.says("a2 dial");
    assert.deepEqual(counts(d), [0, 0]);
    d.upstream.connects();
    d.upstream.brings(OK);
    isOver(d, "200 completed");
  });

  test("a larger body is kept up to `replay`, within the memory of the process", () => {
    for (const [replay, memory, again] of [
      ["60000B", 100_000, true],
      ["49999B", 100_000, false],
      ["60000B", 30_000, false],
    ] as const) {
      const d = dialogue({ retry: { on: ["reset"], replay } });
      d.memory = memory;
      d.client.asks("PUT /\nContent-Length: 50000");
      d.upstream.connects();
      const pieces = Array.from({ length: 50 }, (_, index) => String.fromCharCode(0x61 + (index % 26)).repeat(1000));
      for (const piece of pieces) d.client.sends(piece);
      d.skip();
      d.upstream.fails("connection_terminated");
      if (again) {
        d.passes(PAUSE_MS);
        d.upstream.connects();
        assert.ok(d.upstream.got === pieces.join(""), "the whole body, in order");
        d.upstream.brings(OK);
      }
      isOver(d, again ? "200 completed" : "502 connection_terminated");
    }
  });

  test("once a response has begun, no more of the body is kept", () => {
    const d = dialogue({ retry: { on: ["reset"], replay: "1MiB" } });
    d.client.asks("PUT /\nContent-Length: 50000");
    d.upstream.connects();
    for (let sent = 0; sent < 10_000; sent += 1000) d.client.sends("x".repeat(1000));
    d.upstream.brings("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
    for (let sent = 10_000; sent < 50_000; sent += 1000) d.client.sends("x".repeat(1000));
    assert.equal(d.memoryTaken, 0);
    assert.equal(d.upstream.got.length, 50_000);
    d.upstream.brings("ok");
    isOver(d, "200 completed");
  });

  test("the budget: past a share of the exchanges in flight, and past three, there is no further attempt", () => {
    const d = dialogue({ retry: { on: [503], budget: "10%" } });
    const attempt = (retrying: number, inFlight: number): string => {
      const each = dialogue({ retry: { on: [503], budget: "10%" } });
      each.endpoints.add(ENDPOINT_COUNT.retrying, 7, 1, retrying);
      each.endpoints.inFlightAdd(7, 0, inFlight);
      each.client.asks("GET /");
      each.upstream.connects();
      each.upstream.brings(BUSY);
      const refused = each.count("retries_over_budget");
      if (each.finished.length === 0) each.client.leaves("client_reset");
      return refused === 1 ? "refused" : "again";
    };
    assert.deepEqual(
      [attempt(2, 0), attempt(3, 0), attempt(3, 35), attempt(9, 95), attempt(10, 95)],
      ["again", "refused", "again", "again", "refused"],
    );
    assert.deepEqual(counts(d), [0, 0]);
  });

  test("the endpoint that was left becomes unhealthy during the pause: the failure that there was", () => {
    const d = dialogue({ retry: {} }, { health: ["healthy", "healthy"], probed: true });
    d.client.asks("GET /");
    d.upstream.fails("connection_refused");
    d.setHealth("b", "unhealthy");
    d.passes(PAUSE_MS);
    isOver(d, "502 connection_refused");
  });

  test("the client leaves during the pause", () => {
    const d = dialogue({ retry: { on: [503] } });
    d.client.asks("GET /");
    d.upstream.connects();
    d.upstream.brings(BUSY);
    d.client.leaves("client_reset");
    isOver(d, "499 client_reset");
    d.passes(1000);
    d.says("");
  });
});

describe("hold", () => {
  const ONE: Setting = { health: ["unknown"] };

  test("a refused request waits, tries ten times a second, and is answered when the endpoint is up", () => {
    const d = dialogue({ hold: "5s" }, ONE);
    d.client.asks("POST /\nContent-Length: 2");
    d.upstream.fails("connection_refused");
    d.says("a none; a dial");
    assert.deepEqual(counts(d), [0, 1]);
    for (let tries = 0; tries < 3; tries++) {
      d.passes(125);
      d.says(`a none; a${tries + 2} dial`);
      d.upstream.fails("connection_refused");
    }
    d.passes(125);
    d.upstream.connects();
    d.client.sends("hi");
    d.upstream.brings(OK);
    assert.deepEqual(counts(d), [0, 0]);
    isOver(d, "200 completed");
    assert.equal(d.record.attempts, 5);
    assert.equal(d.count("requests_held"), 1);
  });

  test("the time is over: the answer that there would have been at first", () => {
    const d = dialogue({ hold: "1s" }, ONE);
    d.client.asks("GET /");
    for (let tries = 0; d.finished.length === 0 && tries < 20; tries++) {
      if (d.upstream.state === "connecting") d.upstream.fails("connection_refused");
      d.passes(100);
    }
    isOver(d, "502 connection_refused");
    assert.ok(d.record.attempts >= 6);
  });

  test("no healthy endpoint: nothing is tried until a probe has found one", () => {
    const d = dialogue({ hold: "5s" }, { health: ["unhealthy", "unhealthy"], probed: true });
    d.client.asks("GET /");
    d.passes(2000);
    d.says("");
    d.setHealth("b", "healthy");
    d.passes(125);
    d.says("b none; b dial");
    d.upstream.connects();
    d.upstream.brings(OK);
    isOver(d, "200 completed");
  });

  test("no healthy endpoint in all the time: 503", () => {
    const d = dialogue({ hold: "1s" }, { health: ["unhealthy"], probed: true });
    d.client.asks("GET /");
    d.passes(900);
    assert.equal(d.finished.length, 0);
    d.passes(200);
    isOver(d, "503 no_endpoint");
  });

  test("a connection lost under GET waits; under a POST that was sent it does not", () => {
    for (const [request, held] of [
      ["GET /", true],
      ["POST /\nContent-Length: 0", false],
    ] as const) {
      const d = dialogue({ hold: "5s", retry: { attempts: 0 } }, ONE);
      d.client.asks(request);
      d.upstream.connects();
      d.upstream.fails("connection_terminated");
      assert.equal(counts(d)[1], held ? 1 : 0);
      if (held) {
        d.passes(125);
        d.upstream.connects();
        d.upstream.brings(OK);
      }
      isOver(d, held ? "200 completed" : "502 connection_terminated");
    }
  });

  test("others follow when a response has come: a connection alone may be reset before anybody reads from it", () => {
    const d = dialogue({ hold: "5s" }, ONE);
    d.client.asks("GET /");
    d.upstream.fails("connection_refused");
    let tried = 0;
    for (let others = 0; others < 3; others++) d.client.exchange.set?.held.add({ canTry: true, tryAgain: () => void tried++ }, d);
    d.passes(125);
    d.upstream.connects();
    assert.deepEqual(counts(d), [0, 1]);
    d.upstream.fails("connection_terminated");
    d.passes(25);
    assert.equal(tried, 0);
    for (let pulses = 0; pulses < 4; pulses++) d.passes(125);
    assert.equal(tried, 3);
    for (let others = 0; others < 3; others++) d.client.exchange.set?.held.add({ canTry: true, tryAgain: () => void tried++ }, d);
    d.upstream.connects();
    d.upstream.brings(OK);
    assert.equal(tried, 3);
    d.passes(25);
    assert.equal(tried, 5);
    d.passes(125);
    assert.equal(tried, 6);
    isOver(d, "200 completed");
    assert.equal(d.count("requests_held"), 1);
  });

  test("no more than a thousand wait", () => {
    const d = dialogue({ hold: "5s" }, ONE);
    d.endpoints.add(ENDPOINT_COUNT.held, 3, 0, HELD_MAX);
    d.client.asks("GET /");
    d.upstream.fails("connection_refused");
    d.ended("502 connection_refused");
  });

  test("a client that leaves is forgotten", () => {
    const d = dialogue({ hold: "5s" }, ONE);
    d.client.asks("GET /");
    d.upstream.fails("connection_refused");
    d.client.leaves("client_reset");
    d.passes(200);
    isOver(d, "499 client_reset");
  });
});

describe("timeouts.request", () => {
  test("504 in every phase before the response", () => {
    for (const phase of ["connecting", "sending", "pausing", "held"]) {
      const d = dialogue({ timeouts: { request: "1s" }, retry: { on: [503], backoff: { base: "1h", max: "1h" } }, hold: "5s" });
      d.client.asks("PUT /\nContent-Length: 4");
      if (phase === "held") {
        d.upstream.fails("connection_refused");
        d.passes(0);
      }
      if (phase === "sending" || phase === "pausing") d.upstream.connects();
      if (phase === "sending") d.client.sends("ab");
      if (phase === "pausing") d.upstream.brings(BUSY);
      d.passes(1050);
      isOver(d, "504 exchange_timeout");
    }
  });

  test("a response that has begun is cut", () => {
    const d = dialogue({ timeouts: { request: "1s" } });
    d.client.asks("GET /");
    d.upstream.connects();
    d.upstream.brings("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab");
    d.skip();
    d.passes(1050);
    d.says("a abort; client cut; thread finished 200 exchange_timeout; client finished");
    isOver(d, "200 exchange_timeout");
  });

  test("a tunnel goes on", () => {
    const d = dialogue({ timeouts: { request: "1s", tunnel_idle: "7s" } });
    d.client.asks("GET /\nConnection: upgrade\nUpgrade: websocket");
    d.upstream.connects();
    d.upstream.brings("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
    d.passes(5000);
    assert.equal(d.finished.length, 0);
    assert.equal(d.client.exchange.tunnelIdleMs, 7000);
    d.upstream.tunnelEnds();
    isOver(d, "101 tunnel");
  });
});
