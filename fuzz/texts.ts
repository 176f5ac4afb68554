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
  "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n",
  "5.6.7.8 1 2\r\n",
  '{"usage":{',
  '{"a":[1,',
  "\\u0061",
  "}]",
  "1e999",
  "charset=utf-8",
  "[^\\w-",
  "(?:a|b)*",
  "{1,2000}",
  '{"a":',
  "[1,",
  "]}",
  '"\\u0061"',
  "{ a: b(c: $d) @e { ...F ",
  "} fragment F on T { f",
  '"""\\"""',
  "--b\r\n\r\n",
  "--b--",
  "multipart/form-data; boundary=",
  '"output_tokens":9',
  'data: {"response":{"usage":{"input_tokens":',
  "\n\n",
  "\x20\0\0\0",
  "\x21\x11\0\x0c\x01\x02\x03\x04\x05\x06\x07\x08\0\x50\x01\xbb",
  "\x02\0\x06a.test",
  "\x03\0\x04\0\0\0\0",
  "\x20\0\x05\x01\0\0\0\0",
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
