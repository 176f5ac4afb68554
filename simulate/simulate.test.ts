import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { bodyOf, strayByte } from "./bytes.ts";
import { drawParts, drawPlan } from "./plan.ts";
import type { Plan } from "./plan.ts";
import { COMBINATIONS, ROUNDS, TURNS, combinationOf, runSeed } from "./run-seed.ts";
import { MemoryNetwork } from "../src/net/transport/memory/memory-network.ts";
import { Sending, beginningOf } from "./sending.ts";
import { shrinkWith } from "./shrink.ts";
import { Violation, World } from "./world.ts";

/** Short ones of seed 1, which have every part between them. */
const RUNS = [4, 10, 14, 27].map((run) => runSeed(1, run));

test("four runs that have every part between them have no violation", async () => {
  const parts = new Set(RUNS.flatMap((seed) => Object.entries(drawParts(seed)).flatMap(([part, has]) => (has ? [part] : []))));
  assert.deepEqual(parts, new Set(Object.keys(drawParts(0))));
  for (const seed of RUNS) assert.equal((await new World(drawPlan(seed)).run()).violation, null, `seed ${seed}`);
});

test("a seed repeats its run to the last event", async () => {
  const run = async (): Promise<unknown> => {
    const world = new World(drawPlan(RUNS[2] ?? 0));
    return [await world.run(), world.records];
  };
  assert.deepEqual(await run(), await run());
});

test("a failing plan is shrunk to the requests that make it fail", async () => {
  const plan = drawPlan(3);
  const [guilty, accomplice] = plan.clients.flatMap(({ requests }) => requests.map(({ id }) => id));
  const found = async (shorter: Plan): Promise<Violation | null> => {
    const ids = new Set(shorter.clients.flatMap(({ requests }) => requests.map(({ id }) => id)));
    return guilty !== undefined && accomplice !== undefined && ids.has(guilty) && ids.has(accomplice)
      ? new Violation("both are there")
      : null;
  };
  const { plan: shortest } = await shrinkWith(found, plan, new Violation("both are there"));
  assert.deepEqual(
    shortest.clients.flatMap(({ requests }) => requests.map(({ id }) => id)),
    [guilty, accomplice],
  );
  assert.deepEqual(shortest.events, []);
});

test("a stray byte of a body is found, wherever it is", () => {
  for (const [from, to] of [
    [0, 1],
    [0, 20_000],
    [8190, 8193],
    [100_000, 130_000],
  ] as const) {
    const bytes = bodyOf(5, from, to);
    assert.equal(strayByte(5, from, bytes, 0, bytes.length), -1);
    assert.notEqual(strayByte(5, from + 1, bytes, 0, bytes.length), -1);
    assert.notEqual(strayByte(6, from, bytes, 0, bytes.length), -1);
    const at = bytes.length >> 1;
    const other = Buffer.from(bytes);
    other[at] = (other[at] ?? 0) ^ 1;
    assert.equal(strayByte(5, from, other, 0, other.length), from + at);
  }
});

test("a message goes out in pieces of the same size, however it is put together", () => {
  const network = new MemoryNetwork();
  const read: string[] = [];
  const nothing = {
    readBuffer: Buffer.alloc(10),
    onRead: () => {},
    onEnd: () => {},
    onClosed: () => {},
    onWritten: () => {},
    onWriteFailed: () => {},
  };
  const reader = { ...nothing, onRead: (bytes: Buffer, count: number) => void read.push(bytes.toString("latin1", 0, count)) };
  network.listen("endpoint:80", (open) => open(reader, nothing).start());
  const sending = new Sending(network.clock, 4, 1);
  network.connect("endpoint:80", nothing, nothing, (transport) => sending.start(transport));
  sending.add(["ab", "", "cdefg", "h", ""].map((part) => Buffer.from(part)));
  sending.add([Buffer.from("ij")]);
  network.settle();
  while (network.clock.step(10)) network.settle();
  assert.deepEqual(read, ["abcd", "efgh", "ij"]);
  assert.equal(sending.sentBytes, 10);
  assert.equal(Buffer.concat(beginningOf([Buffer.from("abc"), Buffer.from("def")], 4)).toString(), "abcd");
});

test("runs with and without each part, and with each two of them, are among the first", () => {
  const runs = Array.from({ length: TURNS }, (_, run) => Object.values(drawParts(runSeed(1, run))).map(Boolean));
  const count = runs[0]?.length ?? 0;
  for (let one = 0; one < count; one++) {
    for (let other = 0; other < one; other++)
      assert.equal(new Set(runs.map((parts) => `${parts[one]} ${parts[other]}`)).size, 4, `parts ${one} and ${other}`);
  }
});

test("combinations of parts take turns, and give way to others", () => {
  const combinations = (from: number, to: number): Set<number> =>
    new Set(Array.from({ length: to - from }, (_, at) => combinationOf(runSeed(5, from + at))));
  const first = combinations(0, TURNS);
  assert.equal(first.size, TURNS);
  assert.deepEqual(combinations(TURNS, 2 * TURNS), first);
  assert.equal(combinations(0, COMBINATIONS * ROUNDS).size, COMBINATIONS);
  assert.equal(new Set(Array.from({ length: 10_000 }, (_, run) => runSeed(5, run))).size, 10_000);
});

test("a run without additional parts has only plain clients, routes and events", () => {
  const { clients, events } = drawPlan(plainSeed());
  assert.ok(clients.every(({ listener, address }) => listener === "127.0.0.1:80" && address === "192.0.2.1"));
  assert.ok(clients.every(({ requests }) => requests.every(({ route }) => ["a", "b", "small"].includes(route))));
  assert.ok(events.every(({ kind }) => kind !== "sick"));
});

function plainSeed(): number {
  for (let run = 0; ; run++) if (!Object.values(drawParts(runSeed(1, run))).some(Boolean)) return runSeed(1, run);
}
