import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import fc from "fast-check";
import { DEFAULT_LIMITS } from "../../http1/limits.ts";
import { Event } from "../../http1/message-reader.ts";
import { RequestReader } from "../../http1/request-reader.ts";
import { CHUNK_END, chunkStart, lastChunk } from "../../http1/write-chunk.ts";
import { OpenChunk } from "./open-chunk.ts";
import { sharedBuffer } from "./read-buffers.ts";
import { Sink, outletTo } from "./sink.fixture.ts";

const HEAD = "POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n";

function textOf(sink: Sink): string {
  return sink.written.flat().join("");
}

/** Reads one chunked request, a number of bytes at a time, through `buffer`, and passes its body on. */
function relay(wire: Buffer, buffer: Buffer, readBytes: number): { sink: Sink; writes: number } {
  const sink = new Sink();
  const outlet = outletTo(sink);
  const chunk = new OpenChunk();
  const reader = new RequestReader(DEFAULT_LIMITS);
  let writes = 0;
  for (let from = 0; from < wire.length; from += readBytes) {
    const count = wire.copy(buffer, 0, from, Math.min(wire.length, from + readBytes));
    reader.feed(buffer, 0, count);
    let event = reader.next();
    for (; event === Event.head || event === Event.data; event = reader.next()) {
      if (event === Event.data) chunk.add(outlet, reader.bytes, reader.dataStart, reader.dataEnd);
    }
    chunk.close(outlet);
    if (event === Event.end) outlet.append(lastChunk(null));
    else assert.equal(event, Event.needMore);
    outlet.flush();
    writes++;
  }
  return { sink, writes };
}

test("the body is what it was, in one chunk for each read at most", () => {
  const size = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 4000, max: 9000 }));
  fc.assert(
    fc.property(
      fc.array(size, { minLength: 1, maxLength: 30 }),
      fc.integer({ min: 1000, max: 16_384 }),
      fc.boolean(),
      (sizes, readBytes, isShared) => {
        const data = sizes.map((length, index) => `${index}.`.repeat(length).slice(0, length));
        const wire = Buffer.from(
          `${HEAD}${data.map((each) => `${chunkStart(each.length)}${each}${CHUNK_END}`).join("")}${lastChunk(null)}`,
        );
        const { sink, writes } = relay(wire, isShared ? sharedBuffer : Buffer.alloc(16_384), readBytes);
        const reader = new RequestReader(DEFAULT_LIMITS);
        const written = Buffer.from(HEAD + textOf(sink), "latin1");
        reader.feed(written, 0, written.length);
        let body = "";
        let chunks = 0;
        let event = reader.next();
        for (; event === Event.head || event === Event.data; event = reader.next()) {
          if (event !== Event.data) continue;
          chunks++;
          body += reader.bytes.toString("latin1", reader.dataStart, reader.dataEnd);
        }
        assert.equal(event, Event.end);
        assert.equal(reader.hasRest, false);
        assert.equal(body, data.join(""));
        assert.ok(chunks <= writes, `${chunks} chunks of ${writes} reads`);
      },
    ),
    { seed: 8, numRuns: 300 },
  );
});

test("small slices are moved to the end of the one before, large ones are pieces of their own", () => {
  const sink = new Sink();
  const outlet = outletTo(sink);
  const chunk = new OpenChunk();
  const bytes = Buffer.from(`${"a".repeat(5000)}--${"b".repeat(10)}--${"c".repeat(5000)}--d`);
  chunk.add(outlet, bytes, 0, 5000);
  chunk.add(outlet, bytes, 5002, 5012);
  chunk.add(outlet, bytes, 5014, 10_014);
  chunk.add(outlet, bytes, 10_016, 10_017);
  chunk.close(outlet);
  outlet.flush();
  assert.equal(textOf(sink), `${(10_011).toString(16)}\r\n${"a".repeat(5000)}${"b".repeat(10)}${"c".repeat(5000)}d\r\n`);
  assert.equal(sink.written.flat().length, 4, "the size, two slices, the end");
});

test("bytes for another connection close the chunk, and bytes of another buffer begin a new one", () => {
  const [one, other] = [new Sink(), new Sink()];
  const outlets = [outletTo(one), outletTo(other)] as const;
  const chunk = new OpenChunk();
  const [first, second] = [Buffer.from("first"), Buffer.from("second")];
  chunk.add(outlets[0], first, 0, 5);
  chunk.add(outlets[0], second, 0, 6);
  chunk.add(outlets[1], second, 0, 3);
  chunk.close(outlets[0]);
  outlets[0].flush();
  outlets[1].flush();
  assert.deepEqual([textOf(one), textOf(other)], ["5\r\nfirst\r\n6\r\nsecond\r\n", ""]);
  chunk.close(outlets[1]);
  outlets[1].flush();
  assert.equal(textOf(other), "3\r\nsec\r\n");
});

test("a chunk that was dropped or closed leaves nothing for the next event", () => {
  const [one, other] = [new Sink(), new Sink()];
  const outlets = [outletTo(one), outletTo(other)] as const;
  const chunk = new OpenChunk();
  const bytes = Buffer.from("bytes");
  chunk.add(outlets[0], bytes, 0, 5);
  chunk.drop(outlets[1]);
  chunk.drop(outlets[0]);
  chunk.add(outlets[1], bytes, 0, 5);
  chunk.closeAny();
  bytes.fill("x");
  chunk.closeAny();
  for (const outlet of outlets) outlet.flush();
  assert.deepEqual([textOf(one), textOf(other)], ["", "5\r\nbytes\r\n"]);
});
