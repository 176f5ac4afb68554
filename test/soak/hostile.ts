/** Requests that a safe proxy refuses (RFC 9112 sections 2.2, 3, 5, 6.1, 6.3, 7.1), each followed by one that must not be smuggled. */

export interface HostileWire {
  readonly name: string;
  readonly status: number;
  /** The fault is in the request line: the access log cannot name the path. */
  readonly nameless: boolean;
  /** The bytes for a path and the field that marks the exchange. */
  wire(path: string, mark: string): string;
}

const SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: soak.test\r\nX-Smuggled: 1\r\n\r\n";

export const HOSTILE: readonly [HostileWire, ...HostileWire[]] = [
  fields("two framings", "Content-Length: 5\r\nTransfer-Encoding: chunked", `0\r\n\r\n${SMUGGLED}`),
  fields("two lengths", "Content-Length: 0\r\nContent-Length: 62", SMUGGLED),
  fields("length with a sign", "Content-Length: +5", `hello${SMUGGLED}`),
  fields("length as a list", "Content-Length: 5, 5", `hello${SMUGGLED}`),
  fields("length beyond counting", "Content-Length: 18446744073709551621", `hello${SMUGGLED}`),
  fields("unknown coding", "Transfer-Encoding: xchunked", `0\r\n\r\n${SMUGGLED}`),
  fields("chunked not last", "Transfer-Encoding: chunked, identity", `0\r\n\r\n${SMUGGLED}`),
  fields("space before the colon", "Transfer-Encoding : chunked", `0\r\n\r\n${SMUGGLED}`),
  fields("folded line", "X-A: b\r\n Transfer-Encoding: chunked", SMUGGLED),
  fields("bare line feed", "X-A: b\nX-B: c", SMUGGLED),
  fields("bare carriage return", "X-A: b\rX-B: c", SMUGGLED),
  fields("zero byte", "X-A: b\0c", SMUGGLED),
  fields("second Host", "Host: other.test", SMUGGLED),
  fields("chunk size with a sign", "Transfer-Encoding: chunked", `+5\r\nhello\r\n0\r\n\r\n${SMUGGLED}`),
  fields("chunk longer than it says", "Transfer-Encoding: chunked", `5\r\nhelloXX\r\n0\r\n\r\n${SMUGGLED}`),
  // What goes on is shorter than what came, and so has room where it came: it may end up there.
  fields(
    "malformed chunk behind a good one",
    `Connection: X-Drop\r\nX-Drop: ${"d".repeat(900)}\r\nTransfer-Encoding: chunked`,
    `200\r\n${"A".repeat(512)}\r\nZZ\r\n${SMUGGLED}`,
  ),
  fields("bare line feed in chunks", "Transfer-Encoding: chunked", `5\nhello\n0\n\n${SMUGGLED}`),
  { ...fields("too many fields", "X-A: b\r\n".repeat(200).trimEnd(), SMUGGLED), status: 431 },
  { ...fields("head too large", `X-A: ${"b".repeat(40_000)}`, SMUGGLED), status: 431 },
  line("no Host", (path, mark) => `GET ${path} HTTP/1.1\r\n${mark}\r\n`),
  line("chunked in HTTP/1.0", (path, mark) => `POST ${path} HTTP/1.0\r\n${mark}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`),
  line("two hosts in one", (path, mark) => `GET http://other.test${path} HTTP/1.1\r\nHost: soak.test\r\n${mark}\r\n`),
  { ...line("version 2", (path, mark) => `GET ${path} HTTP/2.0\r\nHost: soak.test\r\n${mark}\r\n`), status: 505, nameless: true },
  { ...line("line too long", (path) => `GET ${path}${"a".repeat(9000)} HTTP/1.1\r\n\r\n`), status: 414, nameless: true },
  { ...line("two spaces", (path, mark) => `GET  ${path} HTTP/1.1\r\nHost: soak.test\r\n${mark}\r\n`), nameless: true },
  { ...line("no request line", () => "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), nameless: true },
];

function fields(name: string, lines: string, body: string): HostileWire {
  return line(name, (path, mark) => `POST ${path} HTTP/1.1\r\nHost: soak.test\r\n${mark}${lines}\r\n\r\n${body}`);
}

function line(name: string, wire: HostileWire["wire"]): HostileWire {
  return { name, status: 400, nameless: false, wire };
}
