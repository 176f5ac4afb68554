import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { testProxy } from "../../testing/test-proxy.ts";
import { JSON_DEFAULTS } from "../../policy/filter/json-defaults.ts";
import { filterDeclaration } from "./schema.ts";
import type { TestProxy } from "../../testing/test-proxy.ts";

async function filtered(t: TestContext, filter: object, rest: object = {}): Promise<TestProxy> {
  const proxy = await testProxy(
    { routes: [{ upstream: "app", filter, ...rest }] },
    { upstreams: { app: async (request) => new Response(await request.text()) } },
  );
  t.after(() => proxy.close());
  return proxy;
}

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
}

async function post(
  proxy: TestProxy,
  type: string | null,
  body: string | Uint8Array,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const given = { ...(type === null ? {} : { "Content-Type": type }), ...headers };
  // A text would bring a type of its own.
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : new Uint8Array(body);
  const response = await proxy.fetch("http://a.test/", { method: "POST", body: bytes, headers: given });
  return { status: response.status, text: await response.text(), headers: response.headers };
}

async function statuses(proxy: TestProxy, type: string | null, ...bodies: readonly string[]): Promise<readonly number[]> {
  const found: number[] = [];
  for (const body of bodies) found.push((await post(proxy, type, body)).status);
  return found;
}

test("methods: 405 with Allow, and GET admits HEAD", async (t) => {
  const proxy = await filtered(t, { methods: ["get", "POST"] });
  const asked = async (method: string): Promise<Response> => await proxy.fetch("http://a.test/", { method });
  for (const method of ["GET", "HEAD", "POST"]) assert.equal((await asked(method)).status, 200, method);
  const refused = await asked("DELETE");
  assert.deepEqual(
    [refused.status, refused.headers.get("allow"), refused.headers.get("proxy-status")],
    [405, "GET, POST, HEAD", "millrace; error=http_request_error"],
  );
  assert.equal(proxy.log.find(({ status }) => status === 405)?.["outcome"], "filter_method");
  assert.equal(proxy.metrics.value("millrace_filtered_total"), 1);
});

test("content types: 415 with Accept, for other types, none, two, and what is none", async (t) => {
  const proxy = await filtered(t, { content_types: ["text/plain", "image/*", "application/*+json"] });
  for (const type of ["text/plain", "TEXT/Plain; charset=latin1", "image/png", "application/problem+json"])
    assert.equal((await post(proxy, type, "x")).status, 200, type);
  for (const type of ["text/html", "image/", "application/json", "application/+json", "text/plain, text/html", "x", null])
    assert.equal((await post(proxy, type, "x")).status, 415, String(type));
  const refused = await post(proxy, "text/html", "x", { Accept: "application/json" });
  assert.equal(refused.headers.get("accept"), "text/plain, image/*");
  assert.match(refused.headers.get("content-type") ?? "", /^application\/problem\+json/);
  assert.equal(JSON.parse(refused.text).detail, "Bodies of this type are not admitted here.");
  assert.equal((await proxy.fetch("http://a.test/", { headers: { "Content-Type": "text/html" } })).status, 200, "without a body");
  const connection = proxy.connect();
  connection.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Type: text/plain\r\nContent-Type: text/html\r\nContent-Length: 1\r\n\r\nx");
  assert.match(await connection.until(/\r\n\r\n/), /^HTTP\/1\.1 415 /);
});

test("JSON: what exceeds a limit is named with its bound, and nothing of it is shown or sent", async (t) => {
  const proxy = await filtered(t, { json: { max_size: 60, max_depth: 3, max_keys: 4, max_string: 10, max_items: 3 } });
  const cases: readonly (readonly [string, number, string])[] = [
    ['{"a":[1,{}]}', 200, ""],
    ["[[[[]]]]", 400, "The JSON nests deeper than 3."],
    ['{"a":1,"b":1,"c":1,"d":1,"e":1}', 400, "The JSON has more than 4 keys."],
    ['["secret-text"]', 400, "The JSON has a text of more than 10 bytes."],
    ["[1,2,3,4]", 400, "The JSON has a list of more than 3 items."],
    ['{"secret":1,"secret":2}', 400, "The JSON has an object with the same key twice."],
    ["{secret}", 400, "The body is no JSON."],
    [`[${" ".repeat(59)}]`, 413, "The body is larger than 60 bytes."],
  ];
  for (const [body, status, detail] of cases) {
    const answer = await post(proxy, "application/json", body);
    assert.equal(answer.status, status, body);
    if (status !== 200) assert.ok(answer.text.includes(detail) && !answer.text.includes("secret"), answer.text);
  }
  assert.equal(proxy.requests("app").length, 1, "nothing of the others was sent");
  assert.ok(!JSON.stringify(proxy.log).includes("secret"));
  assert.deepEqual(
    ["filter_body", "filter_size"].map((outcome) => proxy.log.filter((line) => line["outcome"] === outcome).length),
    [6, 1],
  );
});

test("a body that says to be of another type than it is gets past nothing", async (t) => {
  const deep = "[".repeat(40) + "]".repeat(40);
  const proxy = await filtered(t, { json: {} });
  for (const type of [
    "application/json",
    "application/json; charset=utf-8",
    'APPLICATION/JSON;charset="UTF-8"',
    "application/vnd.api+json",
    "text/json",
  ]) {
    assert.deepEqual(await statuses(proxy, type, deep, "[]"), [400, 200], type);
  }
  // What is not judged is not admitted, unless `content_types` says so.
  for (const type of [
    "text/plain",
    "application/x-www-form-urlencoded",
    "application/jsonp",
    "application/json, text/plain",
    "application/json;",
    "image/svg+xml",
    null,
  ])
    assert.equal((await post(proxy, type, deep)).status, type === "application/json;" ? 400 : 415, String(type));
  for (const type of [
    "application/json; charset=utf-16",
    "application/json; charset=utf-8; charset=utf-16",
    "application/json; charset*=utf-16''x",
  ])
    assert.equal((await post(proxy, type, "[]")).status, 415, type);
  assert.equal((await post(proxy, "application/json", Buffer.from(deep, "utf16le"))).status, 400);
  assert.equal((await post(proxy, "application/json", Buffer.from([0x22, 0xff, 0x22]))).status, 400);
  assert.equal((await post(proxy, "application/json", `\u{feff}${deep}`)).status, 400, "after a byte order mark");
  const open = await filtered(t, { json: {}, content_types: ["*/*"] });
  assert.deepEqual([await statuses(open, "text/plain", deep), await statuses(open, "model/gltf+json", deep, "[]")], [[200], [400, 200]]);
});

test("a body that would have to be decoded first is refused with Accept-Encoding, an empty one is nobody's concern", async (t) => {
  const proxy = await filtered(t, { json: {}, multipart: {} });
  for (const coding of ["gzip", "br", "identity, gzip", "x"]) {
    const answer = await post(proxy, "application/json", "[]", { "Content-Encoding": coding });
    assert.deepEqual([answer.status, answer.headers.get("accept-encoding"), answer.headers.get("accept")], [415, "identity", null], coding);
  }
  assert.equal((await post(proxy, "application/json", "[]", { "Content-Encoding": "identity" })).status, 200);
  assert.equal((await post(proxy, "multipart/form-data; boundary=b", "--b--", { "Content-Encoding": "deflate" })).status, 415);
  const connection = proxy.connect();
  connection.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
  assert.match(await connection.until(/\r\n\r\n/), /^HTTP\/1\.1 200 /);
});

test("in chunks, split at every byte, after 100-continue, broken off: judged whole, and sent whole or not at all", async (t) => {
  const proxy = await filtered(t, { json: { max_size: 1000, max_depth: 2 } });
  const head = "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Type: application/json\r\n";
  const bytewise = (body: string): string => `${[...body].map((each) => `1\r\n${each}\r\n`).join("")}0\r\n\r\n`;
  for (const [body, status] of [
    ['{"a":[]}', 200],
    ['{"a":[[]]}', 400],
    [`[${" ".repeat(1000)}]`, 413],
  ] as const) {
    const connection = proxy.connect();
    connection.send(`${head}Transfer-Encoding: chunked\r\n\r\n`);
    for (const piece of bytewise(body).match(/.{1,3}/gs) ?? []) connection.send(piece);
    assert.match(await connection.until(/\r\n\r\n/), new RegExp(`^HTTP/1\\.1 ${status} `));
  }
  const waiting = proxy.connect();
  waiting.send(`${head}Expect: 100-continue\r\nContent-Length: 6\r\n\r\n`);
  await waiting.until(/HTTP\/1\.1 100 Continue\r\n\r\n/);
  waiting.send("[[[]]]");
  assert.match(await waiting.until(/HTTP\/1\.1 [2-5].*\r\n\r\n/s), /HTTP\/1\.1 400 /);
  // Refused by its length or its type alone, nobody is asked to send it.
  for (const fields of ["Content-Length: 1001", "Content-Length: 2\r\nContent-Encoding: gzip"]) {
    const early = proxy.connect();
    early.send(`${head}Expect: 100-continue\r\n${fields}\r\n\r\n`);
    assert.match(await early.until(/\r\n\r\n/), /^HTTP\/1\.1 41[35] /);
  }
  const leaving = proxy.connect();
  leaving.send(`${head}Content-Length: 100\r\n\r\n{"a":`);
  leaving.end();
  await proxy.advance("1s");
  assert.equal(proxy.requests("app").length, 1);
});

test("bodies that are held take no more memory than all together may", async (t) => {
  const proxy = await testProxy(
    { limits: { buffered_bytes: "8KiB" }, routes: [{ upstream: "app", filter: { json: { max_size: "1MiB" } } }] },
    { upstreams: { app: () => new Response("") } },
  );
  t.after(() => proxy.close());
  const refused = await post(proxy, "application/json", `"${"x".repeat(20_000)}"`);
  assert.deepEqual([refused.status, refused.headers.get("retry-after")], [503, "5"]);
  assert.equal(proxy.metrics.value("millrace_filter_memory_total"), 1);
  assert.equal((await post(proxy, "application/json", '"x"')).status, 200);
  assert.equal(proxy.metrics.value("millrace_buffered_bytes"), 0);
});

test("GraphQL in JSON, as a document and in the URL, whatever the method", async (t) => {
  const proxy = await filtered(t, { graphql: { max_depth: 2, max_aliases: 1 } });
  const deep = "{ a { b { c } } }";
  const asked = async (query: string, init: RequestInit = {}): Promise<number> =>
    (await proxy.fetch(`http://a.test/?${query}`, init)).status;
  assert.deepEqual(
    await statuses(proxy, "application/json", JSON.stringify({ query: deep }), JSON.stringify({ query: "{ a { b } }" })),
    [400, 200],
  );
  assert.deepEqual(await statuses(proxy, "application/graphql", deep, "{ a { b } }", "{ x: a y: b }"), [400, 200, 400]);
  assert.deepEqual(
    [await asked(`query=${encodeURIComponent(deep)}`), await asked("query=%7B+a+%7D"), await asked("q=%7Ba"), await asked("quer%79=%7B")],
    [400, 200, 200, 400],
  );
  assert.equal(await asked("query=%7Ba%7D&query=%7Ba%7D"), 400, "several documents");
  // As some programs read it.
  for (const name of ["a=1;query", "QUERY", "+query", "query%00", "query[]", "query%5B0%5D", "%09Query+[a][b]"])
    assert.deepEqual([await asked(`${name}=${encodeURIComponent(deep)}`), await asked(`${name}=%7Ba%7D`)], [400, 200], name);
  assert.equal(await asked("query=%7Ba%7D;query=%7Ba%7D"), 400, "several documents");
  assert.equal(
    await asked(`query=${encodeURIComponent(deep)}`, {
      method: "POST",
      body: '{"query":"{a}"}',
      headers: { "Content-Type": "application/json" },
    }),
    400,
  );
  const named = await post(proxy, "application/json", JSON.stringify({ query: deep }));
  assert.match(named.text, /The operation nests fields deeper than 2\./);
  // Escapes and names that stand twice lead to no other document than the one that is judged.
  assert.deepEqual(
    await statuses(
      proxy,
      "application/json",
      `{"\\u0071uery":${JSON.stringify(deep)}}`,
      `{"query":"{a}","quer\\u0079":${JSON.stringify(deep)}}`,
      `{"query":"{a}","QUERY":"{a}"}`,
      '[{"query":"{a}"},{"query":"{a}"}]',
      '{"query":',
    ),
    [400, 400, 400, 400, 400],
  );
  assert.equal((await post(proxy, "application/x-www-form-urlencoded", `query=${encodeURIComponent(deep)}`)).status, 415);
  const lax = await filtered(t, { graphql: { max_depth: 2 }, json: { duplicate_keys: true } });
  assert.deepEqual(await statuses(lax, "application/json", `{"query":${JSON.stringify(deep)},"query":"{a}"}`), [400]);
});

const FORM = "multipart/form-data; boundary=b";

function form(...contents: readonly string[]): string {
  return `${contents.map((content) => `--b\r\nContent-Disposition: form-data; name=x\r\n\r\n${content}\r\n`).join("")}--b--\r\n`;
}

test("multipart: parts, their sizes and heads, while the body passes unchanged", async (t) => {
  const proxy = await filtered(t, { multipart: { max_parts: 2, max_part_size: 1000, max_part_head: 100 } });
  const passed = await post(proxy, FORM, form("a", "b"));
  assert.deepEqual([passed.status, passed.text], [200, form("a", "b")]);
  assert.equal(proxy.requests("app")[0]?.headers.get("content-length"), String(form("a", "b").length));
  const cases: readonly (readonly [string, number, RegExp])[] = [
    [form("a", "b", "c"), 400, /more than 2 parts/],
    [form("x".repeat(1000)), 413, /part of the body is larger than 1kB\./],
    [`--b\r\nX: ${"x".repeat(100)}\r\n\r\n\r\n--b--`, 400, /head of more than 100 bytes/],
    ["--b\r\n\r\nno end", 400, /does not end with its boundary/],
  ];
  for (const [body, status, detail] of cases) {
    const answer = await post(proxy, FORM, body);
    assert.equal(answer.status, status, answer.text);
    assert.match(answer.text, detail);
  }
  for (const type of [
    "multipart/form-data",

    "multipart/form-data; boundary=b; boundary=c",
    "multipart/form-data; boundary*=utf-8''b",
    `multipart/form-data; boundary="${"b".repeat(71)}"`,
  ])
    assert.equal((await post(proxy, type, form("a"))).status, 400, type);
  assert.equal((await post(proxy, "multipart/mixed; boundary=b", form("a"))).status, 415);
  assert.equal(proxy.log.filter(({ event }) => event === "middleware_failed").length, 0);
  assert.equal(proxy.log.filter(({ outcome }) => outcome === "filter_size").length, 1);
});

test("a refused body with parts is cut at the origin server, which never has what is too much", async (t) => {
  let seen = "";
  const ends: string[] = [];
  const proxy = await testProxy(
    { routes: [{ upstream: "app", filter: { multipart: { max_parts: 1 } } }] },
    {
      upstreams: {
        app: async (request) => {
          try {
            for await (const bytes of request.body ?? []) seen += new TextDecoder().decode(bytes as Uint8Array);
            ends.push("whole");
          } catch {
            ends.push("cut");
          }
          return new Response("");
        },
      },
    },
  );
  t.after(() => proxy.close());
  const connection = proxy.connect();
  connection.send(`POST / HTTP/1.1\r\nHost: a.test\r\nContent-Type: ${FORM}\r\nTransfer-Encoding: chunked\r\n\r\n`);
  for (const piece of form("first", "second").match(/.{1,7}/gs) ?? []) {
    connection.send(`${piece.length.toString(16)}\r\n${piece}\r\n`);
    await proxy.advance(0);
  }
  assert.match(await connection.until(/\r\n\r\n/), /^HTTP\/1\.1 400 /);
  await proxy.advance("1s");
  assert.ok(seen.includes("first") && !seen.includes("second"), seen);
  assert.deepEqual(ends, ["cut"]);
});

test("the copy of a refused request never looks whole, and the answer is that of the request", async (t) => {
  const whole: string[] = [];
  const keep = (name: string) => async (request: Request) => {
    const text = await request.text();
    whole.push(`${name} ${text.length}`);
    return new Response("");
  };
  const proxy = await testProxy(
    { routes: [{ upstream: "app", mirror: { upstream: "shadow" }, filter: { multipart: { max_parts: 1 } } }] },
    { upstreams: { app: keep("app"), shadow: keep("shadow") } },
  );
  t.after(() => proxy.close());
  assert.equal((await post(proxy, FORM, form("a", "b"))).status, 400);
  await proxy.advance("1s");
  assert.deepEqual(whole, []);
  assert.equal((await post(proxy, FORM, form("a"))).status, 200);
  await proxy.advance("1s");
  assert.deepEqual(whole.toSorted(), [`app ${form("a").length}`, `shadow ${form("a").length}`]);
});

test("who is not admitted has no body read", async (t) => {
  const proxy = await filtered(t, { json: { max_depth: 1 } }, { authentication: { tokens: ["a-long-enough-token"] } });
  assert.equal((await post(proxy, "application/json", "[[[")).status, 401);
  assert.equal((await post(proxy, "application/json", "[[[", { Authorization: "Bearer a-long-enough-token" })).status, 400);
});

test("what a configuration may not say", async () => {
  const wrong = async (filter: object): Promise<unknown> =>
    testProxy({ routes: [{ upstream: "app", filter }] }, { upstreams: { app: () => new Response() } });
  await assert.rejects(wrong({ methods: [] }), /filter\.methods/);
  await assert.rejects(wrong({ content_types: ["json"] }), /expected a media type without parameters/);
  await assert.rejects(wrong({ content_types: ["text/plain; charset=utf-8"] }), /expected a media type without parameters/);
  await assert.rejects(wrong({ json: { depth: 3 } }), /did you mean.*max_depth|called max_depth|max_depth/);
  await assert.rejects(wrong({ json: { max_size: "65MiB" } }), /expected a size from 1 to 64MiB/);
  await assert.rejects(wrong({ graphql: { max_depth: 0 } }), /expected a whole number from 1/);
});

test("the defaults without `json` are those of the schema", () => {
  assert.deepEqual(filterDeclaration.schema.parse({ json: {} }).json, JSON_DEFAULTS);
});
