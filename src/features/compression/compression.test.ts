import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { constants, brotliCompressSync, brotliDecompressSync, gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { defineMiddleware, textStage } from "../../millrace.ts";
import { script, testProxy } from "../../testing/test-proxy.ts";
import type { TestConfig, TestOrigin, TestProxy } from "../../testing/test-proxy.ts";

type Route = Extract<TestConfig, { routes: unknown }>["routes"][number];
type Compression = NonNullable<Route["compression"]>;

const DECODE = { gzip: gunzipSync, br: brotliDecompressSync, zstd: zstdDecompressSync } as const;
const ENCODE = { gzip: gzipSync, br: brotliCompressSync, zstd: zstdCompressSync } as const;
/** For large bodies: the highest quality of Brotli takes seconds. */
const Q1 = { ...ENCODE, br: (text: string) => brotliCompressSync(text, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } }) };
const CODINGS = ["gzip", "br", "zstd"] as const;
const TEXT = JSON.stringify(Array.from({ length: 400 }, (_, id) => ({ id, name: `name ${(id * 7919) % 1000}`, tags: ["a", "b"] })));
const BROWSER = "gzip, deflate, br, zstd";

type Fields = Record<string, string>;

async function started(t: TestContext, origin: TestOrigin, compression: Compression = true): Promise<TestProxy> {
  const proxy = await testProxy({ routes: [{ upstream: "app", compression }] }, { upstreams: { app: origin } });
  t.after(() => proxy.close());
  return proxy;
}

/** The response as it is sent: `fetch` of the test kit decodes nothing. */
async function got(
  proxy: TestProxy,
  headers: Fields,
  method: string = "GET",
): Promise<{ readonly head: Headers; readonly status: number; readonly body: Buffer }> {
  const response = await proxy.fetch("http://a.test/", { method, headers });
  return { head: response.headers, status: response.status, body: Buffer.from(await response.arrayBuffer()) };
}

const json =
  (fields: Fields = {}, status: number = 200): (() => Response) =>
  () =>
    new Response(TEXT, { status, headers: { "Content-Type": "application/json", ...fields } });

test("a response is compressed in what the client takes, with fields that say so", async (t) => {
  const origin = json({
    ETag: '"1"',
    "Accept-Ranges": "bytes",
    "Repr-Digest": "sha-256=:x:",
    Digest: "x",
    "Content-MD5": "x",
    "Content-Digest": "x",
    Vary: "Origin",
  });
  const proxy = await started(t, origin);
  for (const coding of CODINGS) {
    const { head, body } = await got(proxy, { "Accept-Encoding": coding });
    assert.equal(head.get("content-encoding"), coding);
    assert.equal(DECODE[coding](body).toString(), TEXT);
    assert.ok(body.length < TEXT.length / 3, `${coding}: ${body.length}`);
    assert.equal(head.get("etag"), 'W/"1"');
    assert.equal(head.get("vary"), "Origin, Accept-Encoding");
    for (const name of ["accept-ranges", "repr-digest", "digest", "content-md5", "content-digest", "content-length"])
      assert.equal(head.get(name), null, name);
  }
  assert.equal(proxy.metrics.value("millrace_compressed_total"), 3);
});

test("the client's weights decide, and among equals the order of the configuration", async (t) => {
  const proxy = await started(t, json(), { encodings: ["zstd", "br", "gzip"] });
  for (const [accept, coding] of [
    [BROWSER, "zstd"],
    ["gzip, br", "br"],
    ["br;q=0.5, gzip;q=0.8", "gzip"],
    ["*", "zstd"],
    ["zstd;q=0, *", "br"],
    ["zstd;q=0, br;q=0, gzip;q=0", null],
    ["*;q=0", null],
    ["identity", null],
    ["identity;q=0, gzip", "gzip"],
    ["identity;q=0", null],
    ["identity, gzip;q=0.5", null],
    ["x-gzip", "gzip"],
    ["GZIP", "gzip"],
    ["deflate", null],
    ["", null],
    ["gzip;q=nonsense", null],
    ["gzip;q=1.0000001", null],
    [";;;,,,", null],
    ["g zip", null],
    ["x".repeat(3000), null],
  ] as const) {
    const { head, body } = await got(proxy, { "Accept-Encoding": accept });
    assert.equal(head.get("content-encoding"), coding, accept);
    assert.equal(head.get("vary"), "Accept-Encoding", accept);
    if (coding === null) assert.deepEqual([head.get("content-length"), body.toString()], [`${TEXT.length}`, TEXT], accept);
  }
  const silent = await got(proxy, {});
  assert.deepEqual([silent.head.get("content-encoding"), silent.head.get("vary")], [null, "Accept-Encoding"]);
});

test("what is compressed, and what varies", async (t) => {
  let answer: () => Response = json();
  const proxy = await started(t, () => answer(), { types: ["text/*", "application/json", "image/*", "application/pdf"] });
  const typed =
    (type: string | null): (() => Response) =>
    () => {
      const response = new Response(TEXT);
      response.headers.delete("content-type");
      if (type !== null) response.headers.set("content-type", type);
      return response;
    };
  const cases: readonly (readonly [string, () => Response, string | null, string | null])[] = [
    ["json", json(), "zstd", "Accept-Encoding"],
    ["an error", json({}, 404), "zstd", "Accept-Encoding"],
    ["with a parameter", typed("text/html; charset=utf-8"), "zstd", "Accept-Encoding"],
    ["in capitals", typed("TEXT/HTML"), "zstd", "Accept-Encoding"],
    ["no type", typed(null), null, null],
    ["a type that is not listed", typed("application/x-a"), null, null],
    ["svg", typed("image/svg+xml"), "zstd", "Accept-Encoding"],
    ["an image that is compressed by its own means", typed("image/png"), null, null],
    ["video", typed("video/mp4"), null, null],
    ["listed without a star", typed("application/pdf"), "zstd", "Accept-Encoding"],
    ["no-transform", json({ "Cache-Control": "max-age=1, no-transform" }), null, null],
    ["another word", json({ "Cache-Control": "x-no-transform" }), "zstd", "Accept-Encoding"],
    ["compressed already", json({ "Content-Encoding": "gzip" }), null, null],
    ["another coding already", json({ "Content-Encoding": "compress" }), null, null],
    ["identity", json({ "Content-Encoding": "identity" }), null, null],
    ["a part", json({ "Content-Range": "bytes 0-9/100" }, 206), null, null],
    ["it varies already", json({ Vary: "accept-encoding, Cookie" }), "zstd", "accept-encoding, Cookie"],
    ["it varies by all", json({ Vary: "*" }), "zstd", "*"],
    ["small", () => Response.json({ a: 1 }), null, null],
    ["nothing", () => new Response(null, { status: 204, headers: { "Content-Type": "text/plain" } }), null, null],
  ];
  for (const [what, make, coding, vary] of cases) {
    answer = make;
    const { head } = await got(proxy, { "Accept-Encoding": BROWSER });
    assert.deepEqual([head.get("content-encoding"), head.get("vary")], [make().headers.get("content-encoding") ?? coding, vary], what);
  }
});

test("entity tags: a strong one becomes weak, and a 304 has the one that the client has", async (t) => {
  let fields: Fields = {};
  let status = 200;
  const proxy = await started(t, () => new Response(status === 304 ? null : TEXT, { status, headers: fields }));
  const tag = async (given: string, request: Fields = {}): Promise<string | null> => {
    fields = { ETag: given, ...(status === 304 ? {} : { "Content-Type": "text/css" }) };
    return (await got(proxy, { "Accept-Encoding": "gzip", ...request })).head.get("etag");
  };
  assert.equal(await tag('"a"'), 'W/"a"');
  assert.equal(await tag('W/"a"'), 'W/"a"');
  assert.equal(await tag("a"), "a", "it is no tag, and none is made of it");
  assert.equal(await tag('"a"', { "Accept-Encoding": "identity" }), '"a"');
  status = 304;
  assert.equal(await tag('"a"', { "If-None-Match": 'W/"a"' }), 'W/"a"');
  assert.equal(await tag('"a"', { "If-None-Match": '"b", W/"a"' }), 'W/"a"');
  assert.equal(await tag('"a"', { "If-None-Match": '"a"' }), '"a"');
  assert.equal((await got(proxy, { "If-None-Match": '"a"' })).head.get("vary"), "Accept-Encoding");
});

test("HEAD has the fields of GET", async (t) => {
  const proxy = await started(t, json({ ETag: '"1"', "Content-Length": `${TEXT.length}` }), { max_memory: "1700KiB" });
  for (const accept of ["gzip", "br", "zstd", "identity"]) {
    const [get, head] = [await got(proxy, { "Accept-Encoding": accept }), await got(proxy, { "Accept-Encoding": accept }, "HEAD")];
    const fields = ({ head: given }: typeof get): unknown =>
      [...given].filter(([name]) => !/^(?:date|transfer-encoding|connection)$/.test(name));
    assert.deepEqual(fields(head), fields(get), accept);
    assert.equal(head.body.length, 0);
  }
});

test("events do not wait in the compressor, and other bytes not longer than flush_after", async (t) => {
  for (const [type, waitMs] of [
    ["text/event-stream", 0],
    ["application/x-ndjson", 0],
    ["text/html", 7],
  ] as const) {
    for (const coding of CODINGS) {
      let send: (text: string) => void = () => {};
      let end: () => void = () => {};
      const origin = script.raw((connection) => {
        send = (text) => connection.send(`${text.length.toString(16)}\r\n${text}\r\n`);
        end = () => connection.send("0\r\n\r\n");
        connection.send(`HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\nTransfer-Encoding: chunked\r\n\r\n`);
      });
      const proxy = await started(t, origin, { flush_after: "7ms" });
      const client = proxy.connect();
      client.send(`GET / HTTP/1.1\r\nHost: a.test\r\nAccept-Encoding: ${coding}\r\n\r\n`);
      await client.until("\r\n\r\n");
      client.take();
      let seen = "";
      for (let n = 0; n < 3; n++) {
        send(`data: event ${n}\n\n`);
        await proxy.advance(0);
        if (waitMs > 0) {
          assert.ok(client.received.length <= seen.length + GZIP_HEAD_CHUNK, "nothing yet");
          seen = client.received;
          await proxy.advance(waitMs);
          await proxy.advance(0);
        }
        assert.notEqual(client.received, seen, `${type} ${coding} ${n}`);
        seen = client.received;
      }
      end();
      await client.until("\r\n0\r\n\r\n");
      assert.equal(DECODE[coding](unchunked(client.take())).toString(), "data: event 0\n\ndata: event 1\n\ndata: event 2\n\n");
    }
  }
});

test("a body that the origin cuts never looks whole, and a client that leaves gives back what was taken", async (t) => {
  for (const coding of CODINGS) {
    const proxy = await started(t, script.resetAfter(9000, json()));
    const client = proxy.connect();
    client.send(`GET / HTTP/1.1\r\nHost: a.test\r\nAccept-Encoding: ${coding}\r\n\r\n`);
    await client.untilEnded();
    assert.match(client.received, /content-encoding/i);
    assert.doesNotMatch(client.received, /\r\n0\r\n/, "no end of the chunks");
    assert.throws(() => DECODE[coding](unchunked(client.received.slice(client.received.indexOf("\r\n\r\n") + 4))));

    // There is room for one of each coding at a time: what is not given back makes the next one pass as it is.
    const stalled = await started(t, script.stallAfter(9000, json()), { max_memory: "1800KiB" });
    for (let time = 0; time < 20; time++) {
      const leaving = stalled.connect();
      leaving.send(`GET / HTTP/1.1\r\nHost: a.test\r\nAccept-Encoding: ${coding}\r\n\r\n`);
      assert.match(await leaving.until("\r\n\r\n"), /content-encoding/i, `${coding}, ${time}`);
      leaving.reset();
      await stalled.advance("1s");
    }
  }
});

test("without memory responses pass as they are", async (t) => {
  const proxy = await started(t, script.stallAfter(9000, json()), { max_memory: "1MiB" });
  const codings: boolean[] = [];
  for (let n = 0; n < 4; n++) {
    const client = proxy.connect();
    client.send("GET / HTTP/1.1\r\nHost: a.test\r\nAccept-Encoding: gzip\r\n\r\n");
    const head = await client.until("\r\n\r\n");
    assert.match(head, /Vary: Accept-Encoding/);
    codings.push(/content-encoding: gzip/i.test(head));
  }
  assert.deepEqual(codings, [true, true, false, false]);
  assert.equal(proxy.metrics.value("millrace_compression_skipped_total"), 2);
});

test("another site learns nothing from the length of what it has a browser ask for with cookies", async (t) => {
  const proxy = await started(t, json());
  const cross = { "Sec-Fetch-Site": "cross-site" };
  for (const [fields, coding] of [
    [{ ...cross, Cookie: "a=b" }, null],
    [{ ...cross, Authorization: "Basic x" }, null],
    [cross, "zstd"],
    [{ Cookie: "a=b" }, "zstd"],
    [{ "Sec-Fetch-Site": "same-origin", Cookie: "a=b" }, "zstd"],
    [{ ...cross, Cookie: "a=b", "Sec-Fetch-User": "?1" }, "zstd"],
  ] as const) {
    const { head } = await got(proxy, { "Accept-Encoding": BROWSER, ...fields });
    assert.deepEqual([head.get("content-encoding"), head.get("vary")], [coding, "Accept-Encoding"], JSON.stringify(fields));
  }
  const open = await started(t, json(), { breach_guard: false });
  assert.equal((await got(open, { "Accept-Encoding": BROWSER, ...cross, Cookie: "a=b" })).head.get("content-encoding"), "zstd");
});

test("middleware of the user's own sees the body as it came, and fields of the configuration count", async (t) => {
  const upper = defineMiddleware({
    name: "upper",
    setup: () => ({
      onResponse: (_exchange, { head }) => (head === null ? null : textStage({ text: (text, write) => write(text.toUpperCase()) })),
    }),
  });
  const proxy = await testProxy(
    {
      middleware: [{ use: upper }],
      routes: [
        { match: { path: "/plain" }, upstream: "app", compression: true, response_headers: { set: { "Cache-Control": "no-transform" } } },
        { upstream: "app", compression: true, response_headers: { set: { "Content-Type": "text/plain" }, remove: ["ETag"] } },
      ],
    },
    { upstreams: { app: () => new Response(TEXT, { headers: { "Content-Type": "application/x-a", ETag: '"1"' } }) } },
  );
  t.after(() => proxy.close());
  const { head, body } = await got(proxy, { "Accept-Encoding": "br" });
  assert.deepEqual([head.get("content-encoding"), head.get("etag")], ["br", null]);
  assert.equal(brotliDecompressSync(body).toString(), TEXT.toUpperCase());
  const plain = await proxy.fetch("http://a.test/plain", { headers: { "Accept-Encoding": "br" } });
  assert.equal(await plain.text(), TEXT.toUpperCase());
});

test("answers of the proxy's own are compressed too, and files that are compressed already stay so", async (t) => {
  const text = "hello, world\n".repeat(200);
  const proxy = await testProxy(
    {
      routes: [
        { match: { path: "/respond" }, respond: { status: 200, body: text }, compression: true },
        { match: { path: "/short" }, respond: { status: 200, body: "short" }, compression: true },
        { match: { path: "/f/*" }, files: { root: "/x" }, compression: true },
      ],
    },
    { files: { "/x/f/a.css": text, "/x/f/b.css": text, "/x/f/b.css.br": "as it is" } },
  );
  t.after(() => proxy.close());
  const get = async (path: string, method: string = "GET", accept: string = "br"): Promise<readonly unknown[]> => {
    const response = await proxy.fetch(`http://a.test${path}`, { method, headers: { "Accept-Encoding": accept } });
    const body = Buffer.from(await response.arrayBuffer());
    const coding = response.headers.get("content-encoding");
    return [
      coding,
      response.headers.get("vary"),
      coding === "br" && body.length > 8 ? brotliDecompressSync(body).toString() : body.toString(),
    ];
  };
  assert.deepEqual(await get("/respond"), ["br", "Accept-Encoding", text]);
  assert.deepEqual(await get("/respond", "HEAD"), ["br", "Accept-Encoding", ""]);
  assert.deepEqual(await get("/respond", "GET", "identity"), [null, "Accept-Encoding", text]);
  assert.deepEqual(await get("/short"), [null, null, "short"]);
  assert.deepEqual(await get("/f/a.css"), ["br", "Accept-Encoding", text]);
  assert.deepEqual(await get("/f/b.css"), ["br", "Accept-Encoding", "as it is"]);
});

test("with decompress a client gets decoded what it cannot decode itself", async (t) => {
  let coding: (typeof CODINGS)[number] = "gzip";
  const origin = (): Response =>
    new Response(new Uint8Array(ENCODE[coding](TEXT)), {
      headers: { "Content-Type": "text/plain", "Content-Encoding": coding, ETag: '"1"', Vary: "Accept-Encoding" },
    });
  const proxy = await started(t, origin, { decompress: true, max_memory: "20MiB" });
  for (coding of CODINGS) {
    for (const fields of [{}, { "Accept-Encoding": "identity" }, { "Accept-Encoding": `${coding};q=0, *` }] as Fields[]) {
      const { head, body } = await got(proxy, fields);
      assert.deepEqual([head.get("content-encoding"), head.get("etag"), head.get("vary")], [null, 'W/"1"', "Accept-Encoding"]);
      assert.equal(body.toString(), TEXT);
    }
    const { head, body } = await got(proxy, { "Accept-Encoding": coding });
    assert.deepEqual([head.get("content-encoding"), head.get("etag")], [coding, '"1"']);
    assert.equal(DECODE[coding](body).toString(), TEXT);
  }
});

test("bodies of requests are decoded, and a bomb is refused before much of it is made", async (t) => {
  let received = "";
  let encoding: string | null = null;
  const origin: TestOrigin = async (request) => {
    encoding = request.headers.get("content-encoding");
    received = await request.text();
    return new Response("ok");
  };
  const proxy = await started(t, origin, { max_memory: "20MiB", requests: { max_size: "1MiB", max_ratio: 50 } });
  const post = async (body: Uint8Array, coding: string): Promise<number> => {
    received = "";
    const headers = { "Content-Encoding": coding, "Content-Type": "text/plain" };
    const asked = proxy.fetch("http://a.test/", { method: "POST", body: new Uint8Array(body), headers });
    await proxy.advance("1s");
    return (await asked).status;
  };
  for (const coding of CODINGS) {
    assert.equal(await post(ENCODE[coding](TEXT), coding), 200);
    assert.deepEqual([received, encoding], [TEXT, null]);
    assert.equal(await post(ENCODE[coding]("x".repeat(900_000)), coding), 413, "by its ratio");
    assert.equal(await post(Q1[coding](noise(1_200_000)), coding), 413, "by its size");
    assert.equal(await post(Buffer.from("no such thing"), coding), 400);
    assert.equal(await post(ENCODE[coding](TEXT).subarray(0, -10), coding), 400, "cut short");
  }
  assert.equal(await post(Buffer.from("abc"), "deflate"), 200);
  assert.deepEqual([received, encoding], ["abc", "deflate"], "what is not known here passes");
  assert.equal(proxy.metrics.value("millrace_decoded_refused_total"), 12);
});

/** The chunk with the 10 bytes with which gzip begins, which does not wait for anything. */
const GZIP_HEAD_CHUNK = 15;

/** Text that hardly becomes smaller. */
function noise(bytes: number): string {
  let seed = 1;
  let text = "";
  while (text.length < bytes) {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    text += seed.toString(36);
  }
  return text;
}

function unchunked(text: string): Buffer {
  let out = "";
  for (let at = 0; at < text.length;) {
    const line = text.indexOf("\r\n", at);
    const size = Number.parseInt(text.slice(at, line), 16);
    if (!(size > 0)) break;
    out += text.slice(line + 2, line + 2 + size);
    at = line + 4 + size;
  }
  return Buffer.from(out, "latin1");
}
