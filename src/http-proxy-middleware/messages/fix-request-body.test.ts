import assert from "node:assert/strict";
import { test } from "node:test";
import { fixRequestBody } from "./fix-request-body.ts";

/** What is written for a body of that type, and what the request is given up for. */
function written(
  type: string | undefined,
  body: unknown,
  readableLength: number = 0,
): { readonly text: string | null; readonly code: unknown } {
  let text: string | null = null;
  let code: unknown = null;
  const lengths: unknown[] = [];
  const request = {
    getHeader: () => type,
    setHeader: (_name: string, value: unknown) => lengths.push(value),
    removeHeader: (name: string) => assert.equal(name, "Content-Encoding"),
    write: (chunk: string) => (text = chunk),
    destroy: (error: Error) => (code = Reflect.get(error, "code")),
  };
  fixRequestBody(request, { readableLength, body });
  if (text !== null) assert.deepEqual(lengths, [Buffer.byteLength(text)]);
  return { text, code };
}

for (const [type, body, text] of [
  ["application/json; charset=utf-8", { a: "文" }, '{"a":"文"}'],
  ["application/merge-patch+json", { a: 1 }, '{"a":1}'],
  ["application/x-www-form-urlencoded", { a: "b c", d: ["1", "2"] }, "a=b+c&d=1&d=2"],
  ["application/x-www-form-urlencoded", { a: { b: "1" } }, "a%5Bb%5D=1"],
  ["text/plain", "hello", "hello"],
  ["multipart/form-data; boundary=B", { 'a"b': "c" }, '--B\r\nContent-Disposition: form-data; name="a\\"b"\r\n\r\nc\r\n'],
  ["image/png", { a: 1 }, null],
  ["text/plain", { a: 1 }, null],
  [undefined, { a: 1 }, null],
  ["application/json", undefined, null],
] as const) {
  test(`${type ?? "no type"}: ${JSON.stringify(body) ?? "no body"}`, () => assert.deepEqual(written(type, body), { text, code: null }));
}

test("a form cannot begin parts of its own", () => {
  for (const [form, code] of [
    [{ a: "x\r\n--B\r\n" }, "FIELD_VALUE"],
    [{ a: "--B" }, "FIELD_VALUE"],
    [{ "a\n": "x" }, "FIELD_NAME"],
  ] as const)
    assert.deepEqual(written("multipart/form-data; boundary=B", form), { text: null, code: `HPM_ERR_INVALID_MULTIPART_${code}` });
  assert.equal(written('multipart/form-data; boundary="a\nb"', { a: 1 }).code, "HPM_ERR_INVALID_MULTIPART_BOUNDARY");
});

test("a body of which a part is unread is left alone", () => assert.equal(written("application/json", { a: 1 }, 10).text, null));
