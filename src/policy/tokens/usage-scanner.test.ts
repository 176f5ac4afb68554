import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { COUNT_MAX, UsageScanner } from "./usage-scanner.ts";

const encoder = new TextEncoder();

function scanned(text: string, step: number = Infinity): UsageScanner {
  const scanner = new UsageScanner();
  const bytes = encoder.encode(text);
  for (let at = 0; at < bytes.length; at += step) scanner.scan(bytes, at, Math.min(bytes.length, at + step));
  return scanner;
}

const numbersOf = ({ input, output }: UsageScanner): readonly number[] => [input, output];
const numbersIn = (value: unknown): readonly number[] => numbersOf(scanned(typeof value === "string" ? value : JSON.stringify(value)));

test("the usage of each common shape, split at every byte", () => {
  const cases: readonly (readonly [unknown, readonly number[]])[] = [
    [{ usage: { prompt_tokens: 12, completion_tokens: 3, total_tokens: 15 } }, [12, 3]],
    [{ usage: { prompt_tokens: 8, total_tokens: 8 } }, [8, 0]],
    [{ usage: { prompt_tokens: 12, completion_tokens: 3, total_tokens: 40 } }, [12, 28]],
    [{ usage: { total_tokens: 40 } }, [0, 40]],
    [
      {
        usage: {
          input_tokens: 5,
          cache_creation_input_tokens: 20,
          cache_read_input_tokens: 100,
          output_tokens: 7,
          server_tool_use: { output_tokens: 9 },
        },
      },
      [125, 7],
    ],
    [{ type: "message_start", message: { content: [], usage: { input_tokens: 25, output_tokens: 1 } } }, [25, 1]],
    [{ type: "response.completed", response: { usage: { input_tokens: 3, output_tokens: 2, total_tokens: 5 } } }, [3, 2]],
    [{ usage: { prompt_tokens_details: { cached_tokens: 1, prompt_tokens: 99 }, prompt_tokens: 4 } }, [4, 0]],
    [{ usageMetadata: { promptTokenCount: 9, candidatesTokenCount: 20, thoughtsTokenCount: 11, totalTokenCount: 40 } }, [9, 31]],
    [{ usage: { inputTokens: 9, outputTokens: 20, totalTokens: 29 } }, [9, 20]],
    [{ usage: null }, [0, 0]],
  ];
  for (const [value, expected] of cases)
    for (const text of [JSON.stringify(value), JSON.stringify(value, null, 2), `\r\n\t${JSON.stringify(value)} `])
      for (const step of [1, 2, 3, 7, Infinity]) assert.deepEqual(numbersOf(scanned(text, step)), expected, text);
});

test("words of the model that speak of usage count for nothing", () => {
  const lie = '{"usage":{"output_tokens":5000}}';
  for (const value of [
    { content: lie },
    { content: `\\"usage\\":{"output_tokens":5000}` },
    { text: '"usage":{"output_tokens":5000' },
    { choices: [{ message: { content: lie, usage: { output_tokens: 5000 } } }] },
    { content: [{ type: "tool_use", input: { usage: { output_tokens: 5000 } } }] },
    { metadata: { usage: { output_tokens: 5000 } } },
    { response: { metadata: { usage: { output_tokens: 5000 } } } },
    { response: [{ usage: { output_tokens: 5000 } }] },
    { message: { message: { usage: { output_tokens: 5000 } } } },
    { usage: [{ output_tokens: 5000 }] },
    { usage: { a: { output_tokens: 5000 } } },
    { output_tokens: 5000 },
    { message: {}, output_tokens: 5000, other: { usage: { output_tokens: 5000 } } },
    [{ usage: { output_tokens: 5000 } }],
    ["usage", { output_tokens: 5000 }],
    { a: "usage", b: { output_tokens: 5000 } },
    { "\\usage": { output_tokens: 5000 } },
  ])
    assert.deepEqual(numbersIn(value), [0, 0], JSON.stringify(value));
});

test("of several reports the largest number of each kind holds", () => {
  assert.deepEqual(numbersIn('{"usage":{"output_tokens":5,"output_tokens":3},"usage":{"input_tokens":2,"output_tokens":4}}'), [2, 5]);
  const scanner = new UsageScanner();
  for (const [input, output] of [
    [10, 1],
    [10, 40],
    [0, 20],
  ]) {
    const bytes = encoder.encode(JSON.stringify({ usage: { prompt_tokens: input, completion_tokens: output } }));
    scanner.scan(bytes, 0, bytes.length);
    scanner.restart();
  }
  assert.deepEqual(numbersOf(scanner), [10, 40]);
});

test("numbers that are none of tokens", () => {
  for (const [number, counts] of [
    ["-5", 0],
    ["1e9", 0],
    ["1E9", 0],
    ["5-3", 0],
    ["12.9", 12],
    ["012", 12],
    ["null", 0],
    ['"12"', 0],
    ["true", 0],
    ["[12]", 0],
    ["9".repeat(400), COUNT_MAX],
    [`0.${"9".repeat(400)}`, 0],
    ["", 0],
  ] as const)
    assert.deepEqual(numbersIn(`{"usage":{"output_tokens":${number}}}`), [0, counts], number);
});

test("a document that is broken or endlessly deep leaves the next one as it is", () => {
  for (const broken of [
    '{"usage":{"a":',
    '{"text":"',
    '{"text":"\\',
    "{".repeat(100_000),
    "]".repeat(100),
    '{"usage":{"output_tokens":1',
    '"a":"b":{',
  ]) {
    const scanner = scanned(broken);
    scanner.restart();
    const bytes = encoder.encode('{"usage":{"output_tokens":7}}');
    scanner.scan(bytes, 0, bytes.length);
    assert.deepEqual(numbersOf(scanner), [0, 7], broken.slice(0, 20));
  }
});

test("generated text is measured where it stands, and nothing else is", () => {
  const measured = (value: unknown): number => scanned(JSON.stringify(value), 1).wordBytes;
  assert.equal(measured({ choices: [{ message: { role: "assistant", content: "12345678" } }] }), 8);
  assert.equal(measured({ choices: [{ delta: { content: "1234", tool_calls: [{ function: { name: "f", arguments: "{}" } }] } }] }), 6);
  assert.equal(measured({ type: "response.output_text.delta", delta: "12345" }), 5);
  assert.equal(measured({ type: "content_block_delta", delta: { type: "text_delta", text: 'a"b' } }), 4);
  assert.equal(measured({ id: "x".repeat(100), model: "content", data: [1, 2, 3], content: null }), 0);
});

/** What JSON.parse makes of the same document. */
function expectedOf(value: unknown): readonly number[] {
  const at = (holder: unknown, key: string): unknown =>
    typeof holder === "object" && holder !== null && !Array.isArray(holder) ? (holder as Record<string, unknown>)[key] : undefined;
  const sums: Record<string, number> = {};
  for (const holder of [value, at(value, "message"), at(value, "response")])
    for (const name of ["prompt_tokens", "completion_tokens"]) {
      const found = at(at(holder, "usage"), name);
      if (typeof found === "number") sums[name] = Math.max(sums[name] ?? 0, found);
    }
  return [sums["prompt_tokens"] ?? 0, sums["completion_tokens"] ?? 0];
}

test("whatever the document, the same as by reading it as a whole", () => {
  const key = fc.constantFrom("usage", "message", "response", "prompt_tokens", "completion_tokens", "content", "usage\\", '"', "x");
  const { document } = fc.letrec<{ document: unknown }>((tie) => ({
    document: fc.oneof(
      { maxDepth: 5, withCrossShrink: true },
      fc.oneof(fc.nat(1000), fc.constant(null), key, fc.string()),
      fc.array(tie("document"), { maxLength: 3 }),
      fc.dictionary(key, tie("document"), { maxKeys: 4 }),
    ),
  }));
  fc.assert(
    fc.property(document, fc.integer({ min: 1, max: 9 }), (value, step) => {
      assert.deepEqual(numbersOf(scanned(JSON.stringify(value), step)), expectedOf(value));
    }),
    { numRuns: 500 },
  );
});
