/** Messages that pass middleware (stages, sources, hooks), checked by the bytes on the client's and the endpoint's connection. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import type { Config } from "../config/schema/schema.ts";
import { buildResponseHead } from "../http/build-head.ts";
import type { Fields } from "../http/build-head.ts";
import { Held, mapping, upper } from "../proxy/exchange/stages.fixture.ts";
import { HOOK_MS_MAX } from "../proxy/exchange/hook-wait.ts";
import type { BodyStage } from "../proxy/feature/body-stage.ts";
import type { Middleware } from "../proxy/feature/middleware.ts";
import type { ResponseSource } from "../proxy/feature/response-source.ts";
import { hooksOf } from "../proxy/feature/route-hooks.ts";
import { get, stageOfBoth } from "./stage.fixture.ts";
import type { Dialled, Stage } from "./stage.fixture.ts";

interface World extends Stage {
  readonly dialled: readonly Dialled[];
  /** Sends the text as the client, and connects the endpoint that the request goes to. */
  asks(text: string): Dialled;
  /** What the client received since the last call. */
  got(): string;
}

/** A thread whose routes have these hooks. */
function world(t: TestContext, hooks: readonly Middleware[], adapt?: (config: Config) => void): World {
  const one = stageOfBoth(t, adapt);
  const { snapshot, writes } = one.thread;
  const find = snapshot.findRoute.bind(snapshot);
  snapshot.findRoute = (request, client) => ({ ...find(request, client), hooks: hooksOf(hooks) });
  return {
    ...one,
    asks: (text) => {
      const before = one.dialled.length;
      one.client.send(text);
      const dialled = one.dialled[before] ?? assert.fail("no endpoint was asked");
      dialled.connect();
      writes.flush();
      return dialled;
    },
    got: () => {
      writes.flush();
      const { received } = one.client;
      one.client.received = "";
      return received;
    },
  };
}

const ofResponse = (make: () => BodyStage): Middleware => ({ name: "x", onResponse: (_, { head }) => (head === null ? null : make()) });

/** A source that answers at once with these pieces. */
function source(pieces: readonly Buffer[], length: number, status: number = 200, fields: Fields = []): ResponseSource {
  return {
    start: (_, response) => {
      response.respond(buildResponseHead({ status }, fields), length);
      for (const piece of pieces) response.write(piece);
      response.end(null);
      return {};
    },
  };
}

const next = (path: string): Middleware => ({
  name: "next",
  source: ({ request }) => (request.path === path ? source([Buffer.from("next")], 4) : null),
});

/** The response's head without the date, and its body. */
function split(text: string): [string, string] {
  const at = text.indexOf("\r\n\r\n") + 4;
  return [text.slice(0, at).replace(/Date: [^\r]*\r\n/, ""), text.slice(at)];
}

// ---- framing ----------------------------------------------------------------------------------------------------------

for (const [method, status, length, head, body] of [
  ["GET", "200 OK", -1, "Transfer-Encoding: chunked", "4\r\nABCD\r\n0\r\n\r\n"],
  ["GET", "200 OK", 4, "Content-Length: 4", "ABCD"],
  ["HEAD", "200 OK", -1, "", ""],
  ["HEAD", "200 OK", 4, "Content-Length: 4", ""],
  ["GET", "304 Not Modified", 4, "Content-Length: 4", ""],
  ["GET", "304 Not Modified", -1, "", ""],
  ["GET", "204 No Content", 4, "", ""],
] as const) {
  test(`a staged response to ${method}, ${status}, of length ${length}, and the next one on its connection`, (t) => {
    const w = world(t, [ofResponse(() => mapping((text) => text.toUpperCase(), length)), next("/next")]);
    const { endpoint } = w.asks(get("/").replace("GET", method));
    const hasBody = method === "GET" && status === "200 OK";
    endpoint.send(`HTTP/1.1 ${status}\r\n${status.startsWith("204") ? "" : "Content-Length: 4\r\n"}\r\n${hasBody ? "abcd" : ""}`);
    assert.deepEqual(split(w.got()), [`HTTP/1.1 ${status}\r\n${head}${head === "" ? "" : "\r\n"}\r\n`, body]);
    w.client.send(get("/next"));
    // The source's response passes the stage as well.
    assert.match(w.got(), /^HTTP\/1\.1 200 OK\r\n[^]*NEXT/);
  });

  test(`the same to a client of HTTP/1.0: its body ends with the connection where it is not known (${method} ${status} ${length})`, (t) => {
    const w = world(t, [ofResponse(() => mapping((text) => text.toUpperCase(), length))]);
    const { endpoint } = w.asks(`${method} / HTTP/1.0\r\n\r\n`);
    const hasBody = method === "GET" && status === "200 OK";
    endpoint.send(`HTTP/1.1 ${status}\r\n${status.startsWith("204") ? "" : "Content-Length: 4\r\n"}\r\n${hasBody ? "abcd" : ""}`);
    const [got, rest] = split(w.got());
    const line = length >= 0 && head !== "" ? `${head}\r\n` : "";
    assert.equal(got, `HTTP/1.1 ${status}\r\n${line}Connection: close\r\n\r\n`);
    assert.equal(rest, hasBody ? "ABCD" : "");
    assert.equal(w.client.writable, false);
  });
}

test("a staged request goes in chunks, or with the length that its stage says, and so does the next one", (t) => {
  for (const [method, length, line, body] of [
    ["PUT", -1, "Transfer-Encoding: chunked\r\n", "4\r\nABCD\r\n0\r\n\r\n"],
    ["PUT", 4, "Content-Length: 4\r\n", "ABCD"],
    ["GET", -1, "Transfer-Encoding: chunked\r\n", "4\r\nABCD\r\n0\r\n\r\n"],
    ["GET", 4, "Content-Length: 4\r\n", "ABCD"],
  ] as const) {
    const w = world(t, [{ name: "x", onUpstreamRequest: () => mapping((text) => text.toUpperCase(), length) }]);
    const { endpoint } = w.asks(`${method} / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 4\r\n\r\nabcd`);
    w.thread.writes.flush();
    const asked = endpoint.received;
    assert.ok(asked.includes(line) && asked.endsWith(`\r\n\r\n${body}`), asked);
    assert.equal(asked.match(/content-length|transfer-encoding/gi)?.length, 1);
    endpoint.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    endpoint.received = "";
    w.client.send(get("/"));
    w.thread.writes.flush();
    assert.match(endpoint.received, /^GET \/ HTTP\/1\.1\r\nHost: a\.test\r\n/);
    assert.doesNotMatch(endpoint.received, /content-length|transfer-encoding/i);
  }
});

test("trailers pass a stage, and a trailer that would say more than the head may not", (t) => {
  const w = world(t, [ofResponse(upper)]);
  const { endpoint } = w.asks(get("/"));
  endpoint.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nX-Sum: 1\r\nContent-Length: 9\r\n\r\n");
  assert.equal(split(w.got())[1], "2\r\nAB\r\n0\r\nX-Sum: 1\r\n\r\n");
});

test("what a source's head says of the body's length is not sent", (t) => {
  const lies = [
    ["Content-Length", "50"],
    ["Transfer-Encoding", "chunked"],
    ["Connection", "close"],
  ] as const;
  for (const [status, length, expected] of [
    [200, 2, "Content-Length: 2\r\n"],
    [200, -1, "Transfer-Encoding: chunked\r\n"],
    [204, 0, ""],
  ] as const) {
    const w = world(t, [{ name: "x", source: () => source(status === 204 ? [] : [Buffer.from("ok")], length, status, lies) }]);
    w.client.send(get("/"));
    const [head] = split(w.got());
    assert.equal(head.slice(head.indexOf("\r\n") + 2), `${expected}\r\n`, String(status));
  }
});

// ---- buffers that middleware owns -------------------------------------------------------------------------------------

test("a buffer that many responses share stays as it is, whatever slices of it are written, and comes out right", (t) => {
  const shared = Buffer.from(Array.from({ length: 70_000 }, (_, at) => at % 251));
  const copy = Buffer.from(shared);
  for (const size of [1, 100, 4095, 4096, 20_000]) {
    for (const version of ["1.0", "1.1"]) {
      for (const isKnown of [false, true]) {
        for (const staged of [false, true]) {
          const pieces = [0, 1, 2].map((at) => shared.subarray(7 + at * size, 7 + (at + 1) * size));
          const passes: BodyStage = { ...mapping((text) => text), length: isKnown ? 3 * size : -1 };
          const hooks: Middleware[] = [{ name: "x", source: () => source(pieces, isKnown ? 3 * size : -1) }];
          const w = world(t, staged ? [...hooks, ofResponse(() => passes)] : hooks);
          for (let time = 0; time < (version === "1.0" ? 1 : 3); time++) {
            w.client.send(`GET / HTTP/${version}\r\nHost: a.test\r\n\r\n`);
            const [head, body] = split(w.got());
            const isChunked = version === "1.1" && !isKnown;
            assert.equal(head.includes("chunked"), isChunked);
            assert.ok((isChunked ? dechunked(body) : body) === shared.toString("latin1", 7, 7 + 3 * size), `${size} ${version}`);
            assert.ok(shared.equals(copy), "it was changed");
          }
        }
      }
    }
  }
});

test("one buffer may be written several times within an event, by a stage and by a source", (t) => {
  const word = Buffer.from("word");
  const thrice = [word, word, word];
  const writes: BodyStage = {
    length: -1,
    start: (output) => {
      for (const each of thrice) output.write(each);
      output.end(null);
    },
    data: () => {},
    end: () => {},
  };
  for (const hook of [{ name: "x", source: () => source(thrice, -1) }, ofResponse(() => writes)]) {
    const w = world(t, [hook]);
    if (hook.name === "x" && "source" in hook) w.client.send(get("/"));
    else w.asks(get("/")).endpoint.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    assert.equal(dechunked(split(w.got())[1]), "wordwordword");
    assert.equal(word.toString(), "word");
  }
});

function dechunked(text: string): string {
  let body = "";
  for (let at = 0; ;) {
    const end = text.indexOf("\r\n", at);
    const length = Number.parseInt(text.slice(at, end), 16);
    if (length === 0) return body;
    body += text.slice(end + 2, end + 2 + length);
    at = end + 4 + length;
  }
}

test("neither a collected body nor the body of a staged request is changed", async (t) => {
  const bodies: (Buffer | null)[] = [];
  const collects: Middleware = {
    name: "x",
    onRequest: async (exchange) => {
      bodies.push(await exchange.collectBody(100_000));
      return null;
    },
  };
  const text = "0123456789".repeat(3000);
  for (const framing of [
    `Content-Length: 30000\r\n\r\n${text}`,
    `Transfer-Encoding: chunked\r\n\r\n${"64\r\n".concat(text.slice(0, 100), "\r\n").repeat(1)}${(29_900).toString(16)}\r\n${text.slice(100)}\r\n0\r\n\r\n`,
  ]) {
    const w = world(t, [collects]);
    w.client.send(`PUT / HTTP/1.1\r\nHost: a.test\r\n${framing}`);
    await turn();
    w.dialled[0]?.connect();
    w.thread.writes.flush();
    const { received = "" } = w.dialled[0]?.endpoint ?? {};
    const [head, body] = split(received);
    assert.ok((head.includes("chunked") ? dechunked(body) : body) === text);
    assert.ok(bodies.at(-1)?.toString("latin1") === text);
  }
});

// ---- what hooks may not do --------------------------------------------------------------------------------------------

test("a hook that changes what frames a request, or whom it is for, costs its exchange: nothing is sent", (t) => {
  for (const edit of [
    { name: "x", onUpstreamRequest: (_, edits) => edits.append("Content-Length", "0") },
    { name: "x", onUpstreamRequest: (_, edits) => edits.set("transfer-encoding", "identity") },
    { name: "x", onUpstreamRequest: (_, edits) => edits.remove("content-length") },
    { name: "x", onUpstreamRequest: (_, edits) => edits.append("Host", "b.test") },
    { name: "x", onUpstreamRequest: (_, edits) => edits.append("X-A", "a\u010d\u010aX-B: 1") },
    { name: "x", onUpstreamRequest: (_, edits) => edits.setTarget("/ HTTP/1.1\r\nX-A: 1") },
    { name: "x", onUpstreamRequest: (_, edits) => edits.setTarget("/\u010a") },
    { name: "x", onUpstreamRequest: (_, edits) => edits.setAuthority("a b") },
    { name: "x", onUpstreamRequest: (_, edits) => edits.setMethod("GET /") },
  ] satisfies Middleware[]) {
    const w = world(t, [edit]);
    const { endpoint } = w.asks("PUT / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 4\r\n\r\nabcd");
    w.thread.writes.flush();
    assert.equal(endpoint.received, "");
    assert.match(w.got(), /^HTTP\/1\.1 500 /);
  }
});

test("an answer with a field that cannot be sent costs its exchange", async (t) => {
  for (const isLate of [false, true]) {
    for (const field of [
      ["Location", "/\r\nSet-Cookie: evil=1"],
      ["Location", "/\u010d\u010aSet-Cookie: evil=1"],
      ["Content-Length", "5"],
    ] as const) {
      const refused = { status: 302, reason: "moved", detail: "", fields: [field] };
      const w = world(t, [{ name: "x", onRequest: () => (isLate ? Promise.resolve(refused) : refused) }]);
      w.client.send(get("/"));
      await turn();
      assert.match(w.got(), /^HTTP\/1\.1 500 /);
      assert.deepEqual(
        w.records.map(({ status, outcome }) => [status, outcome]),
        [[500, "internal_error"]],
      );
    }
  }
});

// ---- Expect, pipelines, tunnels ---------------------------------------------------------------------------------------

const EXPECTS = "PUT /wait HTTP/1.1\r\nHost: a.test\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n";

test("a client that waits for a 100 gets it from middleware that collects the body or a source that reads it, else not", async (t) => {
  const collecting = world(t, [
    { name: "x", onRequest: async (x) => ({ status: 400, reason: "seen", detail: String(await x.collectBody(9)), fields: [] }) },
  ]);
  collecting.client.send(EXPECTS);
  assert.equal(collecting.got(), "HTTP/1.1 100 Continue\r\n\r\n");
  collecting.client.send("abcd");
  await turn();
  assert.match(collecting.got(), /^HTTP\/1\.1 400 [^]*abcd\n$/);

  let body = "";
  const reading = world(t, [
    {
      name: "x",
      source: () => ({
        start: (_, response) => ({
          data: (bytes, start, end) => void (body += bytes.toString("latin1", start, end)),
          end: () => {
            response.respond(buildResponseHead({ status: 200 }, []), 0);
            response.end(null);
          },
        }),
      }),
    },
  ]);
  reading.client.send(EXPECTS);
  assert.equal(reading.got(), "HTTP/1.1 100 Continue\r\n\r\n");
  reading.client.send(`abcd${get("/")}`);
  assert.match(reading.got(), /^(HTTP\/1\.1 200 OK\r\n[^]*?\r\n\r\n){2}$/);
  assert.equal(body, "abcd");

  const deaf = world(t, [{ name: "x", source: () => source([Buffer.from("no")], 2) }]);
  deaf.client.send(EXPECTS);
  assert.match(deaf.got(), /^HTTP\/1\.1 200 OK\r\n[^]*Connection: close\r\n\r\nno$/);
});

test("ten thousand requests in one read, each answered at once, need no deep stack", async (t) => {
  const limits = (config: Config): void => {
    for (const listener of config.listeners) {
      listener.limits.pipelined_requests = 100_000;
      listener.limits.requests_per_connection = 100_000;
    }
  };
  const late = Promise.withResolvers<null>();
  let isFirst = true;
  for (const first of [null, late.promise]) {
    const w = world(
      t,
      [
        { name: "y", onRequest: () => (isFirst ? ((isFirst = false), first) : null) },
        { name: "x", source: () => source([Buffer.from("ok")], 2) },
      ],
      limits,
    );
    w.client.send(get("/").repeat(10_000));
    isFirst = true;
    late.resolve(null);
    await turn();
    w.thread.writes.flush();
    assert.equal(w.client.statuses.length, 10_000);
  }
});

test("a WebSocket passes a route with stages untouched", (t) => {
  const w = world(t, [ofResponse(upper), { name: "y", onUpstreamRequest: () => upper() }]);
  const { endpoint } = w.asks(
    "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
  );
  endpoint.send(
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
      "Sec-WebSocket-Accept: ICX+Yqv66kxgM0FcWaLWlFLwTAI=\r\n\r\nframe",
  );
  assert.match(w.got(), /^HTTP\/1\.1 101 [^]*\r\n\r\nframe$/);
  endpoint.received = "";
  w.client.send("more");
  assert.equal(endpoint.received, "more");
  w.client.reset();
});

// ---- slow clients, ends -----------------------------------------------------------------------------------------------

test("a large body through two stages to a client that takes none of it for a while", (t) => {
  const w = world(t, [ofResponse(upper), ofResponse(() => mapping((text) => text.toLowerCase()))]);
  const { endpoint } = w.asks(get("/"));
  const piece = "aBcDeFgH".repeat(4000);
  w.client.isFull = true;
  endpoint.send(`HTTP/1.1 200 OK\r\nContent-Length: ${piece.length * 10}\r\n\r\n${piece}`);
  w.thread.writes.flush();
  assert.equal(endpoint.isPaused, true);
  for (let count = 1; count < 10; count++) {
    w.client.takeAll({ end: false });
    assert.equal(endpoint.isPaused, false);
    w.client.isFull = count < 9;
    endpoint.send(piece);
    w.thread.writes.flush();
    assert.equal(endpoint.isPaused, count < 9);
  }
  assert.ok(dechunked(split(w.got())[1]) === piece.toLowerCase().repeat(10));
  assert.equal(w.records[0]?.outcome, "completed");
});

for (const [what, ask] of [
  ["a verdict", "/verdict"],
  ["a source that is looked for", "/found"],
  ["a source", "/source"],
  ["a body that is collected", "/collected"],
  ["a stage", "/stage"],
] as const) {
  const never = new Promise<null>(() => {});
  const hooks = (held: Held, aborted: string[]): Middleware[] => [
    {
      name: "x",
      onRequest: async (x) => {
        x.signal.addEventListener("abort", () => aborted.push("signal"));
        if (x.request.path === "/verdict") return never;
        if (x.request.path === "/collected") await x.collectBody(100);
        return null;
      },
      source: ({ request }) => {
        if (request.path === "/found") return never;
        return request.path === "/source" ? { start: () => ({ abort: () => void aborted.push("source") }) } : null;
      },
    },
    ofResponse(() => held),
  ];
  const begin = async (t: TestContext, held: Held, aborted: string[]): Promise<World> => {
    const w = world(t, hooks(held, aborted));
    w.client.send(ask === "/collected" ? `PUT ${ask} HTTP/1.1\r\nHost: a.test\r\nContent-Length: 9\r\n\r\nabc` : get(ask));
    await turn();
    if (ask !== "/stage") return w;
    w.dialled[0]?.connect();
    w.thread.writes.flush();
    w.dialled[0]?.endpoint.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    return w;
  };

  test(`a client that resets its connection during ${what}`, async (t) => {
    const [held, aborted] = [new Held(), [] as string[]];
    const w = await begin(t, held, aborted);
    w.client.fail("ECONNRESET");
    await turn();
    assert.deepEqual(aborted.toSorted(), ask === "/source" ? ["signal", "source"] : ["signal"]);
    assert.equal(held.aborted, ask === "/stage" ? 1 : 0);
    assert.deepEqual(
      w.records.map(({ outcome }) => outcome),
      ["client_reset"],
    );
    assert.equal(w.thread.snapshot.exchangesOpen, 0);
  });

  test(`the end of the proxy's time to drain during ${what}`, async (t) => {
    const [held, aborted] = [new Held(), [] as string[]];
    const w = await begin(t, held, aborted);
    w.context.drain();
    assert.equal(w.client.destroyed, false);
    w.context.cut();
    await turn();
    assert.equal(aborted.includes("signal"), true);
    assert.deepEqual(
      w.records.map(({ outcome }) => outcome),
      ["drain_timeout"],
    );
    assert.deepEqual(w.client.statuses, [ask === "/stage" ? "200" : "503"]);
    assert.equal(w.thread.snapshot.exchangesOpen, 0);
  });

  test(`the time of ${what} is limited`, async (t) => {
    const [held, aborted] = [new Held(), [] as string[]];
    const w = await begin(t, held, aborted);
    const most = ask === "/verdict" || ask === "/found" ? HOOK_MS_MAX : 60_000;
    for (let passed = 0; passed < most - 1000; passed += 1000) w.pass(1000);
    if (ask !== "/collected") assert.equal(w.records.length, 0);
    for (let passed = 0; passed < 4000; passed += 1000) w.pass(1000);
    await turn();
    const { outcome } = w.records[0] ?? assert.fail("it goes on");
    const expected = { "/verdict": "admission_timeout", "/found": "admission_timeout", "/collected": "request_timeout" };
    assert.equal(outcome, expected[ask as keyof typeof expected] ?? "internal_error");
    assert.equal(w.thread.snapshot.exchangesOpen, 0);
  });
}
