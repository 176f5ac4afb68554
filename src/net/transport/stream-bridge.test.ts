import assert from "node:assert/strict";
import { test } from "node:test";
import { OrderedWrites } from "./stream-bridge.ts";
import type { BridgeHandle, StreamBridge } from "./stream-bridge.ts";

/** As strict as Node's: an assertion fails at a second write, and at one after the end. */
class Bridge implements StreamBridge {
  readonly said: string[] = [];
  _handle: BridgeHandle | null = {
    finishWrite: (request, status) => void this.said.push(`${nameOf(request)} ${status === 0 ? "done" : "cancelled"}`),
  };
  private readonly handle: BridgeHandle = this._handle as BridgeHandle;
  private current: object | null = null;
  private hasEnded: boolean = false;

  constructor() {
    OrderedWrites.of(this);
  }

  doWrite(request: object, pieces: readonly Uint8Array[]): number {
    assert.ok(this.current === null && !this.hasEnded, "one write at a time, and none after the end");
    this.current = request;
    this.said.push(`${nameOf(request)} writes ${pieces.length}`);
    return 0;
  }

  finishWrite(handle: BridgeHandle, status: number): void {
    const { current } = this;
    this.current = null;
    if (current !== null) handle.finishWrite(current, status);
  }

  doShutdown(_request: object): number {
    assert.equal(this.current, null);
    this.hasEnded = true;
    this.said.push("ends");
    return 0;
  }

  doClose(closed: () => void): void {
    const { handle } = this;
    this._handle = null;
    setImmediate(() => {
      this.finishWrite(handle, -1);
      closed();
    });
  }

  /** The stream has taken the write. */
  written(status: number = 0): void {
    this.finishWrite(this.handle, status);
  }
}

function nameOf(request: object): string {
  return String(Reflect.get(request, "name"));
}

const [A, B, C] = [{ name: "a" }, { name: "b" }, { name: "c" }];
const PIECES = [new Uint8Array(1), new Uint8Array(2)];

test("writes take turns, and the end comes after them", () => {
  const bridge = new Bridge();
  for (const request of [A, B, C]) bridge.doWrite(request, PIECES);
  bridge.doShutdown({});
  for (let round = 0; round < 3; round++) bridge.written();
  assert.deepEqual(bridge.said, ["a writes 2", "a done", "b writes 2", "b done", "c writes 2", "c done", "ends"]);
});

test("a write after the end is cancelled, and not at once", async () => {
  const bridge = new Bridge();
  bridge.doShutdown({});
  bridge.doWrite(A, PIECES);
  assert.deepEqual(bridge.said, ["ends"]);
  await new Promise(setImmediate);
  assert.deepEqual(bridge.said, ["ends", "a cancelled"]);
});

test("a write that fails takes along those that wait", async () => {
  const bridge = new Bridge();
  for (const request of [A, B, C]) bridge.doWrite(request, PIECES);
  bridge.written(-32);
  await new Promise(setImmediate);
  assert.deepEqual(bridge.said, ["a writes 2", "a cancelled", "b cancelled", "c cancelled"]);
});

test("a close cancels what is written, what waits, and what comes later", async () => {
  const bridge = new Bridge();
  for (const request of [A, B]) bridge.doWrite(request, PIECES);
  await new Promise<void>((resolve) => bridge.doClose(resolve));
  bridge.doWrite(C, PIECES);
  await new Promise(setImmediate);
  assert.deepEqual(bridge.said.toSorted(), ["a cancelled", "a writes 2", "b cancelled"], "a later one goes with its handle");
});
