import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../net/transport/memory/virtual-clock.ts";
import { NOTICES_MAX, Notices } from "./notices.ts";
import type { Notice } from "./notices.ts";

/** A store's topics. */
class Board {
  readonly notices: Notice[] = [];
  isDown: boolean = false;
  reads: number = 0;

  async append(_topic: string, text: string): Promise<boolean> {
    if (!this.isDown) this.add(text, 1_000_000 + this.notices.length);
    return !this.isDown;
  }

  async readNotices(_topic: string, after: string): Promise<readonly Notice[] | null> {
    this.reads++;
    if (this.isDown) return null;
    const at = this.notices.findIndex(({ number }) => number === after);
    const rest = at >= 0 ? this.notices.slice(at + 1) : this.notices.filter(({ number }) => Number.parseInt(number, 10) > Number(after));
    return rest.slice(0, NOTICES_MAX);
  }

  add(text: string, ms: number): void {
    this.notices.push({ number: `${ms}-${this.notices.length}`, text });
  }
}

interface Machine {
  readonly notices: Notices;
  readonly clock: VirtualClock;
  readonly heard: string[];
}

function machine(board: Board): Machine {
  const clock = new VirtualClock();
  const notices = new Notices();
  const heard: string[] = [];
  notices.follow("topic", (text) => heard.push(text));
  use(notices, board, clock);
  return { notices, clock, heard };
}

function use(notices: Notices, board: Board, clock: VirtualClock): void {
  notices.use(board, { now: () => clock.nowMs, after: (ms, then) => clock.after(ms, then), atTurnEnd: (then) => then() }, "prefix");
}

async function pass(clock: VirtualClock, ms: number): Promise<void> {
  const until = clock.nowMs + ms;
  do for (let turns = 0; turns < 60; turns++) await Promise.resolve();
  while (clock.step(until));
  for (let turns = 0; turns < 60; turns++) await Promise.resolve();
}

test("what one machine publishes all hear once, in order, those that come later too", async () => {
  const board = new Board();
  const [one, two] = [machine(board), machine(board)];
  one.notices.publish("topic", "a", 1000);
  one.notices.publish("topic", "b", 1000);
  await pass(one.clock, 1000);
  await pass(two.clock, 1000);
  const three = machine(board);
  for (const each of [one, two, three]) {
    await pass(each.clock, 10_000);
    assert.deepEqual(each.heard, ["a", "b"]);
  }
});

test("what cannot be sent waits, in order", async () => {
  const board = new Board();
  const one = machine(board);
  await pass(one.clock, 0);
  board.isDown = true;
  for (const text of ["a", "b", "c"]) one.notices.publish("topic", text, 1000);
  await pass(one.clock, 30_000);
  assert.deepEqual(board.notices, []);
  board.isDown = false;
  await pass(one.clock, 1000);
  assert.deepEqual(one.heard, ["a", "b", "c"]);
});

test("more than one look takes are read at once, also where all are of one moment", async () => {
  const board = new Board();
  for (let n = 0; n < 3 * NOTICES_MAX + 7; n++) board.add(`${n}`, 5_000_000);
  const one = machine(board);
  await pass(one.clock, 0);
  assert.equal(one.heard.length, board.notices.length);
  board.add("new", 5_000_000);
  await pass(one.clock, 1000);
  assert.equal(one.heard.at(-1), "new");
  assert.equal(one.heard.length, board.notices.length);
});

test("a clock of the store that goes back by seconds hides nothing", async () => {
  const board = new Board();
  board.add("a", 5_000_000);
  const one = machine(board);
  await pass(one.clock, 1000);
  board.add("b", 4_997_000);
  await pass(one.clock, 1000);
  assert.deepEqual(one.heard, ["a", "b"]);
});

test("who follows later gets what is older; another store is read from its beginning", async () => {
  const board = new Board();
  board.add("a", 1);
  const one = machine(board);
  await pass(one.clock, 1000);
  const later: string[] = [];
  one.notices.follow("topic", (text) => later.push(text));
  await pass(one.clock, 1000);
  assert.deepEqual(later, ["a"]);
  const other = new Board();
  other.add("of the other", 1);
  use(one.notices, other, one.clock);
  await pass(one.clock, 1000);
  assert.equal(later.at(-1), "of the other");
});

test("nobody looks where nobody follows or publishes, nor after the end", async () => {
  const board = new Board();
  const [notices, clock] = [new Notices(), new VirtualClock()];
  use(notices, board, clock);
  await pass(clock, 10_000);
  assert.equal(board.reads, 0);
  const one = machine(board);
  await pass(one.clock, 1000);
  one.notices.stop();
  const { reads } = board;
  await pass(one.clock, 10_000);
  assert.equal(board.reads, reads);
});
