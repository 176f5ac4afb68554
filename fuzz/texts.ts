/** Texts for the pure parsers of what clients and origins send: random ones, and long ones of one piece repeated. */
import { HOSTILE_OCTETS, VALUE_CHARACTERS } from "./dictionary.ts";
import type { Draw } from "./draw.ts";
import { PARSERS } from "./parsers.ts";

export interface TextCase {
  readonly parser: string;
  readonly text: string;
  /** The text is long and of one repeated piece: what counts is the time that it takes. */
  readonly timed: boolean;
}

const PIECES: readonly string[] = [
  ..."aA0. ,;:/\\%\"='@[]-_?#*\t\x80\xff".split(""),
  "%2F",
  "%2e",
  "%00",
  "%zz",
  "..",
  "../",
  "/.",
  "//",
  ";a=b",
  ", ",
  "close",
  "keep-alive",
  "timeout=5",
  "timeout",
  "a,",
  "1.2.3.4",
  "::1",
  "[::1]",
  "[::1]:80",
  "::ffff:1.2.3.4",
  ":65536",
  "https://",
  ".example.org",
  "null",
  "1.1 millrace",
  "application/json",
  ";q=0",
  "5\r\nhello\r\n",
  "0\r\n",
  "\r\n",
  "X-A: b\r\n",
  "for=",
  'host="',
  ";proto=http",
  'for="[::1]:80"',
];

export function drawText(draw: Draw): TextCase {
  const { name: parser, charactersMax } = draw.pick(PARSERS);
  if (!draw.oneIn(8)) return { parser, text: draw.repeat(0, 12, () => piece(draw)), timed: false };
  const unit = draw.repeat(1, 3, () => piece(draw)) || "a";
  const start = draw.repeat(0, 2, () => piece(draw));
  const end = draw.repeat(0, 2, () => piece(draw));
  const count = Math.max(1, Math.floor(charactersMax / unit.length));
  return { parser, text: start + unit.repeat(count) + end, timed: true };
}

function piece(draw: Draw): string {
  if (draw.oneIn(5)) return draw.pick(HOSTILE_OCTETS);
  return draw.oneIn(8) ? draw.pick(VALUE_CHARACTERS) : draw.pick(PIECES);
}
