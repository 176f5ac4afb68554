import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { describe, test } from "node:test";
import { brotliDecompressSync, gunzipSync, gzipSync, zstdDecompressSync } from "node:zlib";
import type { StageOutput } from "../../proxy/feature/body-stage.ts";
import { Coder } from "./coder.ts";
import { CodingStage } from "./coding-stage.ts";
import { LoadGauge } from "./load-gauge.ts";
import { CODINGS } from "../../policy/compression/codings.ts";
import type { Coding } from "../../policy/compression/codings.ts";
import { ThreadCoders } from "./thread-coders.ts";

const DECODE = { gzip: gunzipSync, br: brotliDecompressSync, zstd: zstdDecompressSync } as const;
const TEXT = Buffer.from("A body of some words, and of some more words, and of words again.");

/** A clock that runs when it is told to. */
class Clock {
  nowMs: number = 0;
  private readonly timers: { readonly atMs: number; readonly fire: () => void }[] = [];
  readonly now: () => number = () => this.nowMs;
  readonly after = (ms: number, then: () => void): (() => void) => {
    const timer = { atMs: this.nowMs + ms, fire: then };
    this.timers.push(timer);
    return () => void this.timers.splice(this.timers.indexOf(timer) >>> 0, 1);
  };

  readonly atTurnEnd = (then: () => void): void => void this.after(0, then);

  /** Calls what is due, `lateMs` after its time. */
  run(ms: number, lateMs: number = 0): void {
    const untilMs = this.nowMs + ms;
    for (let rounds = 0; rounds < 100_000; rounds++) {
      const at = this.timers.findIndex(({ atMs }) => atMs <= untilMs);
      if (at < 0) break;
      const [timer] = this.timers.splice(at, 1);
      this.nowMs = Math.max(this.nowMs, (timer?.atMs ?? 0) + lateMs);
      timer?.fire();
    }
    this.nowMs = Math.max(this.nowMs, untilMs);
  }
}

/** A stage between a test and a receiver that the test can make slow. */
class Bench {
  readonly clock: Clock = new Clock();
  readonly coders: ThreadCoders = new ThreadCoders(this.clock);
  readonly parts: Buffer[] = [];
  readonly stage: CodingStage;
  hasEnded: boolean = false;
  error: unknown = null;
  isSlow: boolean = false;
  resumed: number = 0;
  given: number = 0;

  constructor(coding: Coding, level: number, flushMs: number) {
    this.stage = new CodingStage(
      {
        clock: this.clock,
        scratch: this.coders.scratch,
        take: () => (level < 0 ? this.coders.decoder(coding) : this.coders.encoder(coding, level)),
        giveBack: (coder) => {
          this.given++;
          this.coders.giveBack(coder, coding, level);
        },
        failure: (error) => error,
        noMemory: new Error("no memory"),
      },
      flushMs,
    );
    const output: StageOutput = {
      write: (bytes) => void this.parts.push(bytes),
      flush: () => !this.isSlow,
      end: () => (this.hasEnded = true),
      fail: (error) => {
        this.error = error;
        this.stage.abort();
      },
      resume: () => this.resumed++,
    };
    this.stage.start(output);
  }

  get out(): Buffer {
    return Buffer.concat(this.parts);
  }

  give(bytes: Buffer): boolean {
    // Overwritten afterwards, as the proxy's buffers are.
    const lent = Buffer.from(bytes);
    this.stage.data(lent, 0, lent.length);
    lent.fill(0);
    return this.stage.flush();
  }
}

describe("a body that is split at every byte", () => {
  for (const coding of CODINGS) {
    test(`${coding}, compressed and decoded`, () => {
      for (const flushMs of [0, 5]) {
        for (let at = 0; at <= TEXT.length; at++) {
          const bench = new Bench(coding, 3, flushMs);
          bench.give(TEXT.subarray(0, at));
          bench.give(TEXT.subarray(at));
          bench.stage.end(null);
          assert.equal(DECODE[coding](bench.out).toString(), TEXT.toString());
          assert.deepEqual([bench.hasEnded, bench.coders.inUse, bench.given], [true, 0, 1]);
        }
      }
      const whole = new Bench(coding, 3, 0);
      whole.give(TEXT);
      whole.stage.end(null);
      for (let at = 0; at <= whole.out.length; at++) {
        const bench = new Bench(coding, -1, -1);
        bench.give(whole.out.subarray(0, at));
        bench.give(whole.out.subarray(at));
        bench.stage.end(null);
        assert.equal(bench.out.toString(), TEXT.toString());
        const cut = new Bench(coding, -1, -1);
        cut.give(whole.out.subarray(0, at));
        cut.stage.end(null);
        assert.equal(cut.hasEnded, at === whole.out.length, `${coding} ends after ${at} bytes`);
        assert.equal(cut.error === null, at === whole.out.length);
        assert.deepEqual([cut.coders.inUse, cut.given], [0, 1]);
      }
    });
  }

  test("and one whose every byte comes alone", () => {
    for (const coding of CODINGS) {
      const bench = new Bench(coding, 3, 0);
      for (const byte of TEXT) bench.give(Buffer.of(byte));
      bench.stage.end(null);
      const decoding = new Bench(coding, -1, -1);
      for (const byte of bench.out) decoding.give(Buffer.of(byte));
      decoding.stage.end(null);
      assert.equal(decoding.out.toString(), TEXT.toString());
    }
  });
});

test("gzip of several members, one after the other, split at every byte", () => {
  const members = Buffer.concat([gzipSync("one "), gzipSync("two")]);
  for (let at = 0; at <= members.length; at++) {
    const bench = new Bench("gzip", -1, -1);
    bench.give(members.subarray(0, at));
    bench.give(members.subarray(at));
    bench.stage.end(null);
    assert.equal(bench.out.toString(), "one two", `${at}`);
  }
});

test("a body of no bytes", () => {
  for (const coding of CODINGS) {
    const bench = new Bench(coding, 3, 5);
    bench.stage.end(null);
    assert.equal(DECODE[coding](bench.out).length, 0);
  }
});

test("what becomes larger waits for its receiver, and for other work of the thread", () => {
  const bomb = gzipSync(Buffer.alloc(20_000_000));
  const bench = new Bench("gzip", -1, -1);
  bench.isSlow = true;
  assert.equal(bench.give(bomb), false);
  bench.stage.end(null);
  bench.clock.run(1000);
  const size = (): number => bench.parts.reduce((sum, { length }) => sum + length, 0);
  assert.ok(size() <= 64 * 1024, `${size()} bytes before the receiver has taken any`);
  bench.isSlow = false;
  bench.stage.writable();
  const before = size();
  bench.clock.run(0);
  assert.ok(size() > before);
  bench.clock.run(1000);
  assert.deepEqual([size(), bench.hasEnded, bench.coders.inUse], [20_000_000, true, 0]);
});

test("a large piece is coded over several turns, and the sender waits meanwhile", () => {
  const bytes = Buffer.alloc(1_000_000, "some text ");
  const bench = new Bench("gzip", 5, 5);
  assert.equal(bench.give(bytes), false);
  assert.equal(bench.resumed, 0);
  bench.clock.run(10);
  assert.equal(bench.resumed, 1);
  bench.stage.end(null);
  assert.deepEqual(gunzipSync(bench.out), bytes);
});

test("an end that comes while a piece waits is not forgotten", () => {
  const bytes = Buffer.alloc(1_000_000, "some text ");
  const bench = new Bench("zstd", 3, 5);
  bench.give(bytes);
  bench.stage.end(null);
  assert.equal(bench.hasEnded, false);
  bench.clock.run(10);
  assert.ok(bench.hasEnded);
  assert.deepEqual(zstdDecompressSync(bench.out), bytes);
});

test("a stage that is given up at any moment gives back its coder, once", () => {
  const steps: readonly ((bench: Bench) => void)[] = [
    () => {},
    (bench) => bench.give(TEXT),
    (bench) => bench.give(Buffer.alloc(1_000_000)),
    (bench) => bench.clock.run(5),
    (bench) => bench.stage.end(null),
  ];
  for (const coding of CODINGS) {
    for (let after = 0; after < steps.length; after++) {
      const bench = new Bench(coding, 3, 5);
      for (const step of steps.slice(0, after + 1)) step(bench);
      bench.stage.abort();
      bench.stage.abort();
      const size = bench.out.length;
      bench.clock.run(1000);
      assert.deepEqual([bench.coders.inUse, bench.given, bench.out.length], [0, 1, size], `${coding}, after step ${after}`);
    }
  }
});

test("coders for gzip are used again, at their level", () => {
  const coders = new ThreadCoders(new Clock());
  const first = coders.encoder("gzip", 5);
  coders.giveBack(first, "gzip", 5);
  assert.notEqual(coders.encoder("gzip", 1), first);
  assert.equal(coders.encoder("gzip", 5), first);
  const brotli = coders.encoder("br", 4);
  coders.giveBack(brotli, "br", 4);
  assert.notEqual(coders.encoder("br", 4), brotli);
});

test("this Node has what coders are made of", () => {
  for (const coding of CODINGS) {
    const coder = Coder.encoder(coding, 1);
    const output = Buffer.alloc(16);
    assert.ok(coder.run(0, TEXT, 0, TEXT.length, output) >= 0);
    assert.equal(coder.left, 0);
    coder.close();
  }
});

test("the gauge tells how late timers are, rises fast and falls slowly", () => {
  const clock = new Clock();
  const gauge = new LoadGauge(clock);
  gauge.touch();
  clock.run(100);
  assert.equal(gauge.delayMs, 0);
  clock.run(20, 80);
  assert.equal(gauge.delayMs, 40);
  clock.run(40);
  assert.ok(gauge.delayMs > 30 && gauge.delayMs < 40, `${gauge.delayMs}`);
  // Half of the way from 30 to 60.
  gauge.delayMs = 45;
  const admitted = Array.from({ length: 100 }, () => gauge.admits(60)).filter(Boolean).length;
  assert.ok(admitted >= 49 && admitted <= 52, `${admitted}`);
  gauge.delayMs = 60;
  assert.equal(gauge.admits(60), false);
  clock.run(3000);
  assert.equal(gauge.delayMs, 0, "nothing is compressed any more");
});
