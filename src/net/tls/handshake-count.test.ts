import assert from "node:assert/strict";
import { test } from "node:test";
import { HandshakeCount } from "./handshake-count.ts";

function begin(count: HandshakeCount, client: string, times: number): void {
  for (let begun = 0; begun < times; begun++) count.begin(client);
}

test("one client has a quarter, and others have the rest", () => {
  const count = new HandshakeCount(100);
  begin(count, "192.0.2.1", 24);
  assert.equal(count.limitFor("192.0.2.1"), null);
  count.begin("192.0.2.1");
  assert.deepEqual([count.limitFor("192.0.2.1"), count.limitFor("192.0.2.2"), count.limitFor(null)], ["handshakes_per_client", null, null]);
  count.end("192.0.2.1");
  assert.equal(count.limitFor("192.0.2.1"), null);
});

test("all clients together have no more than all, whoever they are", () => {
  const count = new HandshakeCount(100);
  for (let client = 0; client < 100; client++) count.begin(`192.0.2.${client}`);
  assert.deepEqual([count.limitFor("192.0.2.200"), count.limitFor(null)], ["handshakes", "handshakes"]);
  count.end("192.0.2.7");
  assert.deepEqual([count.limitFor("192.0.2.200"), count.limitFor(null)], [null, null]);
});

test("a small limit leaves a client enough, and addresses of one IPv6 network are one client", () => {
  const count = new HandshakeCount(40);
  begin(count, "2001:db8::1", 8);
  begin(count, "2001:db8::2", 8);
  assert.deepEqual([count.limitFor("2001:db8::3"), count.limitFor("2001:db8:0:1::1")], ["handshakes_per_client", null]);
  for (const client of ["2001:db8::3", "2001:db8::4"]) count.end(client);
  assert.equal(count.limitFor("2001:db8::1"), null);
});
