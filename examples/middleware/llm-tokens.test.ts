import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { testProxy } from "millrace/testing";
import type { OriginFunction, TestProxy } from "millrace/testing";
import llmTokens from "./llm-tokens.ts";

async function proxyFor(t: TestContext, app: OriginFunction, options: Parameters<typeof llmTokens>[0] = {}): Promise<TestProxy> {
  const proxy = await testProxy({ routes: [{ upstream: "app", middleware: [llmTokens(options)] }] }, { upstreams: { app } });
  t.after(() => proxy.close());
  return proxy;
}

/** A stream of events that comes in pieces of that many bytes. */
function events(text: string, step: number): Response {
  const bytes = Buffer.from(text);
  let next = 0;
  const pull = (controller: ReadableStreamDefaultController): void => {
    if (next >= bytes.length) return controller.close();
    controller.enqueue(new Uint8Array(bytes.subarray(next, next + step)));
    next += step;
  };
  return new Response(new ReadableStream({ pull }), { headers: { "Content-Type": "text/event-stream; charset=utf-8" } });
}

const tokensOf = ({ log }: TestProxy): unknown[] =>
  log.filter(({ message }) => message === "tokens").map((line) => [line["input_tokens"], line["output_tokens"], line["reported"]]);

const chat = (usage: object | null, ...texts: string[]): string =>
  [
    { choices: [{ delta: { role: "assistant", content: "" } }], usage: null },
    ...texts.map((content) => ({ choices: [{ delta: { content } }], usage: null })),
    { choices: [], usage },
  ]
    .map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`)
    .join("") + "data: [DONE]\n\n";
const messages = [
  { type: "message_start", message: { usage: { input_tokens: 20, cache_read_input_tokens: 5, output_tokens: 1 } } },
  { type: "content_block_delta", delta: { type: "text_delta", text: "Grüße 🎉" } },
  { type: "message_delta", usage: { output_tokens: 15 } },
  { type: "message_stop" },
];
const anthropic = `: a comment\r\n${messages.map((data) => `event: ${data.type}\r\ndata:${JSON.stringify(data)}\r\n\r\n`).join("")}`;
const responses =
  'event: response.output_text.delta\rdata: {"type":"response.output_text.delta",\rdata: "delta":"hi"}\r\r' +
  'data: {"type":"response.completed","response":{"usage":{"input_tokens":3,"output_tokens":2,"total_tokens":5}}}\r\r';

test("reported usage is counted, wherever the stream is cut, and the stream passes unchanged", async (t) => {
  const cases = [
    [chat({ prompt_tokens: 7, completion_tokens: 4, total_tokens: 11 }, "Gr", "üße"), [7, 4, true]],
    [anthropic, [25, 15, true]],
    [responses, [3, 2, true]],
    [chat(null, "one ", "two ", "three"), [0, 3, false]],
  ] as const;
  for (const [text, expected] of cases) {
    let step = 1;
    const proxy = await proxyFor(t, () => events(text, step));
    for (step = 1; step < 12; step++) assert.equal(await (await proxy.fetch("http://a.test/v1")).text(), text);
    assert.deepEqual(
      tokensOf(proxy),
      Array.from({ length: 11 }, () => expected),
    );
    const sum = new RegExp(`middleware="llm-tokens",counter="output_tokens"\\} ${11 * expected[1]}$`, "m");
    assert.match(proxy.metrics.text, sum);
  }
});

test("a client that leaves is charged for what it got", async (t) => {
  let chunks = 0;
  const endless = (): Response =>
    new Response(
      new ReadableStream({
        pull: (controller) => {
          if (++chunks <= 5) controller.enqueue(Buffer.from('data: {"choices":[{"delta":{"content":"x"}}]}\n\n'));
          return chunks <= 5 ? undefined : new Promise(() => {});
        },
      }),
      { headers: { "Content-Type": "text/event-stream" } },
    );
  const proxy = await proxyFor(t, endless, { budget: { tokens: 5, seconds: 60 } });
  const client = proxy.connect();
  client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
  await client.until("\r\n\r\n");
  await proxy.advance("1s");
  client.reset();
  await proxy.advance("1s");
  assert.deepEqual(tokensOf(proxy), [[0, 5, false]]);
  assert.equal((await proxy.fetch("http://a.test/")).status, 429);
});

test("a JSON response that is not streamed; its length stays", async (t) => {
  const body = { choices: [{ message: { content: "x".repeat(100) } }], usage: { prompt_tokens: 9, completion_tokens: 12 } };
  const proxy = await proxyFor(t, () => Response.json(body));
  const response = await proxy.fetch("http://a.test/", { headers: { "Accept-Encoding": "gzip" } });
  assert.equal(response.headers.get("content-length"), String(JSON.stringify(body).length));
  assert.deepEqual(await response.json(), body);
  assert.deepEqual(tokensOf(proxy), [[9, 12, true]]);
  assert.equal(proxy.requests("app")[0]?.headers.get("accept-encoding"), "identity");
});

test("what cannot be read passes uncounted, and what follows is read", async (t) => {
  const long = `data: {"usage":{"output_tokens":100},"pad":"${"x".repeat(2000)}"}\n\n`;
  const answers = [
    events(`${long}${chat({ completion_tokens: 2 }, "a")}`, 100),
    Response.json({ usage: { output_tokens: 100 }, pad: "x".repeat(2000) }),
    new Response("{}", { headers: { "Content-Type": "application/json", "Content-Encoding": "br" } }),
    Response.json("no usage"),
    new Response('data: {"usage":{"output_tokens":1}}\n\n', { headers: { "Content-Type": "text/plain" } }),
  ];
  const proxy = await proxyFor(t, () => answers.shift() ?? new Response(), { event_bytes_max: 1000 });
  while (answers.length > 0) await (await proxy.fetch("http://a.test/")).text();
  assert.deepEqual(tokensOf(proxy), [[0, 2, true]]);
  assert.match(proxy.metrics.text, /counter="uncounted"\} 3$/m);
});

test("a key whose budget is used up is refused until it is full again", async (t) => {
  const options = { budget: { tokens: 20, seconds: 60 } };
  const proxy = await proxyFor(t, () => Response.json({ usage: { input_tokens: 6, output_tokens: 4 } }), options);
  const ask = async (key: string): Promise<Response> => {
    const response = await proxy.fetch("http://a.test/", { headers: { Authorization: key } });
    if (response.status === 200) await response.text();
    return response;
  };
  assert.equal((await ask("Bearer sk-one")).status, 200);
  await proxy.advance("10s");
  assert.equal((await ask("Bearer sk-one")).status, 200);
  const refused = await ask("Bearer sk-one");
  assert.deepEqual([refused.status, refused.headers.get("retry-after")], [429, "50"]);
  assert.match(await refused.text(), /"type":"rate_limit_error"/);
  assert.equal((await ask("Bearer sk-two")).status, 200);
  await proxy.advance("50s");
  assert.equal((await ask("Bearer sk-one")).status, 200);
  assert.equal(proxy.requests("app").length, 4);
  assert.ok(!JSON.stringify(proxy.log).includes("sk-"), "no key is logged");
});

test("no more keys are remembered than allowed", async (t) => {
  const options = { budget: { tokens: 1, seconds: 60 }, keys_max: 2, key_header: "x-api-key" };
  const proxy = await proxyFor(t, () => Response.json({ usage: { output_tokens: 4 } }), options);
  const ask = async (key: string): Promise<number> => {
    const response = await proxy.fetch("http://a.test/", { headers: { "X-Api-Key": key } });
    await response.text();
    return response.status;
  };
  const found: number[] = [];
  for (const key of ["a", "b", "a", "c", "a"]) found.push(await ask(key));
  assert.deepEqual(found, [200, 200, 429, 200, 200]);
});
