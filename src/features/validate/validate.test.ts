import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import { testProxy } from "../../testing/test-proxy.ts";
import type { TestProxy } from "../../testing/test-proxy.ts";

const API = `
openapi: 3.0.3
info: { title: Pets, version: "1" }
servers: [{ url: "https://api.example/v1" }]
paths:
  /pets:
    get:
      parameters:
        - { name: limit, in: query, schema: { type: integer, minimum: 1, maximum: 100 } }
        - { name: tag, in: query, schema: { type: array, items: { type: string, maxLength: 5 } } }
        - { name: ids, in: query, explode: false, schema: { type: array, items: { type: integer }, maxItems: 3 } }
        - { name: near, in: query, style: deepObject, schema: { $ref: "#/components/schemas/Place" } }
        - { name: X-Tenant, in: header, required: true, schema: { type: string, pattern: "^[a-z]+$" } }
        - { name: session, in: cookie, schema: { type: string, format: uuid } }
      responses: { "200": { description: all } }
    post:
      requestBody:
        required: true
        content:
          application/json: { schema: { $ref: "#/components/schemas/Pet" } }
          application/x-www-form-urlencoded: { schema: { $ref: "#/components/schemas/Pet" } }
          image/png: {}
      responses: { "201": { description: made } }
  /pets/mine:
    get: { responses: { "200": { description: mine } } }
  "/pets/{id}":
    parameters:
      - { name: id, in: path, required: true, schema: { type: integer, format: int32 } }
    get: { responses: { "200": { description: one } } }
    delete: { responses: { "204": { description: gone } } }
components:
  schemas:
    Place:
      type: object
      required: [lat, lon]
      properties: { lat: { type: number, minimum: -90, maximum: 90 }, lon: { type: number } }
    Pet:
      type: object
      required: [id, name]
      additionalProperties: false
      properties:
        id: { type: integer, readOnly: true }
        name: { type: string, minLength: 1, maxLength: 20 }
        born: { type: string, format: date, nullable: true }
        weight: { type: number, exclusiveMinimum: true, minimum: 0, multipleOf: 0.1 }
        tags: { type: array, uniqueItems: true, items: { type: string } }
        mother: { $ref: "#/components/schemas/Pet" }
`;

interface Began {
  readonly proxy: TestProxy;
  readonly files: Record<string, string>;
  /** Bodies that the upstream has got. */
  readonly got: string[];
}

async function begun(
  t: TestContext,
  validate: object = {},
  api: string = API,
  respond: (request: Request) => Response = () => new Response("ok"),
): Promise<Began> {
  const files: Record<string, string> = { "api.yaml": api };
  const got: string[] = [];
  const proxy = await testProxy(
    { routes: [{ upstream: "app", validate: { openapi: "api.yaml", ...validate } }] },
    {
      files,
      upstreams: {
        app: async (request) => {
          got.push(await request.text());
          return respond(request);
        },
      },
    },
  );
  t.after(() => proxy.close());
  return { proxy, files, got };
}

interface Told {
  readonly status: number;
  readonly errors: readonly unknown[] | undefined;
  readonly response: Response;
}

async function told(response: Response): Promise<Told> {
  const { status } = response;
  if (status === 200) return { status, errors: undefined, response };
  assert.equal(response.headers.get("content-type"), "application/problem+json");
  const { errors } = (await response.json()) as { readonly errors?: readonly unknown[] };
  return { status, errors, response };
}

async function get({ proxy }: Began, path: string, init: RequestInit = {}): Promise<Told> {
  const headers = { "X-Tenant": "acme", ...(init.headers as Record<string, string> | undefined) };
  return told(await proxy.fetch(`http://a.test${path}`, { ...init, headers }));
}

async function post(
  { proxy }: Began,
  body: string | Uint8Array<ArrayBuffer>,
  type: string | null = "application/json",
  more: Record<string, string> = {},
): Promise<Told> {
  const headers = { ...(type === null ? {} : { "Content-Type": type }), ...more };
  return told(await proxy.fetch("http://a.test/v1/pets", { method: "POST", body, headers }));
}

describe("paths and methods", () => {
  test("what is described passes, below the path of the server; other paths are 404, other methods 405 with Allow", async (t) => {
    const api = await begun(t);
    assert.equal((await get(api, "/v1/pets")).status, 200);
    assert.equal((await get(api, "/v1/pets/7")).status, 200);
    assert.equal((await get(api, "/v1/pets/mine")).status, 200);
    assert.equal((await get(api, "/v1/pets/7", { method: "HEAD" })).status, 200);
    for (const path of ["/pets", "/v1/pets/", "/v1/pets/7/toys", "/v1/PETS", "/v1"]) assert.equal((await get(api, path)).status, 404, path);
    const refused = await get(api, "/v1/pets/7", { method: "PUT" });
    assert.equal(refused.status, 405);
    assert.equal(refused.response.headers.get("allow"), "GET, DELETE, HEAD");
    assert.equal(api.proxy.metrics.value("millrace_validation_refused_total"), 6);
  });

  test("a path that an origin may read as another operation's is 404", async (t) => {
    const api = await begun(t, {}, API.replace("/pets/mine:", '"/pets/{id}/toys":'));
    assert.equal((await get(api, "/v1/pets/7/toys")).status, 200);
    assert.equal((await get(api, "/v1/pets/7%2Ftoys")).status, 404);
    assert.equal((await get(api, "/v1/pets/7;toys")).status, 404);
    assert.equal((await get(api, "/v1/pets/%37")).status, 200);
  });

  test("base_path stands in the place of the server's", async (t) => {
    const api = await begun(t, { base_path: "/next" });
    assert.equal((await get(api, "/next/pets")).status, 200);
    assert.equal((await get(api, "/v1/pets")).status, 404);
  });

  test("a preflight for a path of the API passes", async (t) => {
    const api = await begun(t);
    const headers = { Origin: "https://page.example", "Access-Control-Request-Method": "DELETE" };
    assert.equal((await get(api, "/v1/pets/7", { method: "OPTIONS", headers })).status, 200);
    assert.equal((await get(api, "/v1/pets/7", { method: "OPTIONS" })).status, 405);
  });
});

test("parameters: types, styles, what is missing or repeated", async (t) => {
  const api = await begun(t);
  for (const query of ["limit=5", "tag=a&tag=b", "tag=a", "ids=1,2,3", "near[lat]=1.5&near[lon]=-3", "other=1", "", "l%69mit=5"])
    assert.equal((await get(api, `/v1/pets?${query}`)).status, 200, query);
  const wrong: readonly (readonly [string, object])[] = [
    ["limit=0", { in: "query", name: "limit", keyword: "minimum" }],
    ["limit=five", { in: "query", name: "limit", keyword: "type" }],
    ["limit=1.5", { in: "query", name: "limit", keyword: "type" }],
    ["limit=1&limit=2", { in: "query", name: "limit", keyword: "repeated" }],
    ["limit=", { in: "query", name: "limit", keyword: "type" }],
    ["tag=abcdef", { in: "query", name: "tag", pointer: "/0", keyword: "maxLength" }],
    ["ids=1,x", { in: "query", name: "ids", pointer: "/1", keyword: "type" }],
    ["ids=1,2,3,4", { in: "query", name: "ids", keyword: "maxItems" }],
    ["near[lat]=91&near[lon]=0", { in: "query", name: "near", pointer: "/lat", keyword: "maximum" }],
    ["near[lat]=9", { in: "query", name: "near", pointer: "/lon", keyword: "required" }],
    ["near[lat]=9&near[lat]=8&near[lon]=0", { in: "query", name: "near", keyword: "repeated" }],
    ["limit=%ff", { in: "query", keyword: "encoding" }],
  ];
  for (const [query, error] of wrong) assert.deepEqual((await get(api, `/v1/pets?${query}`)).errors, [error], query);
  assert.deepEqual((await get(api, "/v1/pets/x")).errors, [{ in: "path", name: "id", keyword: "type" }]);
  assert.deepEqual((await get(api, "/v1/pets/3000000000")).errors, [{ in: "path", name: "id", keyword: "format" }]);
  assert.deepEqual((await get(api, "/v1/pets", { headers: { "X-Tenant": "ACME" } })).errors, [
    { in: "header", name: "X-Tenant", keyword: "pattern" },
  ]);
  assert.deepEqual((await told(await api.proxy.fetch("http://a.test/v1/pets"))).errors, [
    { in: "header", name: "X-Tenant", keyword: "required" },
  ]);
  assert.deepEqual((await get(api, "/v1/pets", { headers: { Cookie: "a=b; session=1" } })).errors, [
    { in: "cookie", name: "session", keyword: "format" },
  ]);
  const strict = await begun(t, { undeclared_query: "refuse" });
  assert.deepEqual((await get(strict, "/v1/pets?limit=5&secret-thing=1")).errors, [{ in: "query", keyword: "undeclared" }]);
  assert.equal((await get(strict, "/v1/pets?limit=5&near[lat]=9&near[lon]=1&tag=a")).status, 200);
});

describe("bodies", () => {
  test("one that is right goes on as it came", async (t) => {
    const api = await begun(t);
    const body = '{ "name": "Mia", "born": null, "weight": 3.3, "tags": ["a", "b"], "mother": { "name": "Ada" } }';
    assert.equal((await post(api, body)).status, 200);
    assert.deepEqual(api.got, [body]);
  });

  test("one that is wrong is refused with the place and the keyword, and never goes on", async (t) => {
    const api = await begun(t);
    const wrong: readonly (readonly [string, ...object[]])[] = [
      ["{}", { in: "body", pointer: "/name", keyword: "required" }],
      ["[]", { in: "body", keyword: "type" }],
      ['{"name":""}', { in: "body", pointer: "/name", keyword: "minLength" }],
      ['{"name":"a","born":"2024-02-30"}', { in: "body", pointer: "/born", keyword: "format" }],
      ['{"name":"a","weight":0}', { in: "body", pointer: "/weight", keyword: "exclusiveMinimum" }],
      ['{"name":"a","weight":0.15}', { in: "body", pointer: "/weight", keyword: "multipleOf" }],
      ['{"name":"a","tags":["x","x"]}', { in: "body", pointer: "/tags", keyword: "uniqueItems" }],
      ['{"name":"a","mother":{"name":1}}', { in: "body", pointer: "/mother/name", keyword: "type" }],
      ['{"name":1,"weight":"x"}', { in: "body", pointer: "/name", keyword: "type" }, { in: "body", pointer: "/weight", keyword: "type" }],
    ];
    for (const [body, ...errors] of wrong) {
      const answer = await post(api, body);
      assert.equal(answer.status, 400);
      assert.deepEqual(answer.errors, errors, body);
    }
    assert.deepEqual(api.got, []);
  });

  test("no part of the answer is the client's: neither values nor names that the document does not have", async (t) => {
    const api = await begun(t);
    for (const body of [
      '{"name":"a","hunter2":1}',
      '{"name":"hunter2 hunter2 hunter2"}',
      '{"hunter2',
      '{"name":"a","mother":{"hunter2":1}}',
    ]) {
      const response = await api.proxy.fetch("http://a.test/v1/pets", {
        method: "POST",
        body,
        headers: { "Content-Type": "application/json" },
      });
      assert.equal(response.status, 400);
      assert.doesNotMatch(await response.text(), /hunter2/);
    }
    assert.doesNotMatch(JSON.stringify(api.proxy.log), /hunter2/);
  });

  test("other media types are 415 with Accept, and a type twice is none", async (t) => {
    const api = await begun(t);
    for (const type of [
      "text/plain",
      "application/xml",
      null,
      "application/json; charset=utf-16",
      "application/json, text/plain",
      "json",
    ]) {
      const { status, response } = await post(api, new TextEncoder().encode('{"name":"a"}'), type);
      assert.equal(status, 415, String(type));
      assert.equal(response.headers.get("accept"), "application/json, application/x-www-form-urlencoded, image/png");
    }
    for (const type of ["application/json; charset=UTF-8", "Application/JSON", 'application/json;charset="utf-8"'])
      assert.equal((await post(api, '{"name":"a"}', type)).status, 200, type);
    const { status, response } = await post(api, '{"name":"a"}', "application/json", { "Content-Encoding": "gzip" });
    assert.equal(status, 415);
    assert.equal(response.headers.get("accept-encoding"), "identity");
  });

  test("bodies that lie about their type are refused: other bytes under the name of JSON, and JSON under another name", async (t) => {
    const api = await begun(t);
    const faultOf = async (body: string | Uint8Array<ArrayBuffer>): Promise<unknown> => (await post(api, body)).errors;
    assert.deepEqual(await faultOf("name=a"), [{ in: "body", keyword: "json" }]);
    assert.deepEqual(await faultOf(""), [{ in: "body", keyword: "required" }]);
    assert.deepEqual(await faultOf("\ufeff{}"), [{ in: "body", keyword: "json" }]);
    assert.deepEqual(await faultOf(new Uint8Array([0x22, 0xff, 0x22])), [{ in: "body", keyword: "encoding" }]);
    assert.deepEqual(await faultOf('{"name":"a"} {"name":"b"}'), [{ in: "body", keyword: "json" }]);
    assert.deepEqual(await faultOf('{"name":"a","name":"b"}'), [{ in: "body", keyword: "duplicate" }]);
    assert.deepEqual(await faultOf(String.raw`{"name":"a","n\u0061me":"b"}`), [{ in: "body", keyword: "duplicate" }]);
    assert.deepEqual(await faultOf('{"name":"a","weight":1e999}'), [{ in: "body", keyword: "number" }]);
    assert.deepEqual(await faultOf('{"name":"a","__proto__":{"name":1}}'), [{ in: "body", keyword: "additionalProperties" }]);
    assert.equal((await post(api, '{"name":"a"}', "text/plain")).status, 415);
    assert.deepEqual(api.got, []);
  });

  test("of a type that is not looked into a body passes as a stream, whatever its size", async (t) => {
    const api = await begun(t, { max_body: 10 });
    assert.equal((await post(api, "x".repeat(100_000), "image/png")).status, 200);
    assert.equal(api.got[0]?.length, 100_000);
  });

  test("forms are checked by their names and values", async (t) => {
    const api = await begun(t);
    const form = "application/x-www-form-urlencoded";
    assert.equal((await post(api, "name=Mia+M&weight=3.3&tags=a&tags=b", form)).status, 200);
    assert.equal((await post(api, "name=\u00e9\u0416\u{1f600}", form)).status, 200);
    assert.equal((await post(api, Array(50_000).fill("tags=a").join("&"), form)).status, 400);
    assert.deepEqual((await post(api, "weight=3.3", form)).errors, [{ in: "body", pointer: "/name", keyword: "required" }]);
    assert.deepEqual((await post(api, "name=a&weight=x", form)).errors, [{ in: "body", pointer: "/weight", keyword: "type" }]);
    assert.deepEqual((await post(api, "name=a&name=b", form)).errors, [{ in: "body", keyword: "repeated" }]);
    assert.deepEqual((await post(api, "name=a&other=b", form)).errors, [{ in: "body", keyword: "additionalProperties" }]);
    assert.equal((await post(api, "name=a&tags[]=x&tags[]=y&mother[name]=b&mother[weight]=1", form)).status, 200);
    assert.deepEqual((await post(api, "name=a&mother[name]=b&mother[weight]=x", form)).errors, [
      { in: "body", pointer: "/mother/weight", keyword: "type" },
    ]);
    assert.deepEqual((await post(api, "name=a&mother[name]=b&mother[name]=c", form)).errors, [{ in: "body", keyword: "repeated" }]);
  });

  test("one that is too large is 413, and 503 when held bodies take all memory there is", async (t) => {
    const api = await begun(t, { max_body: 100 });
    assert.equal((await post(api, `{"name":"${"a".repeat(100)}"}`)).status, 413);
    assert.equal((await post(api, '{"name":"a"}')).status, 200);
    const files = { "api.yaml": API };
    const proxy = await testProxy(
      { limits: { buffered_bytes: 0 }, routes: [{ upstream: "app", validate: { openapi: "api.yaml" } }] },
      { files, upstreams: { app: () => new Response("ok") } },
    );
    t.after(() => proxy.close());
    const response = await proxy.fetch("http://a.test/v1/pets", {
      method: "POST",
      body: '{"name":"a"}',
      headers: { "Content-Type": "application/json" },
    });
    assert.equal(response.status, 503);
    assert.equal(response.headers.get("retry-after"), "1");
  });

  test("a body where the document has none is refused", async (t) => {
    const api = await begun(t);
    assert.deepEqual((await get(api, "/v1/pets/7", { method: "DELETE", body: "{}" })).errors, [{ in: "body", keyword: "undeclared" }]);
  });
});

test("requests: report passes everything on as it comes, counts it, and says where it is wrong", async (t) => {
  const api = await begun(t, { requests: "report", max_body: 100 });
  assert.equal((await post(api, '{"hunter2":1}')).status, 200);
  assert.equal((await get(api, "/nowhere")).status, 200);
  assert.equal((await get(api, "/v1/pets?limit=hunter2")).status, 200);
  assert.equal((await post(api, `{"name":"${"a".repeat(100)}"}`)).status, 200);
  assert.equal((await post(api, '{"name":"a"}')).status, 200);
  assert.deepEqual(api.got.slice(0, 1), ['{"hunter2":1}']);
  assert.equal(api.proxy.metrics.value("millrace_validation_reported_total"), 4);
  assert.equal(api.proxy.metrics.value("millrace_validation_refused_total"), 0);
  const lines = api.proxy.log.filter(({ event }) => event === "validation_reported");
  assert.deepEqual(
    lines.map(({ fault }) => fault),
    ["body /name required, body additionalProperties"],
  );
  assert.doesNotMatch(JSON.stringify(api.proxy.log.filter(({ event }) => event !== "access")), /hunter2/);
});

test("a document that changes counts within two seconds; one that is wrong changes nothing and is said", async (t) => {
  const api = await begun(t);
  assert.equal((await get(api, "/v1/pets?limit=50")).status, 200);
  api.files["api.yaml"] = API.replace("maximum: 100", "maximum: 40");
  await api.proxy.advance(2000);
  assert.equal((await get(api, "/v1/pets?limit=50")).status, 400);
  api.files["api.yaml"] = API.replace("#/components/schemas/Place", "#/components/schemas/Plaice");
  await api.proxy.advance(2000);
  assert.equal((await get(api, "/v1/pets?limit=50")).status, 400);
  assert.equal((await get(api, "/v1/pets?limit=30")).status, 200);
  const refused = api.proxy.log.filter(({ event }) => event === "api_description_refused");
  assert.equal(refused.length, 1);
  assert.match(
    String(refused[0]?.message),
    /api\.yaml:12:\d+: #\/paths\/~1pets\/get\/parameters\/3\/schema\/\$ref: the reference leads to nothing/,
  );
});

describe("responses", () => {
  const ANSWERS = API.replace(
    '"200": { description: mine }',
    '"200": { description: mine, content: { application/json: { schema: { $ref: "#/components/schemas/Pet" } } } }, "204": {}, "4XX": {}',
  );
  const json = (text: string, init: ResponseInit = {}): Response =>
    new Response(text, {
      ...init,
      headers: { "Content-Type": "application/json", ...(init.headers as Record<string, string> | undefined) },
    });
  const right = '{ "id": 1, "name": "Mia" }';
  const mine = async ({ proxy }: Began, init: RequestInit = {}): Promise<Response> => proxy.fetch("http://a.test/v1/pets/mine", init);

  test("report passes them on as they come, counts those that are wrong, and says where", async (t) => {
    let response = (): Response => json(right);
    const api = await begun(t, { responses: "report", max_body: 100 }, ANSWERS, () => response());
    const faults: unknown[] = [];
    const bodies: readonly (() => Response)[] = [
      () => json(right),
      () => json('{"name":"hunter2"}'),
      () => json("hunter2"),
      () => json("{}", { status: 201 }),
      () => new Response("plain", { headers: { "Content-Type": "text/plain" } }),
      () => json(`{"id":1,"name":"${"a".repeat(100)}"}`),
      () => new Response(null, { status: 204 }),
      () => new Response("no", { status: 418, headers: { "Content-Type": "text/plain" } }),
    ];
    for (const each of bodies) {
      response = each;
      const got = await mine(api);
      const given = each();
      assert.equal(got.status, given.status);
      assert.equal(await got.text(), await given.text());
      faults.push(api.proxy.log.findLast(({ event }) => event === "access")?.["fault"]);
    }
    assert.deepEqual(faults, [
      undefined,
      "response body /id required",
      "response body json",
      "response status responses",
      "response header Content-Type content",
      "response size",
      undefined,
      undefined,
    ]);
    assert.equal(api.proxy.metrics.value("millrace_validation_reported_total"), 5);
    assert.doesNotMatch(JSON.stringify(api.proxy.log), /hunter2/);
  });

  test("enforce answers 502 in the place of a wrong one, and passes a right one with its fields", async (t) => {
    let response = (): Response => json(right);
    const api = await begun(t, { responses: "enforce", max_body: 100 }, ANSWERS, () => response());
    const passed = await mine(api, { headers: { "Accept-Encoding": "gzip" } });
    assert.equal(await passed.text(), right);
    assert.equal(passed.headers.get("content-length"), String(right.length));
    assert.equal(api.proxy.requests("app")[0]?.headers.get("accept-encoding"), "identity");
    const wrong: readonly (() => Response)[] = [
      () => json('{"name":"hunter2"}'),
      () => json("hunter2"),
      () => json(right, { status: 201 }),
      () => new Response("hunter2", { headers: { "Content-Type": "text/plain" } }),
      () => json("hunter2", { headers: { "Content-Encoding": "gzip" } }),
    ];
    for (const each of wrong) {
      response = each;
      const refused = await mine(api);
      assert.equal(refused.status, 502);
      assert.doesNotMatch(await refused.text(), /hunter2/);
    }
    assert.equal(api.proxy.metrics.value("millrace_validation_responses_refused_total"), 5);
    response = () => json(`{"name":"${"a".repeat(100)}"}`);
    const large = await mine(api);
    assert.equal(large.status, 200);
    assert.equal((await large.text()).length, 111);
    assert.equal(api.proxy.metrics.value("millrace_validation_reported_total"), 1);
    response = () => new Response(null, { status: 204 });
    assert.equal((await mine(api)).status, 204);
  });

  test("enforce holds what comes in pieces until all of it has come, and a response that breaks off is 502", async (t) => {
    let isBroken = false;
    const pieces = (): Response => {
      const parts = [...right];
      const body = new ReadableStream<Uint8Array>({
        pull(controller) {
          const part = parts.shift();
          if (isBroken && parts.length === 5) controller.error(new Error("broken"));
          else if (part === undefined) controller.close();
          else controller.enqueue(new TextEncoder().encode(part));
        },
      });
      return new Response(body, { headers: { "Content-Type": "application/json" } });
    };
    const api = await begun(t, { responses: "enforce" }, ANSWERS, pieces);
    assert.equal(await (await mine(api)).text(), right);
    isBroken = true;
    assert.equal((await mine(api)).status, 502);
    assert.equal(api.proxy.metrics.value("millrace_buffered_bytes"), 0);
  });

  test("requests may be left alone", async (t) => {
    const api = await begun(t, { requests: false, responses: "enforce" }, ANSWERS, () => json('{"name":1}'));
    assert.equal((await mine(api)).status, 502);
    assert.equal((await api.proxy.fetch("http://a.test/nowhere")).status, 200);
  });
});
