/** First messages of TLS clients: mostly what OpenSSL would take, with changes in the places where a reader decides something, and split into records. */
import type { Draw } from "./draw.ts";

export interface HelloCase {
  readonly side: "hello";
  /** The bytes that the client sends, one character a byte. */
  readonly wire: string;
  /** Where the bytes are split, ascending. */
  readonly cuts: readonly number[];
}

interface Extension {
  readonly type: number;
  readonly body: string;
}

const NAMES = [
  "a.test",
  "A.Test",
  "a.test.",
  "xn--bcher-kva.test",
  "*.a.test",
  "127.0.0.1",
  ".",
  "a..",
  "a b",
  "a\0b",
  "\xe4.test",
  "",
  "a",
  "_",
];
const PROTOCOLS = ["http/1.1", "h2", "acme-tls/1", "ACME-TLS/1", "acme-tls/1\0", "h", "", "http/1.0"];
/** Numbers of extensions that servers know, and some that they do not. */
const OTHER_TYPES = [5, 15, 17, 21, 22, 23, 27, 35, 41, 42, 57, 0x0a0a, 0x1a1a, 0xff01, 0xffff];

export function drawHello(draw: Draw): HelloCase {
  const wire = changed(inRecords(message(draw), draw), draw);
  const cuts = Array.from({ length: draw.below(4) }, () => draw.below(wire.length + 1)).sort((one, other) => one - other);
  return { side: "hello", wire, cuts };
}

/** The handshake message with its header. */
function message(draw: Draw): string {
  const body =
    `${draw.oneIn(20) ? octets(draw, 2) : "\x03\x03"}${octets(draw, 32)}${vector(1, octets(draw, draw.oneIn(30) ? 33 : draw.pick([0, 32])))}` +
    `${vector(2, draw.oneIn(20) ? octets(draw, draw.below(7)) : "\x13\x01\xc0\x2b\xc0\x2f\x00\xff")}${vector(1, draw.oneIn(20) ? octets(draw, draw.below(3)) : "\0")}`;
  const list = draw.oneIn(30)
    ? ""
    : vector(
        2,
        extensions(draw)
          .map(({ type, body: text }) => uint(2, type) + vector(2, text))
          .join(""),
      );
  const whole = body + list + (draw.oneIn(30) ? octets(draw, draw.between(1, 4)) : "");
  return `\x01${vector(3, whole)}${draw.oneIn(25) ? draw.pick(["\x01\0\0\0", "\0\0\0\0", octets(draw, 5)]) : ""}`;
}

function extensions(draw: Draw): Extension[] {
  const list: Extension[] = [
    { type: 10, body: vector(2, "\0\x1d\0\x17") },
    { type: 13, body: vector(2, "\x04\x03\x08\x04\x04\x01") },
    ...(draw.oneIn(3)
      ? []
      : [
          { type: 43, body: vector(1, "\x03\x04\x03\x03") },
          { type: 51, body: vector(2, `\0\x1d${vector(2, octets(draw, 32))}`) },
        ]),
    ...(draw.oneIn(5) ? [] : [{ type: 0, body: serverName(draw) }]),
    ...(draw.oneIn(2) ? [] : [{ type: 16, body: protocols(draw) }]),
  ];
  for (let count = draw.oneIn(3) ? draw.between(1, 2) : 0; count > 0; count--) {
    const at = draw.below(list.length + 1);
    const other = draw.oneIn(2) ? { type: draw.pick(OTHER_TYPES), body: octets(draw, draw.below(6)) } : draw.pick(list);
    list.splice(at, draw.oneIn(3) ? 1 : 0, other);
  }
  if (draw.oneIn(20)) list.push({ type: 0, body: serverName(draw) });
  if (draw.oneIn(20)) list.push({ type: 16, body: protocols(draw) });
  return draw.oneIn(3) ? list.toReversed() : list;
}

function serverName(draw: Draw): string {
  const entry = (): string =>
    `${draw.oneIn(15) ? "\x01" : "\0"}${vector(2, draw.oneIn(20) ? "a".repeat(draw.between(250, 260)) : draw.pick(NAMES))}`;
  const entries = draw.oneIn(15) ? draw.repeat(0, 3, entry) : entry();
  return draw.oneIn(30) ? octets(draw, draw.below(8)) : vector(2, entries) + (draw.oneIn(30) ? octets(draw, 1) : "");
}

function protocols(draw: Draw): string {
  return (
    vector(
      2,
      draw.repeat(draw.oneIn(15) ? 0 : 1, 3, () => vector(1, draw.pick(PROTOCOLS))),
    ) + (draw.oneIn(30) ? octets(draw, 1) : "")
  );
}

/** In one record, or in several, some of which may be no records of a handshake; then perhaps something that is none of the message. */
function inRecords(text: string, draw: Draw): string {
  const version = (): string => (draw.oneIn(40) ? octets(draw, 2) : draw.pick(["\x03\x01", "\x03\x03"]));
  let wire = "";
  for (let at = 0; at < text.length;) {
    const end = draw.oneIn(2) ? text.length : Math.min(text.length, at + draw.pick([1, 3, 4, 5, 40, 200]));
    wire += `${draw.oneIn(80) ? draw.pick(["\x14", "\x15", "\x17", "\x18"]) : "\x16"}${version()}${vector(2, text.slice(at, end))}`;
    if (draw.oneIn(60)) wire += draw.pick(["\x14\x03\x03\0\x01\x01", "\x15\x03\x03\0\x02\x01\0", "\x16\x03\x01\0\0", "GET / HTTP/1.1\r\n"]);
    at = end;
  }
  return draw.oneIn(8)
    ? wire + draw.pick(["\x14\x03\x03\0\x01\x01", "\x17\x03\x03\0\x01a", "\x16\x03\x03\0\x01\x01", octets(draw, 9)])
    : wire;
}

/** Some octets changed, lost or doubled. Two of three are left as they are. */
function changed(wire: string, draw: Draw): string {
  let text = wire;
  if (!draw.oneIn(3)) return text;
  for (let count = draw.between(1, 3); count > 0; count--) {
    // Most decisions are made of what stands at the start.
    const at = draw.below(draw.oneIn(2) ? Math.min(text.length, 60) : text.length);
    const kind = draw.below(5);
    if (kind < 3)
      text = `${text.slice(0, at)}${draw.oneIn(2) ? octets(draw, 1) : String.fromCharCode(text.charCodeAt(at) ^ 1)}${text.slice(at + 1)}`;
    else if (kind === 3) text = text.slice(0, at) + text.slice(at + draw.between(1, 4));
    else text = text.slice(0, draw.oneIn(2) ? at : text.length);
    if (text === "") return "\x16";
  }
  return text;
}

function octets(draw: Draw, count: number): string {
  return draw.repeat(count, count, () => String.fromCharCode(draw.below(256)));
}

function vector(sizeBytes: number, text: string): string {
  return uint(sizeBytes, text.length) + text;
}

/** Big-endian. */
function uint(sizeBytes: number, value: number): string {
  let text = "";
  for (let shift = 8 * (sizeBytes - 1); shift >= 0; shift -= 8) text += String.fromCharCode((value >> shift) & 0xff);
  return text;
}
