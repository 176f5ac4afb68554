/** How a connection ends, step by step. The same steps run on a real socket and in memory, and must lead to the same calls. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { once } from "node:events";
import net from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import { MemoryNetwork } from "./memory/memory-network.ts";
import { rawAccess, takeHandle } from "./raw-access.ts";
import { RawTransport } from "./raw-transport.ts";
import type { Transport, TransportReader, TransportWriter } from "./transport.ts";

/** More bytes than the kernel's buffers at both ends hold. */
const MUCH = Buffer.alloc(16 * 1024 ** 2, "x");
const PATIENCE_MS = 5000;
/** After this many turns of the event loop, the other end of a connection on this machine has been told of everything. */
const TURNS = 5;

/** A reader and writer that notes its calls. */
class Notes implements TransportReader, TransportWriter {
  readonly readBuffer: Buffer = Buffer.alloc(64 * 1024);
  readonly told: string[] = [];

  onRead(buffer: Buffer, count: number): void {
    this.told.push(`read ${buffer.toString("latin1", 0, count)}`);
  }

  onEnd(): void {
    this.told.push("end");
  }

  onClosed(code: string | null): void {
    this.told.push(`closed ${code ?? "well"}`);
  }

  onWritten(): void {
    this.told.push("written");
  }

  onWriteFailed(): void {
    this.told.push("write failed");
  }
}

interface Peer {
  write(text: string): void;
  end(): void;
  close(): void;
  reset(): void;
}

interface Ends {
  readonly notes: Notes;
  readonly transport: Transport;
  /** The other end. It does not read. */
  readonly peer: Peer;
  /** Waits until this much was told, and then long enough for anything more. */
  settle(count: number): Promise<void>;
}

type Step = readonly [act: (ends: Ends) => void, ...told: readonly string[]];

const pause: Step = [({ transport }) => transport.pause()];
const resume = (...told: readonly string[]): Step => [({ transport }) => transport.resume(), ...told];
const write = (...told: readonly string[]): Step => [({ transport }) => void transport.write("x"), ...told];
const writeMuch: Step = [({ transport }) => assert.equal(transport.write([MUCH]), false)];
const end = (...told: readonly string[]): Step => [({ transport, notes }) => transport.end(() => notes.told.push("sent")), ...told];
const closeSoon = (...told: readonly string[]): Step => [({ transport }) => transport.destroySoon(), ...told];
const peerWrites = (...told: readonly string[]): Step => [({ peer }) => peer.write("abc"), ...told];
const peerEnds = (...told: readonly string[]): Step => [({ peer }) => peer.end(), ...told];
const peerCloses = (...told: readonly string[]): Step => [({ peer }) => peer.close(), ...told];
const peerResets = (...told: readonly string[]): Step => [({ peer }) => peer.reset(), ...told];

const CASES: Readonly<Record<string, readonly Step[]>> = {
  "a reset is seen by who reads, after the bytes before it": [peerWrites("read abc"), peerResets("closed ECONNRESET")],
  "a reset is not seen by who has read the end, but by who writes": [
    peerEnds("end"),
    peerResets(),
    write("write failed"),
    write("write failed"),
  ],
  "a reset after the end stops no end of this side": [peerEnds("end"), peerResets(), end("sent")],
  "a peer that is closed takes the first write, and fails the next": [peerCloses("end"), write(), write("write failed")],
  "who pauses sees a reset when he reads on": [pause, peerResets(), resume("closed ECONNRESET")],
  "a reset that a write has met is an end to who reads on": [
    pause,
    peerWrites(),
    peerResets(),
    write("write failed"),
    resume("read abc", "end"),
  ],
  "a reset after a FIN is an end": [pause, peerCloses(), write(), write("write failed"), resume("end")],
  "an unfinished write leaves a reset to who reads": [writeMuch, peerResets("closed ECONNRESET")],
  "an unfinished write fails when nobody reads": [pause, writeMuch, peerResets("write failed"), resume("end")],
  "an unfinished write fails after the end": [writeMuch, peerEnds("end"), peerResets("write failed")],
  "what is to close after an unfinished write closes with its failure": [
    pause,
    writeMuch,
    closeSoon(),
    peerResets("write failed", "closed well"),
  ],
  "what is to end after an unfinished write ends with its failure": [pause, writeMuch, end(), peerResets("write failed", "sent")],
  "who has ended still sees a reset": [end("sent"), peerResets("closed ECONNRESET")],
};

async function overSockets(t: TestContext): Promise<Ends> {
  const access = rawAccess();
  const server = net.createServer({ pauseOnConnect: true, allowHalfOpen: true });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const accepted = once(server, "connection");
  const peer = net.connect({ port: (server.address() as AddressInfo).port, host: "127.0.0.1", allowHalfOpen: true });
  peer.on("error", () => {});
  const [socket] = (await accepted) as [Socket];
  server.close();
  const handle = takeHandle(socket);
  assert.ok(access !== null && handle !== null);
  const notes = new Notes();
  const transport = new RawTransport(access, handle, notes, notes);
  t.after(() => {
    transport.destroy();
    peer.destroy();
  });
  transport.start();
  return {
    notes,
    transport,
    peer: {
      write: (text) => void peer.write(text),
      end: () => void peer.end(),
      close: () => void peer.destroy(),
      reset: () => void peer.resetAndDestroy(),
    },
    settle: async (count) => {
      const due = performance.now() + PATIENCE_MS;
      for (let turn = 0; turn < TURNS || (notes.told.length < count && performance.now() < due); turn++) await new Promise(setImmediate);
    },
  };
}

async function inMemory(t: TestContext): Promise<Ends> {
  const network = new MemoryNetwork();
  const notes = new Notes();
  let accepted: Transport | null = null;
  network.listen("a.test:80", (open) => {
    const made = open(notes, notes);
    accepted = made;
    made.start();
  });
  const peer = network.connect("a.test:80", new Notes(), new Notes(), () => peer.pause());
  network.settle();
  const transport: Transport = accepted ?? assert.fail("not connected");
  t.after(() => transport.destroy());
  return {
    notes,
    transport,
    peer: { write: (text) => void peer.write(text), end: () => peer.end(), close: () => peer.destroy(), reset: () => peer.reset() },
    settle: async () => network.settle(),
  };
}

for (const [kind, connect] of [
  ["a real socket", overSockets],
  ["memory", inMemory],
] as const) {
  describe(`over ${kind}`, { skip: connect === overSockets && rawAccess() === null, timeout: 60_000 }, () => {
    for (const [what, steps] of Object.entries(CASES)) {
      test(what, async (t) => {
        const ends = await connect(t);
        const { told } = ends.notes;
        for (const [index, [act, ...expected]] of steps.entries()) {
          told.length = 0;
          act(ends);
          await ends.settle(expected.length);
          assert.deepEqual(told, expected, `step ${index + 1}`);
        }
      });
    }
  });
}
