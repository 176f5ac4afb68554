import assert from "node:assert/strict";
import { test } from "node:test";
import { HandshakeCount } from "./handshake-count.ts";

function begin(count: HandshakeCount, client: string, times: number): void {
  for (let begun = 0; begun < times; begun++) count.begin(client);
}

test("one client has a quarter, and others have the rest", () => {
  const count = new HandshakeCount(100);
  begin(count, "192.0.2.1", 24);
  assert.equal(count.isFullFor("192.0.2.1"), false);
  count.begin("192.0.2.1");
  assert.deepEqual([count.isFullFor("192.0.2.1"), count.isFullFor("192.0.2.2"), count.isFullFor(null)], [true, false, false]);
  count.end("192.0.2.1");
  assert.equal(count.isFullFor("192.0.2.1"), false);
});

test("all clients together have no more than all, whoever they are", () => {
  const count = new HandshakeCount(100);
  for (let client = 0; client < 100; client++) count.begin(`192.0.2.${client}`);
  assert.deepEqual([count.isFullFor("192.0.2.200"), count.isFullFor(null)], [true, true]);
  count.end("192.0.2.7");
  assert.deepEqual([count.isFullFor("192.0.2.200"), count.isFullFor(null)], [false, false]);
});

test("a small limit leaves a client enough, and addresses of one IPv6 network are one client", () => {
  const count = new HandshakeCount(40);
  begin(count, "2001:db8::1", 8);
  begin(count, "2001:db8::2", 8);
  assert.deepEqual([count.isFullFor("2001:db8::3"), count.isFullFor("2001:db8:0:1::1")], [true, false]);
  for (const client of ["2001:db8::3", "2001:db8::4"]) count.end(client);
  assert.equal(count.isFullFor("2001:db8::1"), false);
});
