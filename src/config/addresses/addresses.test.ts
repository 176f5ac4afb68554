import assert from "node:assert/strict";
import { test } from "node:test";
import { overlap } from "./addresses.ts";

test("addresses that cannot be listened on at the same time overlap", () => {
  for (const [one, other] of [
    [":80", "127.0.0.1:80"],
    [":80", "[::1]:80"],
    ["*:80", "0.0.0.0:80"],
    ["[::]:80", "0.0.0.0:80"],
    ["0.0.0.0:80", "127.0.0.1:80"],
    ["a.test:80", "a.test:80"],
    ["unix:/run/x", "unix:/run/x"],
    ["fd:3", "fd:3"],
  ] as const) {
    assert.equal(overlap(one, other), true, `${one} ${other}`);
    assert.equal(overlap(other, one), true, `${other} ${one}`);
  }
  for (const [one, other] of [
    [":80", ":81"],
    [":0", ":0"],
    ["127.0.0.1:80", "127.0.0.2:80"],
    ["0.0.0.0:80", "[::1]:80"],
    ["unix:/run/x", "unix:/run/y"],
    ["unix:/run/x", ":80"],
    ["fd:3", "fd:4"],
  ] as const) {
    assert.equal(overlap(one, other), false, `${one} ${other}`);
    assert.equal(overlap(other, one), false, `${other} ${one}`);
  }
});
