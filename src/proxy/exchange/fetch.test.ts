/** Requests of the proxy's own (`fetch`): alone, and from a hook of a client's exchange. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { setImmediate as settled } from "node:timers/promises";
import { buildRequestHead } from "../../http/build-head.ts";
import type { FetchOptions, FetchResult } from "../feature/fetch.ts";
import type { Middleware } from "../feature/middleware.ts";
import { Dialogue } from "./fake-ports.fixture.ts";
import type { Setting } from "./fake-ports.fixture.ts";
import { fetchFrom } from "./fetch.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-User: alice\r\n\r\nok";

interface Fetching {
  readonly d: Dialogue;
  readonly result: Promise<FetchResult>;
}

async function fetching(method: string, body: string = "", options: FetchOptions = {}, setting: Setting = {}): Promise<Fetching> {
  const d = new Dialogue(setting);
  const head = buildRequestHead({ method, target: "/check", authority: "auth.test" }, [["X-Asks", "1"]]);
  const set = d.snapshot.endpointsOf("app") ?? assert.fail();
  const result = fetchFrom(d, set, body === "" ? { head } : { head, body: Buffer.from(body) }, options);
  await settled();
  return { d, result };
}

/** Asserts the result, that nothing of the exchange is left, and that it was not counted or logged. */
async function ended({ d, result }: Fetching, failure: string | null): Promise<FetchResult> {
  const outcome = await result;
  assert.equal(outcome.failure, failure);
  assert.deepEqual(d.breaches, []);
  assert.deepEqual(d.finished, [], "neither logged nor counted");
  assert.equal(d.snapshot.exchangesOpen, 0);
  assert.equal(d.count("exchanges_in_flight"), 0);
  assert.equal(d.inFlight("a"), 0);
  d.skip().passes(100_000);
  d.says("");
  return outcome;
}

test("a response, whole and the caller's own", async () => {
  const fetched = await fetching("GET");
  const { d } = fetched;
  d.says("a none; a dial");
  d.upstream.connects();
  d.says("a send GET /check =0; a end; a flush");
  d.upstream.brings(OK);
  const { head, ...rest } = await ended(fetched, null);
  assert.equal(head?.status, 200);
  assert.equal(head.get("x-user"), "alice");
  assert.equal("body" in rest ? rest.body.toString() : "", "ok");
});

test("a body, also again after a lost connection", async () => {
  const fetched = await fetching("PUT", "abcd", {}, { health: ["unknown", "unknown"] });
  const { d } = fetched;
  d.skip().upstream.connects();
  d.says('a send PUT /check =4; a data "abcd"; a end; a flush');
  d.upstream.fails("connection_terminated");
  d.upstream.connects();
  assert.equal(d.upstream.got, "abcd");
  assert.equal(d.upstream.gotEnd, true);
  d.upstream.brings(OK);
  await ended(fetched, null);
});

test("interim responses are skipped, and a switch of protocols is a fault", async () => {
  const fetched = await fetching("GET");
  fetched.d.upstream.connects();
  fetched.d.upstream.brings(`HTTP/1.1 103 Early Hints\r\n\r\n${OK}`);
  await ended(fetched, null);
  const switching = await fetching("GET");
  switching.d.upstream.connects();
  switching.d.upstream.brings("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
  await ended(switching, "malformed_response");
});

test("what goes wrong at the endpoint is the failure that a client's exchange would have", async () => {
  for (const [act, failure] of [
    [(d: Dialogue): void => d.upstream.fails("connection_refused"), "connection_refused"],
    [
      (d: Dialogue): void => {
        d.upstream.connects();
        d.upstream.fails("response_timeout");
      },
      "response_timeout",
    ],
    [
      (d: Dialogue): void => {
        d.upstream.connects();
        d.upstream.brings("nonsense\r\n\r\n");
      },
      "malformed_response",
    ],
    [
      (d: Dialogue): void => {
        d.upstream.connects();
        d.upstream.brings("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc");
        d.upstream.fails("connection_terminated");
      },
      "connection_terminated",
    ],
  ] as const) {
    const fetched = await fetching("GET");
    act(fetched.d);
    await ended(fetched, failure);
  }
  await ended(await fetching("GET", "", {}, { health: ["unhealthy"] }), "no_endpoint");
});

test("a response that is too large, one that takes too long, and one that is aborted", async () => {
  const large = await fetching("GET", "", { bodyBytesMax: 1 });
  large.d.upstream.connects();
  large.d.upstream.brings(OK);
  await ended(large, "fetch_too_large");
  for (const connects of [false, true]) {
    const slow = await fetching("GET", "", { timeoutMs: 3000 });
    if (connects) slow.d.upstream.connects();
    slow.d.passes(3100);
    await ended(slow, "fetch_timeout");
    const controller = new AbortController();
    const unwanted = await fetching("GET", "", { signal: controller.signal });
    if (connects) unwanted.d.upstream.connects();
    controller.abort();
    await ended(unwanted, "fetch_aborted");
  }
  const late = await fetching("GET", "", { signal: AbortSignal.abort() });
  late.d.says("");
  await ended(late, "fetch_aborted");
});

test("a connection on which a user was authenticated is not kept", async () => {
  const fetched = await fetching("GET");
  fetched.d.upstream.connects();
  fetched.d.upstream.bound = true;
  fetched.d.upstream.brings(OK);
  assert.equal(fetched.d.upstream.state, "over");
  await ended(fetched, null);
});

// ---- for an exchange --------------------------------------------------------------------------------------------------

/** A middleware that asks the upstream with that name whether to admit the request. */
const asking = (upstream: string, told: (result: FetchResult) => void): Middleware => ({
  name: "x",
  onRequest: async (exchange) => {
    const result = await exchange.fetch(upstream, {
      head: buildRequestHead({ method: "GET", target: "/check", authority: "auth.test" }, []),
    });
    told(result);
    if (result.head?.status === 200) return null;
    return { status: 403, reason: "unauthorized", detail: "", fields: [] };
  },
});

test("a hook fetches before it decides", async () => {
  const results: FetchResult[] = [];
  const d = new Dialogue({ hooks: [asking("app", (result) => results.push(result))] });
  d.client.asks("GET /");
  await settled();
  d.upstream.connects();
  d.upstream.brings(OK);
  await settled();
  assert.equal(d.connections.length, 2);
  d.upstream.connects();
  d.upstream.brings(OK);
  assert.equal(results[0]?.head?.get("x-user"), "alice");
  d.ended("200 completed");
});

test("a hook whose fetch is refused, and one that asks for an unknown upstream", async () => {
  for (const [upstream, failure] of [
    ["app", "connection_refused"],
    ["other", "no_upstream"],
  ] as const) {
    const results: FetchResult[] = [];
    const d = new Dialogue({ hooks: [asking(upstream, (result) => results.push(result))] });
    d.client.asks("GET /");
    await settled();
    if (upstream === "app") d.upstream.fails("connection_refused");
    await settled();
    assert.equal(results[0]?.failure, failure);
    d.ended("403 unauthorized");
  }
});

test("a client that leaves ends what was fetched for it", async () => {
  const results: FetchResult[] = [];
  const d = new Dialogue({ hooks: [asking("app", (result) => results.push(result))] });
  d.client.asks("GET /");
  await settled();
  d.upstream.connects();
  d.client.leaves();
  await settled();
  assert.equal(results[0]?.failure, "fetch_aborted");
  assert.equal(d.upstream.state, "over");
  d.ended("499 client_gone");
});

test("a hook that waits for a fetch without end has the time of an admission, and no more", async () => {
  const d = new Dialogue({ hooks: [asking("app", () => {})] });
  d.client.asks("GET /");
  await settled();
  d.upstream.connects();
  d.passes(10_100);
  await settled();
  assert.equal(d.upstream.state, "over");
  d.ended("504 admission_timeout");
});

test("what is fetched in the middle of another exchange's event leaves its edits alone", async () => {
  const head = buildRequestHead({ method: "GET", target: "/check", authority: "auth.test" }, []);
  const d = new Dialogue({
    hooks: [
      {
        name: "x",
        onUpstreamRequest: (exchange, edits) => {
          edits.append("x-one", "1");
          void exchange.fetch("app", { head });
          edits.append("x-two", "2");
        },
      },
    ],
  });
  d.pools("a").pools("a").client.asks("GET /");
  d.says("a take; a send GET / +x-one: 1 +x-two: 2; a end; a flush");
  await settled();
  d.says("a2 take; a2 send GET /check =0; a2 end; a2 flush");
  d.at("a").brings(OK);
  await settled();
  assert.equal(d.at("a2").state, "over");
  d.ended("200 completed");
});

test("a signal that lives longer than the fetch keeps nothing of it", async () => {
  const { signal } = new AbortController();
  const fetched = await fetching("GET", "", { signal });
  assert.equal(getEventListeners(signal, "abort").length, 1);
  fetched.d.skip().upstream.connects();
  fetched.d.upstream.brings(OK);
  await ended(fetched, null);
  assert.equal(getEventListeners(signal, "abort").length, 0);
});
