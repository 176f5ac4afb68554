import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { latin1, readRequests } from "./transcript.test.ts";
import { DEFAULT_LIMITS } from "./limits.ts";
import { Event } from "./message-reader.ts";
import { RequestReader } from "./request-reader.ts";
import { CHUNK_END, chunkStart, lastChunk } from "./write-chunk.ts";

const HEAD = "POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n";

/** The trailer section that a message with these trailer lines has. */
function trailersOf(lines: string): RequestReader["trailers"] {
  const wire = latin1(`${HEAD}0\r\n${lines}\r\n`);
  const reader = new RequestReader(DEFAULT_LIMITS);
  reader.feed(wire, 0, wire.length);
  assert.equal(reader.next(), Event.head);
  assert.equal(reader.next(), Event.end);
  return reader.trailers;
}

test("sizes are lower-case hexadecimal without leading zeros", () => {
  assert.equal(chunkStart(1), "1\r\n");
  assert.equal(chunkStart(255), "ff\r\n");
  assert.equal(chunkStart(65536), "10000\r\n");
});

test("written chunks are read back as they were", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { maxLength: 6 }), (chunks) => {
      const data = chunks.map((chunk) => Buffer.from(chunk).toString("latin1"));
      const seen = readRequests(
        latin1(`${HEAD}${data.map((chunk) => `${chunkStart(chunk.length)}${chunk}${CHUNK_END}`).join("")}${lastChunk(null)}`),
      );
      assert.deepEqual(
        [seen.fault, seen.messages[0]?.complete, seen.messages[0]?.body, seen.endOfInput],
        [null, true, data.join(""), "needMore"],
      );
    }),
    { seed: 8, numRuns: 200 },
  );
});

test("the last chunk carries the trailers that may be forwarded, and its section always ends", () => {
  assert.equal(lastChunk(null), "0\r\n\r\n");
  assert.equal(lastChunk(trailersOf("X-Sum: 1\r\nGrpc-Status: 0\r\n")), "0\r\nX-Sum: 1\r\nGrpc-Status: 0\r\n\r\n");
  assert.equal(lastChunk(trailersOf("Content-Length: 44\r\nX-Sum: 1\r\nHost: evil\r\n")), "0\r\nX-Sum: 1\r\n\r\n");
  assert.equal(lastChunk(trailersOf("Transfer-Encoding: chunked\r\n")), "0\r\n\r\n");
});
