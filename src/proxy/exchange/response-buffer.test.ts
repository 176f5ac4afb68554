import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import fc from "fast-check";
import type { FieldSection } from "../../http/field-section.ts";
import { useUp } from "../ports/use-up.fixture.ts";
import { Dialogue } from "./fake-ports.fixture.ts";
import { ResponseBuffer } from "./response-buffer.ts";

/** A client whose driver writes slices in place: it reads them only when the write ends, as a kernel does. */
class SlowClient {
  received: string = "";
  ended: boolean = false;
  isFull: boolean = false;
  waits: boolean = false;
  private readonly slices: Buffer[] = [];

  data(bytes: Buffer, start: number, end: number): void {
    assert.ok(!this.waits && !this.ended, "nothing is written while a write is unfinished");
    this.slices.push(bytes.subarray(start, end));
  }

  end(trailers: FieldSection | null): void {
    assert.equal(trailers, null);
    this.ended = true;
  }

  flush(): boolean {
    assert.ok(!this.waits);
    this.waits = this.isFull;
    if (!this.waits) this.written();
    return !this.waits;
  }

  /** The unfinished write has ended. */
  takes(): void {
    this.waits = false;
    this.written();
  }

  private written(): void {
    for (const slice of this.slices.splice(0)) this.received += slice.toString("latin1");
  }
}

class Stage {
  readonly thread: Dialogue = new Dialogue();
  readonly client: SlowClient = new SlowClient();
  freed: number = 0;
  emptied: number = 0;
  broken: number = 0;
  readonly buffer: ResponseBuffer;

  constructor(bytesMax: number, memory: number = 100_000_000, length: number = -1) {
    this.thread.memory = memory;
    const owner = {
      bufferFreed: () => void this.freed++,
      bufferEmptied: () => void this.emptied++,
      bufferBroken: () => void this.broken++,
    };
    this.buffer =
      ResponseBuffer.of(this.thread, this.client, owner, bytesMax, length) ?? assert.fail("there is no memory for the first block");
  }

  /** Sends the text in one read, and overwrites the read buffer after it. Returns false if the sender must wait. */
  sends(text: string): boolean {
    const bytes = Buffer.from(`....${text}`, "latin1");
    this.buffer.data(bytes, 4, bytes.length);
    const goesOn = this.buffer.flush();
    useUp(bytes, 0, bytes.length);
    return goesOn;
  }

  /** The client's driver ends its write, and is told to go on. */
  unblocks(): void {
    this.client.takes();
    this.buffer.unblocked();
  }
}

test("to a fast client everything goes at once, through one block", () => {
  const s = new Stage(1_000_000);
  const before = s.thread.memoryTaken;
  let all = "";
  for (let read = 0; read < 40; read++) {
    const text = String.fromCharCode(97 + (read % 26)).repeat(50_000);
    assert.equal(s.sends(text), true);
    all += text;
    assert.equal(s.client.received, all);
  }
  assert.equal(s.thread.memoryTaken, before);
  s.buffer.end(null);
  assert.deepEqual([s.client.ended, s.emptied, s.thread.memoryTaken], [true, 1, 0]);
});

test("for a slow client it takes as much as it may, then the sender waits until there is room", () => {
  const s = new Stage(300_000);
  s.client.isFull = true;
  let sent = 0;
  while (s.sends("x".repeat(10_000))) sent += 10_000;
  assert.equal(sent, 290_000);
  assert.ok(s.thread.memoryTaken >= 300_000 && s.thread.memoryTaken < 400_000, `${s.thread.memoryTaken}`);
  assert.equal(s.client.received, "");
  s.unblocks();
  assert.equal(s.freed, 1, "one write has ended, so there is room");
  assert.equal(s.sends("y"), true);
  while (s.client.waits) s.unblocks();
  assert.equal(s.client.received, `${"x".repeat(300_000)}y`);
  assert.ok(s.thread.memoryTaken <= 65_536);
  assert.equal(s.freed, 1, "who does not wait is told nothing");
  s.buffer.end(null);
  assert.equal(s.thread.memoryTaken, 0);
});

test("the end comes after all that is held", () => {
  const s = new Stage(300_000);
  s.client.isFull = true;
  s.sends("a".repeat(200_000));
  s.buffer.end(null);
  let writes = 0;
  for (; !s.client.ended; writes++) {
    assert.equal(s.emptied, 0);
    s.unblocks();
  }
  assert.deepEqual([s.client.received.length, s.client.ended, s.emptied, s.thread.memoryTaken], [200_000, true, 1, 0]);
  assert.ok(writes >= 3 && writes < 10, "a write carries a block, not all and not little");
  s.buffer.unblocked();
  assert.equal(s.buffer.blocked(), false);
  s.buffer.end(null);
  s.buffer.abort();
  assert.deepEqual([s.emptied, s.thread.memoryTaken], [1, 0]);
});

test("with no memory left it holds what has come, and the sender waits", () => {
  const s = new Stage(10_000_000, 20_000);
  s.client.isFull = true;
  assert.equal(s.sends("a".repeat(10_000)), true);
  assert.equal(s.sends("b".repeat(50_000)), false);
  assert.ok(s.thread.memoryTaken <= 20_000);
  while (s.client.waits) s.unblocks();
  assert.equal(s.client.received, "a".repeat(10_000) + "b".repeat(50_000));
  assert.equal(s.freed, 1);
  s.client.isFull = false;
  assert.equal(s.sends("c"), true, "to a client that is fast again it goes on");
  s.buffer.end(null);
  assert.equal(s.thread.memoryTaken, 0);
  const none = { bufferFreed() {}, bufferEmptied() {}, bufferBroken() {} };
  assert.equal(ResponseBuffer.of(Object.assign(new Dialogue(), { memory: 1 }), s.client, none, 9, -1), null);
});

test("a body that breaks off: a slow client gets what was held", () => {
  const s = new Stage(300_000);
  s.sends("a");
  assert.equal(s.buffer.breakOff(), false, "nothing is held");
  s.client.isFull = true;
  s.sends("b".repeat(200_000));
  assert.equal(s.buffer.breakOff(), true);
  while (s.broken === 0) s.unblocks();
  assert.deepEqual([s.client.received.length, s.client.ended, s.emptied, s.thread.memoryTaken], [200_001, false, 0, 0]);
  assert.equal(s.buffer.breakOff(), false);
});

test("a write that was reported as done and is unfinished after all", () => {
  const s = new Stage(10);
  s.sends("abc");
  assert.equal(s.buffer.blocked(), false, "there is room: the sender goes on");
  assert.equal(s.sends("defg"), true);
  assert.equal(s.sends("hijklm"), false);
  assert.equal(s.buffer.blocked(), true);
  s.buffer.unblocked();
  assert.deepEqual([s.client.received, s.freed], ["abcdefghijklm", 1]);
  s.buffer.end(null);
});

test("a client that ends the exchange while it is written to", () => {
  const s = new Stage(100_000);
  s.client.isFull = true;
  s.sends("x".repeat(90_000));
  s.client.flush = () => {
    s.buffer.abort();
    return true;
  };
  s.unblocks();
  assert.deepEqual([s.emptied, s.freed, s.thread.memoryTaken], [0, 0, 0]);
  assert.equal(s.sends("more"), true);
});

test("whatever the pace of both sides, the client gets every byte once and in order", () => {
  const steps = fc.array(
    fc.oneof(
      fc.record({ send: fc.integer({ min: 1, max: 90_000 }) }),
      fc.constantFrom("fills" as const, "takes" as const, "is fast" as const, "blocks after all" as const),
    ),
    { maxLength: 40 },
  );
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 200_000 }), fc.integer({ min: 4096, max: 300_000 }), (plan, bytesMax, memory) => {
      const s = new Stage(bytesMax, Math.max(memory, 65_536));
      let goesOn = true;
      let sent = "";
      for (const step of plan) {
        if (step === "fills") s.client.isFull = true;
        else if (step === "is fast") s.client.isFull = false;
        else if (step === "takes") {
          const { freed } = s;
          if (s.client.waits) s.unblocks();
          if (s.freed > freed) goesOn = true;
        } else if (step === "blocks after all") {
          if (s.client.waits || sent === "") continue;
          s.client.waits = true;
          if (s.buffer.blocked()) goesOn = false;
        } else if (goesOn) {
          const text = String.fromCharCode(33 + (sent.length % 90)).repeat(step.send);
          sent += text;
          goesOn = s.sends(text);
        }
        assert.ok(goesOn || s.client.waits, "the sender waits for the client only");
        assert.ok(s.thread.memoryTaken <= bytesMax + 90_000 + 2 * 65_536);
      }
      s.buffer.end(null);
      while (s.client.waits) s.unblocks();
      assert.equal(s.client.received.length, sent.length);
      assert.ok(s.client.received === sent);
      assert.deepEqual([s.client.ended, s.emptied, s.thread.memoryTaken], [true, 1, 0]);
    }),
    { numRuns: 200, seed: 27 },
  );
});
