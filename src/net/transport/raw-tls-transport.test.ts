/** What the transport does with the buffers that connections of a thread share, on doubles of Node's handles. What is decrypted comes from the test. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { sharedBuffer } from "../buffers/read-buffers.ts";
import { RecordBatch } from "../buffers/record-batch.ts";
import { RawTlsTransport } from "./raw-tls-transport.ts";
import type { TlsAccess, TlsHandle } from "./tls-access.ts";

/** A thread with TLS connections whose records the test makes. */
class Thread {
  private due: (() => void)[] = [];
  readonly access: TlsAccess;

  constructor() {
    const records = new RecordBatch((then) => void this.due.push(then));
    this.access = { records, state: new Int32Array(1), readIndex: 0 } as never;
  }

  endTurn(): void {
    for (const then of this.due.splice(0)) then();
  }
}

class Connection {
  readonly transport: RawTlsTransport;
  readonly got: string[] = [];
  readBuffer: Buffer = sharedBuffer;
  private readonly thread: Thread;
  private readonly handle: TlsHandle;
  private decrypted: Buffer = sharedBuffer;

  /** @param buffers for the reads after the first one; the shared one after these */
  constructor(thread: Thread, buffers: readonly Buffer[]) {
    this.thread = thread;
    const next = buffers[Symbol.iterator]();
    const handle: TlsHandle = {
      useUserBuffer: (buffer: Buffer) => void (this.decrypted = buffer),
      readStart: () => 0,
      readStop: () => 0,
    } as never;
    this.handle = handle;
    const reader = {
      readBuffer: sharedBuffer,
      onRead: (buffer: Buffer, count: number): void => {
        this.got.push(buffer.toString("latin1", 0, count));
        reader.readBuffer = next.next().value ?? sharedBuffer;
      },
      onEnd: () => {},
      onClosed: () => {},
    };
    const nobody = { onWritten: () => {}, onWriteFailed: () => {}, established: () => {}, failed: () => {} };
    this.transport = new RawTlsTransport(thread.access, {} as never, handle, { reader, writer: nobody, handshake: nobody });
    this.transport.begin();
  }

  /** A record is decrypted. */
  bring(text: string): void {
    const { access } = this.thread;
    access.state[access.readIndex] = this.decrypted.write(text, "latin1");
    this.decrypted = this.handle.onread() ?? this.decrypted;
  }
}

test("a record that was decrypted to the shared buffer is not lost to the records of another connection, which are handed over before", async () => {
  const thread = new Thread();
  const victim = new Connection(thread, [Buffer.alloc(64)]);
  // Its first record comes while nobody reads: the reader takes another buffer after it, of which the handle knows nothing yet.
  victim.bring("first ");
  victim.transport.start();
  await Promise.resolve();
  assert.deepEqual(victim.got, ["first "]);
  // A large message, and a small one behind it in the same turn.
  const other = new Connection(thread, [Buffer.alloc(4)]);
  other.transport.start();
  other.bring("head");
  other.bring("bodyGET / HTTP/1.1");
  victim.bring("second of the victim");
  thread.endTurn();
  assert.deepEqual(other.got, ["head", "body", "GET / HTTP/1.1"]);
  assert.equal(victim.got.join(""), "first second of the victim");
});

test("small records that came while nobody read are handed over in one piece", async () => {
  const connection = new Connection(new Thread(), []);
  for (let count = 0; count < 1000; count++) connection.bring(String(count % 10));
  connection.transport.start();
  await Promise.resolve();
  assert.deepEqual(connection.got, ["0123456789".repeat(100)]);
});
