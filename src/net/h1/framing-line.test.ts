/** Heads of messages whose body middleware has replaced: the length of the received body is not passed on. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { connectionOptions } from "../../http/connection-options.ts";
import { RequestEdits, ResponseEdits } from "../../http/head-edits.ts";
import { DEFAULT_LIMITS, RESPONSE_LIMITS } from "../../http1/limits.ts";
import { RequestReader } from "../../http1/request-reader.ts";
import { ResponseReader } from "../../http1/response-reader.ts";
import { AddedFields, requestHeadText } from "./request-writer.ts";
import { BodyMode, responseHeadText } from "./response-writer.ts";
import type { BodyModeKind } from "./response-writer.ts";

const edits = (bodyLength: number | null): RequestEdits => Object.assign(new RequestEdits(), { bodyLength });
const ofResponse = (bodyLength: number | null): ResponseEdits => Object.assign(new ResponseEdits(), { bodyLength });

/** The framing field lines of a forwarded request. It is written twice: the second text may be the one kept from the first. */
function requestFraming(lines: readonly string[], bodyLength: number | null): string[] {
  const reader = new RequestReader(DEFAULT_LIMITS);
  const bytes = Buffer.from(`POST / HTTP/1.1\r\nHost: a.test\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n`, "latin1");
  reader.feed(bytes, 0, bytes.length);
  reader.next();
  const { head: request } = reader;
  const facts = {
    peer: "192.0.2.1",
    client: "192.0.2.1",
    trusted: false,
    secure: false,
    tls: null,
    certificateLines: "",
    ownAnswers: null,
    forwarded: null,
    proxied: null,
    unsafeFieldNames: "drop",
    forwardedPathFields: "drop",
  } as const;
  const exchange = { request, connection: connectionOptions(request), facts, isBackground: false, upgrade: "" };
  const write = (given: RequestEdits): string =>
    requestHeadText(exchange, given, new AddedFields(), { authority: "b.test", via: true, xForwarded: true });
  write(edits(null));
  write(edits(null));
  return framing(write(edits(bodyLength)));
}

function responseFraming(start: string, lines: readonly string[], bodyLength: number | null, mode: BodyModeKind): string[] {
  const reader = new ResponseReader(RESPONSE_LIMITS);
  const bytes = Buffer.from(
    `${start}\r\n${lines.map((line) => `${line}\r\n`).join("")}Date: Mon, 23 Nov 2026 10:00:00 GMT\r\n\r\n`,
    "latin1",
  );
  reader.feed(bytes, 0, bytes.length);
  reader.next();
  const write = (given: ResponseEdits): string => responseHeadText(reader.head, given, { mode, close: false, epochMs: 0 });
  write(ofResponse(null));
  write(ofResponse(null));
  return framing(write(ofResponse(bodyLength)));
}

function framing(head: string): string[] {
  return head.split("\r\n").filter((line) => /^(?:content-length|transfer-encoding):/i.test(line));
}

test("a request with a replaced body states the length of that body and no other", () => {
  for (const lines of [["content-length: 4"], ["Transfer-Encoding: chunked"]]) {
    assert.deepEqual(requestFraming(lines, null), lines);
    assert.deepEqual(requestFraming(lines, -1), ["Transfer-Encoding: chunked"]);
    assert.deepEqual(requestFraming(lines, 0), ["Content-Length: 0"]);
    assert.deepEqual(requestFraming(lines, 12), ["Content-Length: 12"]);
  }
});

test("a response with a replaced body states the length of that body and no other", () => {
  const { none, length, chunked, untilClose } = BodyMode;
  for (const lines of [["content-length: 4"], ["Transfer-Encoding: chunked"], []]) {
    const of = (bodyLength: number, mode: BodyModeKind): string[] => responseFraming("HTTP/1.1 200 OK", lines, bodyLength, mode);
    assert.deepEqual(of(-1, chunked), ["Transfer-Encoding: chunked"]);
    assert.deepEqual(of(12, length), ["Content-Length: 12"]);
    assert.deepEqual(of(0, none), ["Content-Length: 0"], "an empty body of a GET");
    assert.deepEqual(of(-1, untilClose), [], "to an HTTP/1.0 client");
    assert.deepEqual(of(-1, none), [], "to HEAD");
    assert.deepEqual(of(12, none), ["Content-Length: 12"], "to HEAD");
  }
});
