import assert from "node:assert/strict";
import { test } from "node:test";
import { unusedSockets } from "./socket-activation.ts";

const passed = { LISTEN_PID: "42", LISTEN_FDS: "2", LISTEN_FDNAMES: "http:metrics" };

test("a socket that no listener uses is reported", () => {
  assert.deepEqual(unusedSockets(["fd:3", "127.0.0.1:80"], passed, 42), [
    "systemd hands over fd:4 (metrics), which no listener takes: its clients wait in vain",
  ]);
  assert.equal(unusedSockets([":80"], passed, 42).length, 2);
  assert.deepEqual(unusedSockets([], { ...passed, LISTEN_FDS: "1", LISTEN_FDNAMES: undefined }, 42), [
    "systemd hands over fd:3, which no listener takes: its clients wait in vain",
  ]);
});

test("nothing is reported when all sockets are used, none was passed, or they are for another process", () => {
  assert.deepEqual(unusedSockets(["fd:4", "fd:3"], passed, 42), []);
  assert.deepEqual(unusedSockets([], {}, 42), []);
  assert.deepEqual(unusedSockets([], passed, 41), []);
  for (const count of ["", "0", "-1", "two", "99999999999"]) {
    assert.deepEqual(unusedSockets([], { ...passed, LISTEN_FDS: count }, 42), [], count);
  }
});
