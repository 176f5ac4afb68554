/**
 * Messages that are almost those of the corpus: where two parsers part is often one byte away from where they agree. Seeded, so that a
 * failure comes again.
 */

/** Numbers below `limit`, from 0. */
export type Random = (limit: number) => number;

/** mulberry32 */
export function randomFrom(seed: number): Random {
  let state = seed;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}

const BYTES = [
  " ",
  "\t",
  "\r",
  "\n",
  "\0",
  "\x0b",
  "\x0c",
  "\x1f",
  "\x7f",
  "\x85",
  "\xa0",
  ",",
  ";",
  ":",
  "=",
  '"',
  "\\",
  "/",
  "?",
  "#",
  "%",
];
const PIECES = [...BYTES, "0", "1", "5", "f", "+", "-", "_", "*", "\r\n", "\r\n ", "\r\n\r\n", "chunked", "0\r\n\r\n"];

const LINES = [
  "Content-Length: 0",
  "Content-Length: 5",
  "Content-Length: 5, 5",
  "content-length:6",
  "Content-Length : 5",
  "Transfer-Encoding: chunked",
  "Transfer-Encoding: identity",
  "transfer-encoding:\tchunked",
  "Transfer_Encoding: chunked",
  "Host: b.test",
  "Connection: close",
  "Connection: X-A, Upgrade",
  "Expect: 100-continue",
  "Trailer: X-T",
  "X-A: 1",
];

const FOLLOWERS = [
  "GET /next HTTP/1.1\r\nHost: a.test\r\n\r\n",
  "\r\n",
  "X",
  "POST /next HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\n\r\nabc",
];

type Change = (wire: string, random: Random, others: readonly string[]) => string;

const CHANGES: readonly Change[] = [
  insertPiece,
  insertAtStructure,
  removeByte,
  repeatByte,
  replaceByte,
  changeDigit,
  changeCase,
  breakLineEnd,
  repeatLine,
  swapLines,
  removeLine,
  addLine,
  foldLine,
  (wire, random) => wire.slice(0, random(wire.length + 1)),
  (wire, random) => wire + pick(FOLLOWERS, random),
  (wire, random, others) => wire + pick(others, random),
];

/** One to three changes of a message. */
export function mutate(wire: string, random: Random, others: readonly string[]): string {
  let changed = wire;
  for (let count = Math.max(1, random(4)); count > 0; count--) changed = pick(CHANGES, random)(changed, random, others);
  return changed;
}

function insertPiece(wire: string, random: Random): string {
  const at = random(wire.length + 1);
  return wire.slice(0, at) + pick(PIECES, random) + wire.slice(at);
}

/** Beside a byte that parsers look for. */
function insertAtStructure(wire: string, random: Random): string {
  const places = [...wire.matchAll(/[\r\n: ,;]/g)].map(({ index }) => index);
  if (places.length === 0) return wire;
  const at = pick(places, random) + random(2);
  return wire.slice(0, at) + pick(BYTES, random) + wire.slice(at);
}

function removeByte(wire: string, random: Random): string {
  const at = random(wire.length + 1);
  return wire.slice(0, at) + wire.slice(at + 1);
}

function repeatByte(wire: string, random: Random): string {
  const at = random(wire.length + 1);
  return wire.slice(0, at + 1) + wire.slice(at);
}

function replaceByte(wire: string, random: Random): string {
  const at = random(wire.length + 1);
  return wire.slice(0, at) + String.fromCharCode(random(256)) + wire.slice(at + 1);
}

function changeDigit(wire: string, random: Random): string {
  const places = [...wire.matchAll(/[0-9]/g)].map(({ index }) => index);
  if (places.length === 0) return wire;
  const at = pick(places, random);
  return wire.slice(0, at) + String(random(10)) + wire.slice(at + 1);
}

function changeCase(wire: string, random: Random): string {
  const at = random(wire.length + 1);
  const letter = wire.slice(at, at + 1);
  const other = letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase();
  return other.length === 1 && other.charCodeAt(0) < 128 ? wire.slice(0, at) + other + wire.slice(at + 1) : wire;
}

/** One CRLF becomes something like it. */
function breakLineEnd(wire: string, random: Random): string {
  const places = [...wire.matchAll(/\r\n/g)].map(({ index }) => index);
  if (places.length === 0) return wire;
  const at = pick(places, random);
  return wire.slice(0, at) + pick(["\n", "\r", "\r\r\n", "\n\r", "\r\n\n", ""], random) + wire.slice(at + 2);
}

function repeatLine(wire: string, random: Random): string {
  const lines = wire.split("\r\n");
  const at = random(lines.length);
  lines.splice(at, 0, lines[at] ?? "");
  return lines.join("\r\n");
}

function swapLines(wire: string, random: Random): string {
  const lines = wire.split("\r\n");
  const [one, other] = [random(lines.length), random(lines.length)];
  [lines[one], lines[other]] = [lines[other] ?? "", lines[one] ?? ""];
  return lines.join("\r\n");
}

function removeLine(wire: string, random: Random): string {
  const lines = wire.split("\r\n");
  lines.splice(random(lines.length), 1);
  return lines.join("\r\n");
}

function addLine(wire: string, random: Random): string {
  const lines = wire.split("\r\n");
  lines.splice(1 + random(3), 0, pick(LINES, random));
  return lines.join("\r\n");
}

/** A field's value moves to a line of its own. */
function foldLine(wire: string, random: Random): string {
  const places = [...wire.matchAll(/: ?/g)].map(({ index }) => index);
  if (places.length === 0) return wire;
  const at = pick(places, random) + 1;
  return `${wire.slice(0, at)}\r\n${pick([" ", "\t", ""], random)}${wire.slice(at)}`;
}

function pick<Value>(values: readonly Value[], random: Random): Value {
  const value = values[random(values.length)];
  if (value === undefined) throw new Error("nothing to pick from");
  return value;
}
