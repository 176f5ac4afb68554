/** A detached head stays as it was, whatever its reader does next. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { connectionOptions } from "../http/connection-options.ts";
import type { FieldSection } from "../http/field-section.ts";
import { Known } from "../http/known-fields.ts";
import { RequestHead } from "../http/request-head.ts";
import { ResponseHead } from "../http/response-head.ts";
import { DEFAULT_LIMITS, RESPONSE_LIMITS } from "./limits.ts";
import { Event } from "./message-reader.ts";
import { RequestReader } from "./request-reader.ts";
import { ResponseReader } from "./response-reader.ts";

/** Everything that a section holds. */
function lines(section: FieldSection): unknown[] {
  const each = Array.from({ length: section.count }, (_, index) => [
    section.name(index),
    section.value(index),
    section.knownId(index),
    section.lineEnd(index),
  ]);
  return [section.text, section.present, section.hidden, ...each, section.get("x-forwarded-for"), connectionOptions(section)];
}

function request(head: RequestHead): unknown {
  const { version, method, target, forwardTarget, path, authority, host, hostReplaced } = head;
  return [version, method, target, forwardTarget, path, authority, host, hostReplaced, ...lines(head)];
}

function response(head: ResponseHead): unknown {
  const { version, status, reason } = head;
  return [version, status, reason, ...lines(head)];
}

/** Few values of each kind, so that readers recall heads, compare runs and read line by line. */
const fields = fc.array(fc.constantFrom("X-A: 1", "X-A: 2", "Connection: X-A", "X-Forwarded-For: 192.0.2.9", `X-Long: ${"l".repeat(60)}`), {
  maxLength: 40,
});
const requests = fc.array(
  fc
    .tuple(fc.constantFrom("GET / HTTP/1.1", "GET /a?b HTTP/1.1", "GET http://a.test HTTP/1.1", "HEAD / HTTP/1.0"), fields)
    .chain(([start, all]) =>
      // Some are sent more than once in a row.
      fc.integer({ min: 1, max: 3 }).map((times) => Array.from({ length: times }, () => [start, "Host: a.test", ...all])),
    ),
  { minLength: 1, maxLength: 8 },
);
const responses = fc.array(
  fc
    .tuple(fc.constantFrom("HTTP/1.1 200 OK", "HTTP/1.1 200 Fine", "HTTP/1.0 404", "HTTP/1.1 204 No Content"), fields)
    .chain(([start, all]) =>
      fc.integer({ min: 1, max: 3 }).map((times) => Array.from({ length: times }, () => [start, ...all, "Content-Length: 0"])),
    ),
  { minLength: 1, maxLength: 8 },
);

function readHead(reader: RequestReader | ResponseReader, message: readonly string[], memory: Buffer): void {
  const length = memory.write(`${message.join("\r\n")}\r\n\r\n`, 0, "latin1");
  reader.feed(memory, 0, length, true);
  assert.equal(reader.next(), Event.head);
}

test("detached requests of a connection stay as they were", () => {
  fc.assert(
    fc.property(requests, fc.array(fc.boolean(), { minLength: 24, maxLength: 24 }), (all, kept) => {
      const reader = new RequestReader(DEFAULT_LIMITS);
      const memory = Buffer.alloc(4096);
      const detached: (readonly [RequestHead, unknown])[] = [];
      for (const [index, message] of all.flat().entries()) {
        readHead(reader, message, memory);
        const { head } = reader;
        head.hidden = index % 2 === 0 ? 1 << Known.xForwardedFor : 0;
        if (kept[index] === true) detached.push([head.detach(), request(head)]);
        // A later exchange may compute values and hide fields of its own.
        reader.next();
        reader.restart(head);
      }
      memory.fill(0);
      reader.forget();
      for (const [head, said] of detached) assert.deepEqual(request(head), said);
    }),
    { numRuns: 1000 },
  );
});

test("detached responses of a connection stay as they were", () => {
  fc.assert(
    fc.property(responses, fc.array(fc.boolean(), { minLength: 24, maxLength: 24 }), (all, kept) => {
      const reader = new ResponseReader(RESPONSE_LIMITS);
      reader.toHead = true;
      const memory = Buffer.alloc(4096);
      const detached: (readonly [ResponseHead, unknown])[] = [];
      for (const [index, message] of all.flat().entries()) {
        readHead(reader, message, memory);
        const { head } = reader;
        if (kept[index] === true) detached.push([head.detach(), response(head)]);
        reader.next();
        reader.restart(head);
      }
      memory.fill(0);
      for (const [head, said] of detached) assert.deepEqual(response(head), said);
    }),
    { numRuns: 1000 },
  );
});

test("a detached head has no version's class, and changes to it and to its source do not affect each other", () => {
  const reader = new RequestReader(DEFAULT_LIMITS);
  readHead(reader, ["GET / HTTP/1.1", "Host: a.test", "Origin: http://b.test"], Buffer.alloc(256));
  const { head } = reader;
  head.derived = { of: "the exchange" };
  const detached = head.detach();
  assert.equal(Object.getPrototypeOf(detached), RequestHead.prototype);
  assert.equal(detached.derived, null, "what an exchange found is its own");
  for (const change of [
    () => detached.clear(),
    () => detached.forget(),
    () => detached.complete("X: 1\r\n"),
    () => detached.addLine(0, 1, 2, 3, Known.none),
    () => detached.detach().clear(),
  ])
    assert.throws(change, TypeError);
  detached.derived = { of: "another" };
  assert.deepEqual(head.derived, { of: "the exchange" });
  assert.deepEqual(request(detached), request(head));
  assert.deepEqual(request(detached.detach()), request(head));
  head.clear();
  assert.equal(detached.get("origin"), "http://b.test");
  assert.equal(Object.getPrototypeOf(new ResponseReader(RESPONSE_LIMITS).head.detach()), ResponseHead.prototype);
});
