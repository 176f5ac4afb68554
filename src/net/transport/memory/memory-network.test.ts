/** A connection in memory behaves like a TCP socket, in any order of events and with any sizes of reads. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { Transport, TransportReader, TransportWriter } from "../transport.ts";
import { MemoryNetwork } from "./memory-network.ts";
import type { NetworkChoices, NetworkOptions } from "./memory-network.ts";

/** A reader and writer that notes its calls. */
class Side implements TransportReader, TransportWriter {
  readBuffer: Buffer = Buffer.alloc(16);
  transport: Transport | null = null;
  received: string = "";
  readonly told: string[] = [];

  onRead(buffer: Buffer, count: number): void {
    this.received += buffer.toString("latin1", 0, count);
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

  get wire(): Transport {
    return this.transport ?? assert.fail("not connected");
  }
}

interface Ends {
  readonly network: MemoryNetwork;
  readonly client: Side;
  readonly server: Side;
}

function ends(options: NetworkOptions = {}): Ends {
  const network = new MemoryNetwork(options);
  const [client, server] = [new Side(), new Side()];
  network.listen("a.test:80", (open) => {
    const transport = open(server, server);
    server.transport = transport;
    transport.start();
  });
  client.transport = network.connect("a.test:80", client, client, () => client.told.push("connected"));
  network.settle();
  assert.deepEqual([client.told.splice(0), server.told], [["connected"], []]);
  return { network, client, server };
}

describe("a connection in memory", () => {
  test("carries bytes and then the end, both ways", () => {
    const { network, client, server } = ends();
    client.wire.write("one");
    client.wire.write(["two", Buffer.from("three")]);
    assert.equal(server.received, "");
    client.wire.end(() => client.told.push("sent"));
    network.settle();
    assert.equal(server.received, "onetwothree");
    assert.deepEqual([server.told, client.told], [["end"], ["sent"]]);
    server.wire.write("answer");
    server.wire.destroySoon();
    network.settle();
    assert.equal(client.received, "answer");
    assert.deepEqual(
      [server.told, client.told],
      [
        ["end", "closed well"],
        ["sent", "end"],
      ],
    );
  });

  test("keeps bytes for which the peer has no room in place, and tells when they have left", () => {
    const { network, client, server } = ends({ receiveBytes: 10 });
    server.wire.pause();
    const bytes = Buffer.from("0123456789abcdef");
    assert.equal(client.wire.write([bytes]), false);
    assert.equal(client.wire.queuedBytes, 6);
    // As with an unfinished system call: writing into the buffer now changes what is sent.
    bytes.write("X", 15);
    network.settle();
    assert.deepEqual([client.told, server.received], [[], ""]);
    server.wire.resume();
    network.settle();
    assert.deepEqual([client.told, server.received], [["written"], "0123456789abcdeX"]);
  });

  test("does not read while it is paused", () => {
    const { network, client, server } = ends();
    server.wire.pause();
    client.wire.write("later");
    client.wire.end();
    network.settle();
    assert.deepEqual([server.received, server.told], ["", []]);
    server.wire.resume();
    network.settle();
    assert.deepEqual([server.received, server.told], ["later", ["end"]]);
  });

  test("ends in good order when it is closed with nothing unread", () => {
    const { network, client, server } = ends();
    client.wire.write("last");
    client.wire.destroy();
    network.settle();
    assert.deepEqual([server.received, server.told, client.told], ["last", ["end"], ["closed well"]]);
  });

  test("is reset when it is closed with bytes unread", () => {
    const { network, client, server } = ends();
    server.wire.pause();
    client.wire.write("never read");
    network.settle();
    server.wire.destroy();
    network.settle();
    assert.deepEqual([client.told, server.told], [["closed ECONNRESET"], ["closed well"]]);
  });

  test("is reset after what was written to a closed peer, and a write after that fails", () => {
    const { network, client, server } = ends();
    client.wire.pause();
    server.wire.destroy();
    network.settle();
    assert.equal(client.wire.write("into the void"), true);
    assert.deepEqual(client.told, []);
    client.wire.write("again");
    assert.deepEqual(client.told, ["write failed"]);
    client.wire.resume();
    network.settle();
    assert.deepEqual(client.told, ["write failed", "end"]);
  });

  test("brings the bytes that came before a reset, then the reset", () => {
    const { network, client, server } = ends();
    client.wire.write("before");
    client.wire.reset();
    network.settle();
    assert.deepEqual([server.received, server.told, client.told], ["before", ["closed ECONNRESET"], ["closed well"]]);
  });

  test("fails a write that has not finished when the peer resets", () => {
    const { network, client, server } = ends({ receiveBytes: 4 });
    server.wire.pause();
    client.wire.write("too much");
    client.wire.pause();
    server.wire.reset();
    network.settle();
    assert.deepEqual(client.told, ["write failed"]);
  });

  test("sends all of an unfinished write before it closes, or nothing more when it is reset", () => {
    for (const [how, received, told] of [
      ["destroySoon", "0123456789", "end"],
      ["reset", "0123", "closed ECONNRESET"],
    ] as const) {
      const { network, client, server } = ends({ receiveBytes: 4 });
      server.wire.pause();
      client.wire.write("0123456789");
      client.wire[how]();
      server.wire.resume();
      network.settle();
      assert.deepEqual([server.received, server.told, client.told], [received, [told], ["closed well"]]);
    }
  });

  test("calls no reader or writer within a call", () => {
    const { network, client, server } = ends();
    client.wire.write("x");
    client.wire.end();
    client.wire.destroy();
    assert.deepEqual([client.told, server.told], [[], []]);
    network.settle();
  });
});

test("connects are refused where nobody listens, and have no result at a silent address", () => {
  const network = new MemoryNetwork();
  network.listen("silent.test:80", "silent");
  network.listen("far.test:80", "EHOSTUNREACH");
  for (const [address, told] of [
    ["nobody.test:80", ["closed ECONNREFUSED"]],
    ["far.test:80", ["closed EHOSTUNREACH"]],
    ["silent.test:80", []],
  ] as const) {
    const client = new Side();
    network.connect(address, client, client, () => client.told.push("connected"));
    network.settle();
    assert.deepEqual(client.told, told, address);
  }
});

test("a turn ends after the events that were there together", () => {
  const network = new MemoryNetwork();
  const { platform } = network;
  const order: string[] = [];
  network.post(() => {
    order.push("first");
    platform.atTurnEnd(() => order.push("end"));
    network.post(() => order.push("next turn"));
  });
  network.post(() => order.push("second"));
  network.settle();
  assert.deepEqual(order, ["first", "second", "end", "next turn"]);
});

test("timers fire in the order of their times, and only when time passes", () => {
  const { clock } = new MemoryNetwork();
  const fired: string[] = [];
  const stop = clock.every(40, () => fired.push(`tick ${clock.nowMs}`));
  clock.after(100, () => fired.push("b"));
  clock.after(60, () => fired.push("a"));
  clock.after(100, () => fired.push("c"));
  clock.after(70, () => fired.push("never"))();
  while (clock.step(100));
  stop();
  while (clock.step(1000));
  assert.deepEqual(fired, ["tick 40", "a", "tick 80", "b", "c"]);
  assert.equal(clock.nowMs, 1000);
});

test("both sides get what the other sent, in any order of events and with any reads and pauses", () => {
  const step = fc.record({
    side: fc.boolean(),
    kind: fc.constantFrom("write", "write", "write", "pause", "resume", "events"),
    size: fc.nat(40),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.integer(), fc.integer({ min: 1, max: 50 }), (steps, seed, receiveBytes) => {
      const { network, client, server } = ends({ choices: drawnFrom(seed), receiveBytes });
      const sent = new Map([client, server].map((side) => [side, ""]));
      let counter = 0;
      for (const { side, kind, size } of steps) {
        const one = side ? client : server;
        if (kind === "write") {
          const text = Array.from({ length: size }, () => String.fromCharCode(33 + (counter++ % 90))).join("");
          one.wire.write([Buffer.from(text)]);
          sent.set(one, (sent.get(one) ?? "") + text);
        } else if (kind === "events") for (let event = 0; event < size; event++) network.step();
        else one.wire[kind]();
      }
      for (const side of [client, server]) {
        side.wire.resume();
        side.wire.end();
      }
      network.settle();
      assert.deepEqual([server.received, client.received], [sent.get(client), sent.get(server)]);
      for (const { told } of [client, server])
        assert.deepEqual(
          told.filter((what) => what !== "written"),
          ["end"],
        );
    }),
    { numRuns: 200 },
  );
});

/** Choices drawn from a seed. */
function drawnFrom(seed: number): NetworkChoices {
  let state = seed | 0;
  const random = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return (state >>> 8) / 2 ** 24;
  };
  return { next: (count) => Math.floor(random() * count), cut: (available) => 1 + Math.floor(random() * available), random };
}
