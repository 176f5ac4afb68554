import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { script, testProxy } from "millrace/testing";
import type { TestOrigin, TestProxy } from "millrace/testing";
import redactJson from "./redact-json.ts";

type Options = Parameters<typeof redactJson>[0];

async function proxyFor(t: TestContext, app: TestOrigin, options: Options = { fields: ["password", "Größe"] }): Promise<TestProxy> {
  const proxy = await testProxy({ routes: [{ upstream: "app", middleware: [redactJson(options)] }] }, { upstreams: { app } });
  t.after(() => proxy.close());
  return proxy;
}

const JSON_TYPE = { "Content-Type": "application/json; charset=utf-8" };

/** A response whose body comes in two slices, or byte by byte. */
function inSlices(bytes: Uint8Array, cut: number | "everywhere", headers: Record<string, string> = JSON_TYPE): Response {
  const cuts = cut === "everywhere" ? [...bytes.keys()] : [0, cut];
  const slices = cuts.map((from, index) => new Uint8Array(bytes.subarray(from, cuts[index + 1] ?? bytes.length)));
  const pull = (controller: ReadableStreamDefaultController): void => {
    const next = slices.shift();
    if (next === undefined) controller.close();
    else if (next.length > 0) controller.enqueue(next);
    else pull(controller);
  };
  return new Response(new ReadableStream({ pull }), { headers });
}

const TRICKY = String.raw`{ "user" : {"Password":"a\"}, \"password\": 1 \\", "größe":[1,{"x":"]"}, "Ü🎉"] , "note":"\"password\":\"kept\""},
  "p\u0061ssword": -1.5e+3,"PASSWORD":true , "passwords": "kept 🎉", "list":["password", "kept", {"password":null}], "":"" }`;
const EXPECTED = String.raw`{ "user" : {"Password":"[redacted]", "größe":"[redacted]" , "note":"\"password\":\"kept\""},
  "p\u0061ssword": "[redacted]","PASSWORD":"[redacted]" , "passwords": "kept 🎉", "list":["password", "kept", {"password":"[redacted]"}], "":"" }`;

test("named fields are replaced at any depth, wherever the body is cut", async (t) => {
  const bytes = Buffer.from(TRICKY);
  let cut: number | "everywhere" = "everywhere";
  const proxy = await proxyFor(t, () => inSlices(bytes, cut));
  assert.equal(await (await proxy.fetch("http://a.test/")).text(), EXPECTED);
  for (cut = 1; cut < bytes.length; cut++) assert.equal(await (await proxy.fetch("http://a.test/")).text(), EXPECTED, `cut at ${cut}`);
  assert.match(proxy.metrics.text, new RegExp(`middleware="redact-json",counter="redacted"\\} ${5 * bytes.length}$`, "m"));
});

test("what is not to be replaced passes byte for byte", async (t) => {
  const bodies = ["", " 12 ", '"password"', "[]", "{}", '[{},[ ] ,"\\u00e9\\n",0,-0.1E-2,false]', '{"a":1}\n{"b":[2]}\n', "null"];
  let body = "";
  const proxy = await proxyFor(t, () => inSlices(Buffer.from(body), "everywhere"));
  for (body of bodies) assert.equal(await (await proxy.fetch("http://a.test/")).text(), body);
});

test("malformed JSON fails closed", async (t) => {
  const misplaced = [
    '{"password" "x"}',
    "{'password':'x'}",
    '{password:"x"}',
    '{"a":1,}',
    "[1,]",
    "[1 2]",
    '{"a"}',
    '{"a":}',
    "{,}",
    "[,1]",
  ];
  const unclosed = ['{"a":1]', '["a"}', "]", '"a', "{", "[1", '{"a":1', '{"a":', ":", ","];
  const wrongTokens = ['"\\x"', '"\\u12g4"', '"a\nb"', "01", "1.", "-", "+1", "tru", "NaN", "nulll", "1e", "/*x*/1", "\ufeff"];
  const tooMuch = ["[".repeat(1001) + "]".repeat(1001), "1".repeat(1001)];
  const bodies = [...misplaced, ...unclosed, ...wrongTokens, ...tooMuch];
  let body = "";
  const proxy = await proxyFor(t, () => new Response(body, { headers: JSON_TYPE }));
  for (body of bodies) {
    const text = await proxy
      .fetch("http://a.test/")
      .then((response) => response.text().then((all) => `${response.status} ${all}`))
      .catch(() => "cut");
    assert.ok(/^500 (?!.*x)/.test(text) || text === "cut", `${body}: ${text}`);
  }
});

test("fields of the head are adapted, for HEAD too", async (t) => {
  const headers = { ...JSON_TYPE, ETag: '"1"', "Content-Digest": "sha-256=:x=:" };
  const proxy = await proxyFor(t, () => new Response('{"password":"x"}', { headers }), { fields: ["password"], replacement: null });
  const request = { headers: { "Accept-Encoding": "gzip", Range: "bytes=0-3" } };
  for (const method of ["GET", "HEAD"]) {
    const response = await proxy.fetch("http://a.test/", { method, ...request });
    assert.deepEqual(
      ["etag", "content-digest", "content-length"].map((name) => response.headers.get(name)),
      ['W/"1"', null, null],
    );
    assert.equal(await response.text(), method === "GET" ? '{"password":null}' : "");
  }
  const sent = proxy.requests("app")[0]?.headers;
  assert.deepEqual([sent?.get("accept-encoding"), sent?.get("range")], ["identity", null]);
});

test("JSON that cannot be read is answered 502; other types pass", async (t) => {
  const secret = '{"password":"x"}';
  const cases: [init: ResponseInit, status: number, body: RegExp][] = [
    [{ headers: { ...JSON_TYPE, "Content-Encoding": "gzip" } }, 502, /cannot be checked/],
    [{ status: 206, headers: { "Content-Type": "application/hal+json" } }, 502, /cannot be checked/],
    [{ status: 404, headers: { "Content-Type": "application/problem+json" } }, 404, /redacted/],
    [{ headers: { "Content-Type": "text/plain" } }, 200, /"x"/],
    [{ headers: { "Content-Type": "image/png", "Content-Encoding": "gzip" } }, 200, /"x"/],
  ];
  let init: ResponseInit = {};
  const proxy = await proxyFor(t, () => new Response(secret, init));
  for (const [given, status, body] of cases) {
    init = given;
    const response = await proxy.fetch("http://a.test/");
    assert.equal(response.status, status);
    assert.match(await response.text(), body);
  }
});

test("a slow client slows the endpoint down: the body is not held", async (t) => {
  const item = Buffer.from(`{"password":"${"x".repeat(1000)}","text":"${"y".repeat(60_000)}"},`);
  let pulled = 0;
  const endless = (): Response =>
    new Response(
      new ReadableStream({
        start: (controller) => controller.enqueue(Buffer.from("[")),
        pull: (controller) => {
          pulled++;
          controller.enqueue(new Uint8Array(item));
        },
      }),
      { headers: JSON_TYPE },
    );
  const proxy = await proxyFor(t, endless);
  const client = proxy.connect();
  client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
  await client.until("redacted");
  client.pause();
  await proxy.advance("1s");
  const before = pulled;
  await proxy.advance("5s");
  assert.equal(pulled, before);
  client.reset();
});

test("an endpoint that dies within a value cuts the client", async (t) => {
  const app = script.resetAfter(200, () => new Response(`{"password":"${"x".repeat(1000)}"}`, { headers: JSON_TYPE }));
  const proxy = await proxyFor(t, app);
  await assert.rejects(proxy.fetch("http://a.test/").then((response) => response.text()));
});
