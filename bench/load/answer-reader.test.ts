import assert from "node:assert/strict";
import { test } from "node:test";
import { AnswerReader } from "./answer-reader.ts";

const ANSWER = "HTTP/1.1 200 OK\r\nServer: x\r\ncontent-length: 5\r\n\r\nhello";

test("an answer is whole with its last byte, wherever it is cut", () => {
  for (let cut = 1; cut < ANSWER.length; cut++) {
    const reader = new AnswerReader();
    assert.equal(reader.push(Buffer.from(ANSWER.slice(0, cut))), null, `cut at ${cut}`);
    assert.deepEqual(reader.push(Buffer.from(ANSWER.slice(cut))), { status: 200, last: false });
  }
});

test("the next answer is read from its beginning", () => {
  const reader = new AnswerReader();
  reader.push(Buffer.from(ANSWER));
  const last = "HTTP/1.1 503 Busy\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
  assert.deepEqual(reader.push(Buffer.from(last)), { status: 503, last: true });
});

test("an answer without a length, or without a request, is an error", () => {
  assert.throws(() => new AnswerReader().push(Buffer.from("HTTP/1.1 200 OK\r\n\r\n")), /no answer with a length/);
  assert.throws(() => new AnswerReader().push(Buffer.from("SSH-2.0\r\n\r\n")), /no answer/);
  assert.throws(() => new AnswerReader().push(Buffer.from(`${ANSWER}HTTP`)), /more than/);
});
