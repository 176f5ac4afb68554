/** Wire tests of the chunked coding (RFC 9112 section 7.1): each is a script of bytes, read at every split. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { Chunk, ChunkedDecoder } from "./chunked.ts";
import { CHUNK_DIGITS_MAX, CHUNK_EXTENSION_BYTES_MAX, CHUNK_SIZE_CHARS_MAX, MESSAGE_EXTENSION_BYTES_MAX } from "./limits.ts";

/** The decoder's result for the wire: the content, then `last` and the number of bytes left, `more`, or the fault's code. */
function decode(wire: string, cuts: readonly number[] = [], decoder: ChunkedDecoder = new ChunkedDecoder()): string {
  let content = "";
  let from = 0;
  for (const to of [...cuts, wire.length]) {
    const bytes = Buffer.from(wire.slice(from, to), "latin1");
    let at = 0;
    for (;;) {
      const result = decoder.step(bytes, at, bytes.length);
      assert.ok(decoder.at >= at && decoder.at <= bytes.length);
      at = decoder.at;
      if (result === Chunk.data) {
        assert.ok(decoder.dataEnd > decoder.dataStart && decoder.dataEnd === at);
        content += bytes.toString("latin1", decoder.dataStart, decoder.dataEnd);
      } else if (result === Chunk.last) return `${content}|last ${wire.length - from - at}`;
      else if (result === Chunk.fault) return `${content}|${decoder.fault.code}`;
      else break;
    }
    assert.equal(at, bytes.length, "more is asked for only when all is consumed");
    from = to;
  }
  return `${content}|more`;
}

function reads(wire: string, outcome: string): void {
  assert.equal(decode(wire), outcome, JSON.stringify(wire.slice(0, 80)));
  if (wire.length > 400) return;
  for (let at = 1; at < wire.length; at++) assert.equal(decode(wire, [at]), outcome, `${JSON.stringify(wire)} cut at ${at}`);
  assert.equal(
    decode(
      wire,
      Array.from({ length: wire.length - 1 }, (_, index) => index + 1),
    ),
    outcome,
    `${JSON.stringify(wire)} byte by byte`,
  );
}

test("chunks are decoded, and what follows the last chunk's line is left alone", () => {
  reads("5\r\nhello\r\n0\r\n", "hello|last 0");
  reads("5\r\nhello\r\n0\r\n\r\nGET /", "hello|last 7");
  reads("1\r\na\r\n2\r\nbc\r\n3\r\ndef\r\n0\r\nX: 1\r\n\r\n", "abcdef|last 8");
  reads("0\r\n", "|last 0");
});

test("data is data, whatever it looks like", () => {
  reads("7\r\n0\r\n\r\n5\r\r\n0\r\n", "0\r\n\r\n5\r|last 0");
  reads("2\r\n\r\n\r\n0\r\n", "\r\n|last 0");
  reads("3\r\n\0\x80\xff\r\n0\r\n", "\0\x80\xff|last 0");
});

test("sizes are hexadecimal in upper or lower case, and leading zeros are ignored", () => {
  for (const size of ["a", "A", "0a", "000000A"]) reads(`${size}\r\n0123456789\r\n0\r\n`, "0123456789|last 0");
  reads(`1F\r\n${"x".repeat(31)}\r\n00\r\n`, `${"x".repeat(31)}|last 0`);
  reads("0000\r\n", "|last 0");
});

test("a size is 1*HEXDIG and nothing else", () => {
  for (const size of ["", " ", " 5", "\t5", "+5", "-5", "0x5", "5h", "g", "5_0", "5.", "5,", "\0", "5\0", "5\x0b", "\xb2", "#5"]) {
    reads(`${size}\r\nhello\r\n0\r\n`, "|bad_chunk_size");
  }
});

test("white space is allowed before a semicolon only", () => {
  reads("5 ;a\r\nhello\r\n0\r\n", "hello|last 0");
  reads("5\t ;a\r\nhello\r\n0 ;z\r\n", "hello|last 0");
  for (const size of ["5 ", "5\t", "5 5", "5 x", "5 \t"]) reads(`${size}\r\nhello\r\n0\r\n`, "|bad_chunk_extension");
  reads("0 \r\n", "|bad_chunk_extension");
});

test("a size line ends with CRLF and nothing else", () => {
  reads("5\nhello\r\n0\r\n", "|bad_chunk_size");
  reads("5\rhello\r\n0\r\n", "|bad_chunk_size");
  reads("5\r\rhello\r\n0\r\n", "|bad_chunk_size");
  reads("5\r\r\nhello\r\n0\r\n", "|bad_chunk_size");
  reads("0\n", "|bad_chunk_size");
  reads("0\r0", "|bad_chunk_size");
});

test("data ends with CRLF where its size says", () => {
  reads("5\r\nhello\n0\r\n", "hello|bad_chunk_end");
  reads("5\r\nhelloX\n0\r\n", "hello|bad_chunk_end");
  reads("5\r\nhello0\r\n", "hello|bad_chunk_end");
  reads("5\r\nhello\r0\r\n", "hello|bad_chunk_end");
  reads("5\r\nhello\r\r\n", "hello|bad_chunk_end");
  reads("5\r\nhelloXX\r\n0\r\n", "hello|bad_chunk_end");
  reads("4\r\nhello\r\n0\r\n", "hell|bad_chunk_end");
  reads("6\r\nhello\r\n0\r\n", "hello\r|bad_chunk_end");
  reads("5\r\nhello\r\n\r\n0\r\n", "hello|bad_chunk_size");
});

/** `BWS` of RFC 9110 section 5.6.3, in all shapes that matter. */
const SPACES = ["", " ", "\t", " \t "];

test("extensions of the grammar are ignored", () => {
  const values = [
    "",
    "=b",
    "=0",
    "=!#$%&'*+-.^_`|~9",
    '=""',
    '="q;\\"s"',
    '="\\\\"',
    '="\t !#[]~\x80\xff"',
    '="\\\t\\ \\~\\\xff"',
    '=";b=c"',
  ];
  for (const value of values) {
    for (const extension of [`;a${value}`, `;a${value};b`, `;!#$%&'*+-.^_\`|~9${value};c=d;e="f"`]) {
      reads(`5${extension}\r\nhello\r\n0${extension}\r\n`, "hello|last 0");
    }
  }
  for (const space of SPACES) {
    for (const other of SPACES) {
      for (const value of ["b", '"b"']) {
        const extension = `${space};${other}a${space}=${other}${value}${other};${space}c${other};d`;
        reads(`5${extension}\r\nhello\r\n0${extension}\r\n`, "hello|last 0");
      }
    }
  }
});

test("everything else after a size is refused (RFC 9112 section 7.1.1)", () => {
  const wrong = [
    ";",
    "; ",
    ";;a",
    ";a;",
    ";a; ",
    ";a ;",
    ";a ",
    ";a\t",
    ";a b",
    ";a,b",
    ";=b",
    ";a=",
    ";a= ",
    ";a=;b",
    ";a==b",
    ";a=b=c",
    ";a=b ",
    ";a=b c",
    ';a=b"c"',
    ";bad[=x",
    ";a=[",
    ";a=b]",
    ";a(b)",
    ";a:b",
    ";a/b",
    ";a=b/c",
    ";a=b@c",
    ";\xe9",
    ";a=\xe9",
    ';"a"',
    ';"a"=b',
    ';a="',
    ';a="b',
    ';a="b\\"',
    ';a="b"c',
    ';a="b" ',
    ';a="b" c',
    ';a="b""c"',
    ';a="b"=c',
    ";a='b c'",
  ];
  for (const extension of wrong) {
    for (const lead of ["", " "]) {
      reads(`5${lead}${extension}\r\nhello\r\n0\r\n`, "|bad_chunk_extension");
      reads(`5\r\nhello\r\n0${lead}${extension}\r\n`, "hello|bad_chunk_extension");
    }
  }
});

test("every octet in every place of an extension is judged by the grammar", () => {
  const tchar = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]$/;
  const text = /^[\t\x20-\x7e\x80-\xff]$/;
  for (let code = 0; code < 256; code++) {
    const octet = String.fromCharCode(code);
    const places: [string, boolean][] = [
      [`;${octet}`, tchar.test(octet)],
      [`;a${octet}`, tchar.test(octet)],
      [`;a${octet}b`, tchar.test(octet) || octet === "=" || octet === ";"],
      [`;a=${octet}`, tchar.test(octet)],
      [`;a=b${octet}`, tchar.test(octet)],
      [`;a=b${octet}c`, tchar.test(octet) || octet === ";"],
      [`;a="${octet}"`, text.test(octet) && octet !== "\\" && octet !== '"'],
      [`;a="\\${octet}"`, text.test(octet)],
      [`;a="b"${octet}c`, octet === ";"],
    ];
    for (const [extension, fine] of places) {
      const outcome = decode(`1${extension}\r\nz\r\n0\r\n`);
      if (fine) assert.equal(outcome, "z|last 0", JSON.stringify(extension));
      else assert.match(outcome, /^\|bad_chunk_(extension|size)$/, JSON.stringify(extension));
    }
  }
});

test("an extension holds no control character, quoted or not (TERM.EXT, EXT.TERM)", () => {
  for (const octet of ["\n", "\0", "\x01", "\x0b", "\x0c", "\x7f"]) {
    reads(`2;${octet}xx\r\n02\r\n`, "|bad_chunk_extension");
    reads(`2;a="${octet}"\r\nxx\r\n`, "|bad_chunk_extension");
    reads(`2;a="\\${octet}"\r\nxx\r\n`, "|bad_chunk_extension");
  }
  reads("5;a=b\rX\r\nhello\r\n", "|bad_chunk_size");
  reads('5;a="\r\n"\r\nhello\r\n0\r\n', "|bad_chunk_extension");
});

test("a size has at most 13 digits after leading zeros", () => {
  assert.equal(CHUNK_DIGITS_MAX, 13);
  reads(`${"f".repeat(13)}\r\nhello`, "hello|more");
  reads(`${"f".repeat(14)}\r\nhello`, "|bad_chunk_size");
  reads(`0${"f".repeat(13)}\r\nhello`, "hello|more");
  reads("10000000000000005\r\nhello", "|bad_chunk_size");
});

test("the largest size is counted exactly", () => {
  const decoder = new ChunkedDecoder();
  decode("fffffffffffff\r\n", [], decoder);
  // Data is returned as offsets and not read, so a limit larger than any buffer can show the count.
  assert.equal(decoder.step(Buffer.alloc(0), 0, Number.MAX_SAFE_INTEGER), Chunk.data);
  assert.equal(decoder.dataEnd, 0xfffffffffffff);
});

test("a size has 32 characters at most, zeros included", () => {
  assert.equal(CHUNK_SIZE_CHARS_MAX, 32);
  reads(`${"0".repeat(31)}5\r\nhello\r\n${"0".repeat(32)}\r\n`, "hello|last 0");
  reads(`${"0".repeat(32)}5\r\nhello\r\n0\r\n`, "|bad_chunk_size");
  reads("0".repeat(33), "|bad_chunk_size");
});

test("the extensions of a chunk have 256 bytes at most", () => {
  assert.equal(CHUNK_EXTENSION_BYTES_MAX, 256);
  reads(`1;${"x".repeat(256)}\r\na\r\n0\r\n`, "a|last 0");
  reads(`1;${"x".repeat(257)}\r\na\r\n0\r\n`, "|bad_chunk_extension");
  reads(`1${" ".repeat(254)};a\r\na\r\n0\r\n`, "a|last 0");
  reads(`1${" ".repeat(257)}`, "|bad_chunk_extension");
  reads(`1;${"x".repeat(200)}\r\na\r\n1;${"x".repeat(200)}\r\nb\r\n0\r\n`, "ab|last 0");
});

test("the extensions of a message have at most 16 KiB, counted anew for the next message", () => {
  assert.equal(MESSAGE_EXTENSION_BYTES_MAX, 16 * 1024);
  const chunks = `1;${"x".repeat(256)}\r\na\r\n`.repeat(64);
  const decoder = new ChunkedDecoder();
  assert.equal(decode(`${chunks}0\r\n`, [], decoder), `${"a".repeat(64)}|last 0`);
  decoder.reset();
  assert.equal(decode(`${chunks}0\r\n`, [], decoder), `${"a".repeat(64)}|last 0`);
  assert.equal(decode(`${chunks}0;x\r\n`), `${"a".repeat(64)}|bad_chunk_extension`);
});

test("reset forgets a message that was left unfinished", () => {
  for (const begun of ["5", "5;a", '5;a="', "5 ", "5\r", "5\r\nhe", "5\r\nhello", "5\r\nhello\r", "0\r\n", "zz"]) {
    const decoder = new ChunkedDecoder();
    decode(begun, [], decoder);
    decoder.reset();
    assert.equal(decode("3\r\nabc\r\n0\r\n", [], decoder), "abc|last 0", JSON.stringify(begun));
  }
});
