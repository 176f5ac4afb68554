import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { Outlet } from "./outlet.ts";
import { sharedBuffer } from "./read-buffers.ts";
import type { Transport } from "./transport.ts";

/** Keeps what is written; takes it at once or later. */
class Sink implements Transport {
  readonly readsOnDemand = true;
  readonly destroyed = false;
  readonly readable = true;
  readonly writable = true;
  readonly queuedBytes = 0;
  takesAtOnce = true;
  readonly written: (string | readonly (string | Buffer)[])[] = [];

  write(data: string | readonly (string | Buffer)[]): boolean {
    this.written.push(data);
    return this.takesAtOnce;
  }

  pause(): void {}
  resume(): void {}
  end(): void {}
  destroySoon(): void {}
  destroy(): void {}
  reset(): void {}
}

function outletTo(sink: Sink): Outlet {
  const outlet = new Outlet({ onDrained: () => {}, onWriteFailed: () => {} });
  outlet.transport = sink;
  return outlet;
}

function texts(sink: Sink): string[][] {
  return sink.written.map((data) => (typeof data === "string" ? [data] : data.map((piece) => piece.toString("latin1"))));
}

test("text goes before a large slice in the slice's own buffer, where a head was read from it", () => {
  const sink = new Sink();
  const outlet = outletTo(sink);
  const bytes = Buffer.from("the head as it came, " + "b".repeat(5000));
  outlet.append("the new head, ");
  outlet.slice(bytes, 21, bytes.length);
  assert.equal(outlet.flush(), true);
  assert.deepEqual(texts(sink), [["the new head, " + "b".repeat(5000)]]);
  assert.equal(outlet.bytesWritten, 5014);
});

test("text longer than what was read before the slice is a piece of its own", () => {
  const sink = new Sink();
  const outlet = outletTo(sink);
  const bytes = Buffer.from("head" + "b".repeat(5000));
  outlet.append("longer");
  outlet.slice(bytes, 4, bytes.length);
  outlet.append("\r\n");
  outlet.slice(bytes, 4, bytes.length);
  outlet.flush();
  assert.deepEqual(texts(sink), [["longer", "b".repeat(5000), "\r\n", "b".repeat(5000)]]);
  assert.equal(bytes.toString("latin1", 0, 4), "head", "nothing is written over");
});

test("a buffer that an unfinished write may still refer to is not written over", () => {
  const sink = new Sink();
  sink.takesAtOnce = false;
  const outlet = outletTo(sink);
  const bytes = Buffer.from("a".repeat(5000) + "b".repeat(5000));
  outlet.slice(bytes, 0, 5000);
  assert.equal(outlet.flush(), false);
  outlet.append("text");
  outlet.slice(bytes, 5000, 10_000);
  outlet.flush();
  assert.deepEqual(texts(sink), [["a".repeat(5000)], ["text", "b".repeat(5000)]]);
});

test("what lies in the shared buffer, and small slices of others, are copied", () => {
  const sink = new Sink();
  const outlet = outletTo(sink);
  sharedBuffer.fill("s", 0, 8000);
  outlet.append("head ");
  outlet.slice(sharedBuffer, 100, 8000);
  outlet.slice(Buffer.from("small"), 0, 5);
  outlet.flush();
  assert.deepEqual(texts(sink), [["head " + "s".repeat(7900) + "small"]]);
});
