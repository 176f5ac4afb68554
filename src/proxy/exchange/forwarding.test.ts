import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { connectionOptions } from "../../http/connection-options.ts";
import { DEFAULT_LIMITS } from "../../http1/limits.ts";
import { Event } from "../../http1/message-reader.ts";
import { RequestReader } from "../../http1/request-reader.ts";
import { admitRequest } from "./forwarding.ts";

/** The status of the answer that refuses the request; null: it may be forwarded. */
function statusOf(startLine: string, ...fields: string[]): number | null {
  const reader = new RequestReader(DEFAULT_LIMITS);
  const bytes = Buffer.from(`${[startLine, "Host: a.test", ...fields].join("\r\n")}\r\n\r\n`, "latin1");
  reader.feed(bytes, 0, bytes.length);
  assert.equal(reader.next(), Event.head);
  return admitRequest(reader.head, connectionOptions(reader.head), "drop")?.status ?? null;
}

const GET = "GET / HTTP/1.1";

test("a request that passed proxies of this name more than ten times goes in a circle", () => {
  const passes = (count: number, name: string): string => `Via: ${Array.from({ length: count }, () => `1.1 ${name}`).join(", ")}`;
  assert.equal(statusOf(GET, passes(10, "millrace")), null);
  assert.equal(statusOf(GET, passes(11, "millrace")), 508);
  assert.equal(statusOf(GET, passes(11, "Millrace (eu-1)")), 508);
  assert.equal(statusOf(GET, passes(6, "millrace"), passes(5, "millrace")), 508);
  for (const name of ["millrace-edge", "millrace.example", "millrace:8080", "nginx"])
    assert.equal(statusOf(GET, passes(20, name)), null, name);
});

test("an expectation other than 100-continue fails, but not that of an HTTP/1.0 client, which cannot mean it", () => {
  assert.equal(statusOf(GET, "Expect: 100-Continue"), null);
  assert.equal(statusOf(GET, "Expect: tea"), 417);
  assert.equal(statusOf("GET / HTTP/1.0", "Expect: tea"), null);
});

test("credentials are one field", () => {
  assert.equal(statusOf(GET, "Authorization: Bearer a"), null);
  assert.equal(statusOf(GET, "Authorization: Bearer a", "Authorization: Bearer b"), 400);
});

test("OPTIONS that may go no further is answered here", () => {
  assert.equal(statusOf("OPTIONS * HTTP/1.1", "Max-Forwards: 1"), null);
  assert.equal(statusOf("OPTIONS * HTTP/1.1", "Max-Forwards: 0"), 204);
  assert.equal(statusOf("OPTIONS * HTTP/1.1", "Max-Forwards: 00"), 204);
  assert.equal(statusOf("OPTIONS * HTTP/1.1", "Max-Forwards: 01"), null);
  assert.equal(statusOf(GET, "Max-Forwards: 0"), null);
});
