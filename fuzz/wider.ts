/** What we take and Node refuses, and what both take and see differently. */
import { METHODS } from "node:http";
import type { Disagreement } from "./disagreements.ts";
import type { Message } from "./reading.ts";
import { nameOf, valuesOf } from "./reading.ts";
import { PLAIN_EXTENSIONS, extensionsOf, isTabBehindCoding, missesCoding } from "./wire-predicates.ts";

const HOST = "Host: a\r\n";
const CHUNKED = `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n`;
const NEXT = `GET / HTTP/1.1\r\n${HOST}\r\n`;

export const WIDER: readonly Disagreement[] = [
  {
    id: "unknown-method",
    kind: "node-refuses",
    faults: ["HPE_INVALID_METHOD"],
    section: "RFC 9110 section 9.1",
    reason: "any token is a method, and a proxy passes on those that it does not know",
    example: `FOO / HTTP/1.1\r\n${HOST}\r\n`,
    passedOn: true,
    applies: ({ ours }) => !METHODS.includes(methodOf(ours)),
  },
  {
    id: "method-of-http2",
    kind: "node-refuses",
    faults: ["HPE_INVALID_VERSION", "HPE_INVALID_EOF_STATE"],
    section: "RFC 9113 section 11.6",
    reason: "PRI begins HTTP/2 where its version says so; in a request of HTTP/1 it is a method that nobody uses",
    example: `PRI / HTTP/1.1\r\n${HOST}\r\n`,
    passedOn: true,
    applies: ({ ours }) => methodOf(ours) === "PRI",
  },
  {
    id: "space-before-extension",
    kind: "node-refuses",
    faults: ["HPE_INVALID_CHUNK_SIZE"],
    section: "RFC 9112 section 7.1.1",
    reason: "white space before the semicolon of a chunk extension must be read, and ends at this hop",
    example: `${CHUNKED}0 ;a\r\n\r\n`,
    applies: ({ ours }) => extensionsOf(ours?.raw ?? "").some((extensions) => /^[ \t]/.test(extensions)),
  },
  {
    id: "space-in-extension",
    kind: "node-refuses",
    faults: ["HPE_STRICT"],
    section: "RFC 9112 section 7.1.1",
    reason: "white space inside of a chunk extension must be read, and ends at this hop",
    example: `${CHUNKED}0; a\r\n\r\n`,
    applies: ({ ours }) => extensionsOf(ours?.raw ?? "").some((extensions) => !PLAIN_EXTENSIONS.test(extensions)),
  },
  {
    id: "space-before-colon",
    kind: "node-refuses",
    faults: ["HPE_INVALID_HEADER_TOKEN"],
    section: "RFC 9112 section 5.1",
    reason: "a proxy must remove white space between the name and the colon of a response's field",
    example: "HTTP/1.1 200 OK\r\nA : b\r\nContent-Length: 0\r\n\r\n",
    applies: ({ side, ours }) => side === "response" && /\r\n[^\r\n:\t ]+[\t ]+:/.test(ours?.raw ?? ""),
  },
  {
    id: "folded-response-field",
    kind: "node-refuses",
    faults: ["HPE_INVALID_HEADER_TOKEN"],
    section: "RFC 9112 section 5.2",
    reason: "a proxy must refuse a folded field of a response, or pass it on in one line, with SP for each line end",
    example: "HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 0\r\n\r\n",
    applies: ({ side, ours }) => side === "response" && /\r\n[\t ]/.test(ours?.raw ?? ""),
  },
  {
    id: "framing-in-trailers",
    kind: "node-refuses",
    faults: ["HPE_INVALID_CONTENT_LENGTH", "HPE_INVALID_TRANSFER_ENCODING"],
    section: "RFC 9110 section 6.5.1",
    reason: "a field that frames means nothing in a trailer section and is not passed on",
    example: `${CHUNKED}0\r\nContent-Length: 1\r\n\r\n`,
    applies: ({ ours }) => (ours?.trailers ?? []).some((line) => ["content-length", "transfer-encoding"].includes(nameOf(line))),
  },
  {
    id: "framing-without-body",
    kind: "node-refuses",
    faults: ["HPE_INVALID_CONTENT_LENGTH", "HPE_UNEXPECTED_CONTENT_LENGTH", "HPE_INVALID_TRANSFER_ENCODING"],
    section: "RFC 9112 section 6.3",
    reason: "a response to HEAD, a 1xx, 204 or 304 ends with its head whatever its fields say; they do not go on",
    example: "HTTP/1.1 204 No Content\r\nContent-Length: none\r\n\r\n",
    applies: ({ side, ours }) =>
      side === "response" &&
      ours?.body === "" &&
      [...valuesOf(ours.fields, "content-length"), ...valuesOf(ours.fields, "transfer-encoding")].length > 0,
  },
  {
    id: "connection-in-trailers",
    kind: "node-refuses",
    faults: ["HPE_CLOSED_CONNECTION"],
    section: "RFC 9110 section 6.5.1",
    reason: "a field that controls the connection means nothing in a trailer section and is not passed on",
    example: `${CHUNKED}0\r\nConnection: close\r\n\r\n${NEXT}`,
    applies: ({ before }) => valuesOf(before?.trailers ?? [], "connection").length > 0,
  },
  {
    id: "interim-of-1-0",
    kind: "node-refuses",
    faults: ["HPE_CLOSED_CONNECTION"],
    section: "RFC 9110 section 15.2",
    reason: "after an interim response comes a final one, whatever its version says of the connection",
    example: "HTTP/1.0 103 X\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
    applies: ({ before }) => /^1\d\d 1\.0$/.test(before?.start ?? ""),
  },
  {
    id: "close-of-interim",
    kind: "node-refuses",
    faults: ["HPE_CLOSED_CONNECTION"],
    section: "RFC 9110 section 15.2",
    reason: "after an interim response comes a final one, whatever its fields say of the connection",
    example: "HTTP/1.1 103 X\r\nConnection: close\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
    applies: ({ before }) =>
      before?.start.startsWith("1") === true &&
      ["connection", "proxy-connection"].some((name) => valuesOf(before.fields, name).some((value) => /close/i.test(value))),
  },
  {
    id: "higher-minor-version",
    kind: "node-refuses",
    faults: ["HPE_INVALID_VERSION"],
    section: "RFC 9110 section 2.5",
    reason: "a response of a higher minor version is read as the highest one that is known",
    example: "HTTP/1.2 200 OK\r\n\r\n",
    applies: ({ side, rest }) => side === "response" && /^HTTP\/1\.[2-9] /.test(rest),
  },
  {
    id: "tab-behind-coding-refused",
    kind: "node-refuses",
    faults: ["HPE_INVALID_TRANSFER_ENCODING"],
    section: "RFC 9110 section 5.6.3",
    reason: "HTAB after a value is no part of it",
    example: `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\t\r\n\r\n0\r\n\r\n`,
    applies: ({ rest }) => isTabBehindCoding(rest),
  },
  {
    id: "tab-behind-coding",
    kind: "differ",
    faults: [],
    section: "RFC 9110 section 5.6.3",
    reason: "HTAB after a value is no part of it; Node does not read such a response, or a request to upgrade, as chunked",
    example: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\t\r\n\r\n0\r\n\r\n",
    applies: missesCoding,
  },
  {
    id: "keep-alive-of-1-0",
    kind: "persistence",
    faults: [],
    section: "RFC 9112 section 9.3",
    reason: "a proxy must not keep the connection of an HTTP/1.0 client",
    example: "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    applies: ({ ours, node }) => ours?.last === true && ours.start.endsWith(" 1.0") && node?.last === false,
  },
  {
    id: "proxy-connection",
    kind: "persistence",
    faults: [],
    section: "RFC 9112 section C.2.2",
    reason: "Proxy-Connection is no field of HTTP and controls no connection; Node reads it as Connection",
    example: `GET / HTTP/1.1\r\n${HOST}Proxy-Connection: close\r\n\r\n`,
    applies: ({ ours, node }) =>
      ours?.last === false &&
      node?.last === true &&
      valuesOf(node.fields, "proxy-connection").some((value) => /close|upgrade/i.test(value)),
  },
  {
    id: "upgrade-request",
    kind: "persistence",
    faults: [],
    section: "RFC 9110 section 7.8",
    reason: "a server may ignore Upgrade, and HTTP goes on until it answers 101; Node's parser stops there in any case",
    example: `GET / HTTP/1.1\r\n${HOST}Connection: upgrade\r\nUpgrade: x\r\n\r\n`,
    passedOn: true,
    applies: ({ ours, node }) =>
      ours?.last === false &&
      node?.last === true &&
      valuesOf(node.fields, "upgrade").length > 0 &&
      valuesOf(node.fields, "connection").some((value) => /upgrade/i.test(value)),
  },
];

function methodOf(message: Message | undefined): string {
  return message?.start.split(" ")[0] ?? "";
}
