/** Limits of tokens, through the whole proxy: what answers cost, and what is left. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import type { TestContext } from "node:test";
import type { RouteInput } from "../../config/input.ts";
import { readObject } from "../../config/document/read-object.ts";
import { checkConfig } from "../../config/load.ts";
import { formatProblem } from "../../config/problems/problem.ts";
import { isVocabulary } from "../../config/schema/foreign-keys.ts";
import { defineMiddleware } from "../../middleware/define-middleware.ts";
import { script, testProxy } from "../../testing/test-proxy.ts";
import type { OriginFunction, OriginScript, TestConfig, TestProxy } from "../../testing/test-proxy.ts";

type LimitInput = NonNullable<RouteInput["token_limit"]>;

const configOf = (limit: LimitInput, route: Omit<RouteInput, "upstream"> = {}): TestConfig => ({
  routes: [{ name: "llm", token_limit: limit, ...route, upstream: "app" }],
  trusted_proxies: ["0.0.0.0/0"],
});

/** A limit in place of the one before: what was counted stays. */
const reloaded = (proxy: TestProxy, limit: LimitInput): Promise<unknown> => proxy.reload(configOf(limit));

async function started(
  t: TestContext,
  limit: LimitInput,
  app: OriginFunction | OriginScript,
  route: Omit<RouteInput, "upstream"> = {},
): Promise<TestProxy> {
  const files = { "keys.yaml": KEYS_FILE };
  const proxy = await testProxy(configOf(limit, route), { files, upstreams: { app }, startsAt: Date.parse("2026-11-30T23:59:00Z") });
  t.after(() => proxy.close());
  return proxy;
}

function keyOf(id: string): string {
  return `mr_${id}_${id.repeat(12)}`.padEnd(40, "x");
}

const KEYS_FILE = `keys:\n${["free", "pro"]
  .map((id) => {
    const hash = createHash("sha256").update(keyOf(id)).digest("hex");
    return `  - { id: ${id}, prefix: ${keyOf(id).slice(0, 8)}, hash: "sha256:${hash}", roles: [${id}] }\n`;
  })
  .join("")}`;

interface Asked {
  readonly from?: string;
  readonly body?: string;
  readonly method?: string;
  readonly key?: string;
}

/** Asks a model, and gives the response with its body read. */
async function ask(
  proxy: TestProxy,
  { from = "192.0.2.1", body = "{}", method = "POST", key }: Asked = {},
): Promise<{ response: Response; text: string }> {
  const headers: Record<string, string> = { "X-Forwarded-For": from };
  if (key !== undefined) headers["X-API-Key"] = keyOf(key);
  const init = method === "GET" ? {} : { body };
  const response = await proxy.fetch("http://a.test/v1/chat", { method, headers, ...init });
  return { response, text: await response.text() };
}

/** The same as `ask`, for a raw connection. */
const POST = "POST /v1/chat HTTP/1.1\r\nHost: a.test\r\nX-Forwarded-For: 192.0.2.1\r\nContent-Length: 2\r\n\r\n{}";

/** How many tokens of one minute's limit of 10,000 are used up by now, as a refusal of everything says. */
async function spent(proxy: TestProxy, asked: Asked = {}): Promise<number> {
  const { response } = await ask(proxy, asked);
  assert.equal(response.status, 429);
  return 10_000 - Number(/;r=(\d+)/.exec(response.headers.get("ratelimit") ?? "")?.[1]);
}

/** A limit whose estimate is all of it: the second request is refused, and says what the first one has cost. */
const all = { tokens_per_minute: 10_000, estimate: 10_000 } as const;

const json = (usage: unknown): Response =>
  Response.json({ id: "x", choices: [{ message: { content: 'Grüße, {"usage":{"total_tokens":9}}' } }], usage });

function events(...data: readonly unknown[]): string {
  return data.map((each) => `data: ${typeof each === "string" ? each : JSON.stringify(each)}\n\n`).join("");
}

function stream(text: string, step: number = Infinity): Response {
  const bytes = Buffer.from(text);
  let next = 0;
  const pull = (controller: ReadableStreamDefaultController): void => {
    if (next >= bytes.length) return controller.close();
    controller.enqueue(new Uint8Array(bytes.subarray(next, next + step)));
    next += step;
  };
  return new Response(new ReadableStream({ pull }), { headers: { "Content-Type": "text/event-stream; charset=utf-8" } });
}

const CHAT = events(
  { choices: [{ delta: { role: "assistant", content: "" } }], usage: null },
  { choices: [{ delta: { content: "Hello" } }], usage: null },
  { choices: [], usage: { prompt_tokens: 70, completion_tokens: 30, total_tokens: 100 } },
  "[DONE]",
);
const MESSAGES = events(
  { type: "message_start", message: { usage: { input_tokens: 20, cache_read_input_tokens: 50, output_tokens: 1 } } },
  { type: "content_block_delta", delta: { type: "text_delta", text: "Hello" } },
  { type: "message_delta", usage: { output_tokens: 30 } },
  { type: "message_stop" },
);
const RESPONSES = events(
  { type: "response.output_text.delta", delta: "Hello" },
  { type: "response.completed", response: { usage: { input_tokens: 70, output_tokens: 30, total_tokens: 100 } } },
);

test("an answer costs what its usage says, in JSON and in streams of each shape, wherever they are cut, and passes unchanged", async (t) => {
  let answer = (): Response => json({ prompt_tokens: 70, completion_tokens: 30 });
  const proxy = await started(t, { ...all, key: "client_ip" }, () => answer());
  let client = 0;
  const costs = async (expected: string): Promise<number> => {
    const from = `192.0.2.${++client}`;
    const { response, text } = await ask(proxy, { from });
    assert.deepEqual([response.status, text], [200, expected]);
    return spent(proxy, { from });
  };
  assert.equal(await costs(await answer().text()), 100);
  for (const text of [CHAT, MESSAGES, RESPONSES])
    for (const step of [1, 7, 1000]) {
      answer = () => stream(text, step);
      assert.equal(await costs(text), 100, text);
    }
});

test("a client is told what is left and when to come back, and is let in again then", async (t) => {
  const proxy = await started(t, { tokens_per_minute: 6000, estimate: 1000 }, () => json({ prompt_tokens: 5000, completion_tokens: 500 }));
  assert.equal((await ask(proxy)).response.status, 200);
  const { response, text } = await ask(proxy);
  assert.equal(response.status, 429);
  assert.equal(response.headers.get("retry-after"), "5");
  assert.equal(response.headers.get("ratelimit-policy"), '"tokens";q=6000;w=60;qu="tokens"');
  assert.equal(response.headers.get("ratelimit"), '"tokens";r=500;t=5');
  assert.match(text, /500 of 6000 tokens per minute are left, and a request takes 1000; it is welcome in 5 seconds\./);
  await proxy.advance("4s");
  assert.equal((await ask(proxy)).response.status, 429);
  await proxy.advance("1s");
  assert.equal((await ask(proxy)).response.status, 200);
  assert.equal(proxy.metrics.value("millrace_tokens_limited_total"), 2);
  assert.equal(proxy.requests("app").length, 2);
});

test("what answers cost beyond what was left is made good by waiting, an hour at most", async (t) => {
  let cost = 30_000;
  const proxy = await started(t, { tokens_per_minute: 10_000 }, () => json({ total_tokens: cost }));
  await ask(proxy);
  assert.equal((await ask(proxy)).response.headers.get("retry-after"), "126");
  await proxy.advance("126s");
  cost = 900_000_000;
  assert.equal((await ask(proxy)).response.status, 200);
  const retry = Number((await ask(proxy)).response.headers.get("retry-after"));
  assert.ok(retry > 3600 && retry < 3700, `${retry}`);
  await proxy.advance(`${retry}s`);
  assert.equal((await ask(proxy)).response.status, 200);
});

test("a budget is whole again when the next hour, day or month of UTC begins", async (t) => {
  for (const per of ["hour", "day", "month"] as const) {
    const limit = { budget: { tokens: 5000, per }, estimate: 100 };
    const proxy = await started(t, limit, () => json({ prompt_tokens: 4000, completion_tokens: 950 }));
    assert.equal((await ask(proxy)).response.status, 200);
    const { response, text } = await ask(proxy);
    assert.deepEqual([response.status, response.headers.get("retry-after")], [429, "60"]);
    assert.match(
      text,
      new RegExp(
        `50 of 5000 tokens per ${per} are left, and a request takes 100; all are there again in 60 seconds, at 2026-12-01T00:00:00Z\\.`,
      ),
    );
    assert.equal(response.headers.get("ratelimit"), `"tokens-budget";r=50;t=60`);
    await proxy.reload({
      routes: [{ name: "llm", token_limit: { budget: { tokens: 5000, per }, estimate: 100 }, upstream: "app" }],
      trusted_proxies: ["0.0.0.0/0"],
    });
    assert.equal((await ask(proxy)).response.status, 429, "a reload leaves it as it is");
    await proxy.advance("59s");
    assert.equal((await ask(proxy)).response.status, 429, "a second before");
    await proxy.advance("1s");
    assert.equal((await ask(proxy)).response.status, 200, per);
    assert.equal(proxy.log.filter(({ outcome }) => outcome === "token_budget_spent").length, 3);
  }
});

test("both limits hold, and a request that one refuses takes nothing of the other", async (t) => {
  const limit = { tokens_per_minute: 10_000, budget: { tokens: 3000, per: "day" }, estimate: 1500 } as const;
  const proxy = await started(t, limit, () => json({ total_tokens: 1500 }));
  for (const status of [200, 200, 429, 429, 429, 429, 429]) assert.equal((await ask(proxy)).response.status, status);
  assert.equal(proxy.log.filter(({ outcome }) => outcome === "token_budget_spent").length, 5, "and not the limit by the minute");
  await proxy.advance("60s");
  for (const status of [200, 200, 429]) assert.equal((await ask(proxy)).response.status, status);
});

test("roles have limits of their own, and of a list all hold", async (t) => {
  const limits = [
    { tokens_per_minute: 1000, key: "api_key" as const, roles: { pro: { tokens_per_minute: 3000 } } },
    { tokens_per_minute: 4000, key: "route" as const },
  ];
  const authentication = { api_keys: { file: "keys.yaml" } };
  const proxy = await started(t, limits, () => json({ total_tokens: 1000 }), { authentication });
  const statuses: number[] = [];
  for (const key of ["free", "free", "pro", "pro", "pro", "pro", "free"]) statuses.push((await ask(proxy, { key })).response.status);
  assert.deepEqual(statuses, [200, 429, 200, 200, 200, 429, 429]);
  await proxy.advance("15s");
  const refused = await ask(proxy, { key: "free" });
  assert.equal(refused.response.headers.get("ratelimit"), '"tokens";r=250;t=45', "the key's own limit refuses first");
  assert.equal((await proxy.fetch("http://a.test/", { method: "POST" })).status, 401, "authentication comes first");
});

test("only the answer's tokens count where the limit says so", async (t) => {
  const proxy = await started(t, { ...all, count: "output" }, () => stream(MESSAGES));
  await ask(proxy);
  assert.equal(await spent(proxy), 30);
});

test("requests at the same time take their estimates, so that no burst of them gets past the limit", async (t) => {
  const limit = { tokens_per_minute: 10_000, estimate: 2000 };
  const proxy = await started(t, limit, async (_request, { sleep }) => {
    await sleep(1);
    return json({ total_tokens: 10 });
  });
  const asked = Array.from({ length: 20 }, () => ask(proxy));
  await proxy.advance("1s");
  const statuses = (await Promise.all(asked)).map(({ response }) => response.status);
  assert.deepEqual([statuses.filter((status) => status === 200).length, statuses.filter((status) => status === 429).length], [5, 15]);
});

test("what never reached a model costs nothing, and neither does an error", async (t) => {
  const refused = await started(t, all, script.refuse());
  for (let n = 0; n < 3; n++) assert.equal((await ask(refused)).response.status, 502);
  let status = 400;
  const failing = await started(t, all, () => Response.json({ error: {} }, { status }));
  for (status of [400, 401, 429, 500, 503, 529]) assert.equal((await ask(failing)).response.status, status);
  const unknown = await started(t, all, () => Response.json({ data: [] }));
  for (let n = 0; n < 3; n++) assert.equal((await ask(unknown, { method: "GET" })).response.status, 200, "a list of models");
  const large = await started(t, all, () => json({ total_tokens: 10 }), { max_body: 10 });
  assert.equal((await ask(large, { body: "x".repeat(100) })).response.status, 413);
  assert.equal((await ask(large)).response.status, 200);
});

test("an answer that says nothing of tokens costs a token for four bytes of both sides, and the estimate at least", async (t) => {
  const chunks = Array.from({ length: 40 }, () => ({ choices: [{ delta: { content: "x".repeat(100) } }] }));
  const typed = (type: string, coding = "identity"): Response =>
    new Response('{"usage":{"output_tokens":1}}', { headers: { "Content-Type": type, "Content-Encoding": coding } });
  const cases: readonly (readonly [() => Response, number, number])[] = [
    [() => Response.json({ choices: [{ message: { content: "x".repeat(4000) } }] }), 2000, 1500],
    [() => stream(events(...chunks, "[DONE]")), 2000, 1500],
    [() => Response.json({ usage: { prompt_tokens: 0, completion_tokens: 0 } }), 40, 300],
    [() => typed("audio/wav"), 40, 300],
    [() => typed("application/json", "gzip"), 40, 300],
    [() => new Response(null, { status: 204 }), 40, 300],
  ];
  let answer = (): Response => new Response();
  const proxy = await started(t, { tokens_per_minute: 10_000, estimate: 300 }, () => answer());
  const from = (index: number): string => `192.0.2.${index + 1}`;
  for (const [index, [make, bytes]] of cases.entries()) {
    answer = make;
    assert.equal((await ask(proxy, { from: from(index), body: "y".repeat(bytes) })).response.ok, true);
  }
  await reloaded(proxy, all);
  for (const [index, [, , cost]] of cases.entries()) assert.equal(await spent(proxy, { from: from(index) }), cost, `${index}`);
});

test("a client that leaves before the last event pays for what it got, and for the estimate at least", async (t) => {
  const long = "z".repeat(8000);
  const stalled = (text: string): OriginScript =>
    script.stallAfter(Buffer.byteLength(text) + 2000, () => stream(text + " ".repeat(10_000)));
  for (const [text, cost] of [
    [events({ choices: [{ delta: { content: long } }] }), 2001],
    [events({ type: "message_start", message: { usage: { input_tokens: 500, output_tokens: 1 } } }, { delta: { text: long } }), 2500],
    [events({ type: "message_start", message: { usage: { input_tokens: 500, output_tokens: 1 } } }), 501],
    ["", 1000],
  ] as const) {
    const proxy = await started(t, { tokens_per_minute: 10_000 }, stalled(text));
    const client = proxy.connect();
    client.send(POST);
    await client.until("\r\n\r\n");
    await proxy.advance("1ms");
    client.reset();
    await proxy.advance("1ms");
    assert.equal(proxy.log.at(-1)?.["outcome"], "client_reset");
    proxy.serve("app", () => json({ total_tokens: 1 }));
    await reloaded(proxy, all);
    const used = await spent(proxy);
    assert.ok(used >= cost - 1 && used <= cost, `${used} instead of ${cost}`);
  }
});

test("an answer that the origin cuts costs what has passed", async (t) => {
  const text = events(
    { type: "message_start", message: { usage: { input_tokens: 500, output_tokens: 1 } } },
    { delta: { text: "z".repeat(4000) } },
  );
  const proxy = await started(
    t,
    { tokens_per_minute: 10_000 },
    script.resetAfter(Buffer.byteLength(text) + 500, () => stream(text + " ".repeat(9000))),
  );
  await assert.rejects(ask(proxy));
  await reloaded(proxy, all);
  assert.equal(await spent(proxy), 1500);
});

test("a client that leaves before the answer pays the estimate", async (t) => {
  const proxy = await started(t, { tokens_per_minute: 10_000, estimate: 700 }, async (_request, { sleep }) => {
    await sleep(60_000);
    return json({ total_tokens: 1 });
  });
  const client = proxy.connect();
  client.send(POST);
  await proxy.advance("1ms");
  assert.equal(proxy.requests("app").length, 1);
  client.reset();
  await proxy.advance("1ms");
  await reloaded(proxy, all);
  assert.equal(await spent(proxy), 700);
});

test("an answer as large as one likes passes at the client's pace, and costs what its end says", async (t) => {
  const text = `{"data":[${"0.25,".repeat(400_000)}0],"usage":{"prompt_tokens":100}}`;
  let sent = 0;
  const app = (): Response => {
    const pull = (controller: ReadableStreamDefaultController): void => {
      if (sent >= text.length) return controller.close();
      controller.enqueue(new TextEncoder().encode(text.slice(sent, (sent += 16_384))));
    };
    return new Response(new ReadableStream({ pull }), { headers: { "Content-Type": "application/json" } });
  };
  const proxy = await started(t, all, app);
  const client = proxy.connect();
  client.pause();
  client.send(POST);
  await proxy.advance("1ms");
  assert.ok(sent < text.length / 2, `${sent} of ${text.length} bytes were taken from the origin`);
  client.resume();
  await client.until("0\r\n\r\n");
  assert.ok(sent >= text.length);
  assert.equal(await spent(proxy), 100);
});

test("a request for a compressed answer, a part of one, or another protocol is made one for an answer that can be read", async (t) => {
  const proxy = await started(t, all, () => json({ total_tokens: 1 }));
  const client = proxy.connect();
  client.send(
    "GET /v1/realtime HTTP/1.1\r\nHost: a.test\r\nAccept-Encoding: gzip, br\r\nRange: bytes=0-1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
  );
  await client.until("\r\n\r\n");
  const headers = proxy.requests("app")[0]?.headers;
  assert.deepEqual([headers?.get("accept-encoding"), headers?.get("range"), headers?.get("upgrade")], ["identity", null, null]);
});

test("what may not be said, and what is doubtful", () => {
  const problemsOf = (limit: unknown, more: object = {}): string => {
    const file = {
      listeners: [{ address: ":1" }],
      upstreams: { app: { endpoints: ["http://a.test"] } },
      routes: [{ token_limit: limit, upstream: "app", ...more }],
    };
    const result = checkConfig(readObject(file, isVocabulary), "f", {}, () => "");
    return ("problems" in result ? result.problems : result.warnings).map(formatProblem).join("\n");
  };
  for (const [limit, pattern] of [
    [{}, /expected tokens_per_minute, budget or both, found neither/],
    [{ roles: { pro: {} }, tokens_per_minute: 1 }, /expected tokens_per_minute, budget or both, found neither/],
    [[], /expected at least one limit/],
    [{ tpm: 5 }, /tokens_per_minute/],
    [{ tokens_per_minute: 0 }, /expected a whole number from 1 to 10000000/],
    [{ budget: { tokens: 5, per: "week" } }, /budget\.per: .*hour/],
    [{ tokens_per_minute: 5, key: "nobody" }, /expected client_ip, user/],
    [
      { tokens_per_minute: 5, roles: { b: { tokens_per_minute: 1 }, 7: { tokens_per_minute: 1 } } },
      /roles that are whole numbers come before all others/,
    ],
    [{ tokens_per_minute: 5, key: "user" }, /token_limit: it is about clients that are known, and the route has no authentication/],
  ] as const)
    assert.match(problemsOf(limit), pattern, JSON.stringify(limit));
  assert.match(
    problemsOf({ tokens_per_minute: 5 }, { upgrade: ["websocket"] }),
    /upgrade: token_limit counts nothing of what passes after a switch/,
  );
  assert.match(
    problemsOf({ tokens_per_minute: 5 }, { upstream: undefined, respond: { body: "hi" } }),
    /token_limit: the route answers by itself: nothing of it comes from an upstream/,
  );
  assert.equal(problemsOf({ tokens_per_minute: 5 }), "");
});

test("the log, the metrics and middleware are told what an exchange has cost", async (t) => {
  const seen: unknown[] = [];
  const watching = defineMiddleware({ name: "watching", setup: () => ({ onFinish: ({ tokens }) => void seen.push(tokens) }) });
  const answers = [stream(MESSAGES), json({ total_tokens: 40, prompt_tokens: 10 }), stream(""), Response.json({}, { status: 500 })];
  const plain = { upstream: "app", match: { path: "/plain" } };
  const proxy = await testProxy(
    { routes: [plain, { name: "llm", token_limit: { tokens_per_minute: 100_000 }, middleware: [watching()], upstream: "app" }] },
    { upstreams: { app: () => answers.shift() ?? new Response() } },
  );
  t.after(() => proxy.close());
  for (let left = answers.length; left > 0; left--) await ask(proxy, { body: "x".repeat(400) });
  await proxy.fetch("http://a.test/plain");
  assert.deepEqual(seen, [
    { input: 70, output: 30, isReported: true },
    { input: 10, output: 30, isReported: true },
    { input: 100, output: 0, isReported: false },
    null,
  ]);
  const logged = proxy.log
    .filter(({ event }) => event === "access")
    .map((line) => [line["input_tokens"], line["output_tokens"], line["tokens_from"]]);
  assert.deepEqual(logged, [
    [70, 30, "usage"],
    [10, 30, "usage"],
    [100, 0, "estimate"],
    [undefined, undefined, undefined],
    [undefined, undefined, undefined],
  ]);
  const counted = (kind: string, source: string): number => proxy.metrics.value("millrace_tokens_total", { route: "llm", kind, source });
  assert.deepEqual(
    [counted("input", "usage"), counted("output", "usage"), counted("input", "estimate"), counted("output", "estimate")],
    [80, 60, 100, 0],
  );
  assert.doesNotMatch(proxy.metrics.text, /millrace_tokens_total\{route="#1"/);
  await proxy.reload({ routes: [{ name: "llm", upstream: "app" }] });
  assert.equal(counted("input", "usage"), 80, "the sums outlive the limit");
});

test("a model may think for minutes before it goes on", async (t) => {
  const encoder = new TextEncoder();
  const [first, ...others] = CHAT.split(/(?<=\n\n)/);
  const app: OriginFunction = (_request, { sleep }) => {
    const body = new ReadableStream({
      start: (controller) => controller.enqueue(encoder.encode(first)),
      pull: async (controller) => {
        await sleep(110_000);
        controller.enqueue(encoder.encode(others.join("")));
        controller.close();
      },
    });
    return new Response(body, { headers: { "Content-Type": "text/event-stream" } });
  };
  const proxy = await testProxy(
    {
      upstreams: { app: { endpoints: ["http://app.test"], timeouts: { idle: "2m" } } },
      routes: [{ token_limit: { tokens_per_minute: 10_000 }, upstream: "app" }],
    },
    { upstreams: { app } },
  );
  t.after(() => proxy.close());
  const pending = ask(proxy);
  await proxy.advance("115s");
  assert.equal((await pending).text, CHAT);
});
