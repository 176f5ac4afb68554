import { test } from "node:test";
import assert from "node:assert/strict";
import { formatListenAddress, parseListenAddress } from "./listen-address.ts";
import type { ListenAddress } from "./listen-address.ts";

const good: readonly (readonly [text: string, address: ListenAddress])[] = [
  [":8080", { kind: "tcp", host: "", port: 8080 }],
  [":0", { kind: "tcp", host: "", port: 0 }],
  ["*:80", { kind: "tcp", host: "", port: 80 }],
  ["127.0.0.1:65535", { kind: "tcp", host: "127.0.0.1", port: 65_535 }],
  ["localhost:8080", { kind: "tcp", host: "localhost", port: 8080 }],
  ["[::1]:8080", { kind: "tcp", host: "::1", port: 8080 }],
  ["[fe80::1%eth0]:8080", { kind: "tcp", host: "fe80::1%eth0", port: 8080 }],
  ["unix:/run/millrace.sock", { kind: "unix", path: "/run/millrace.sock" }],
  ["fd:3", { kind: "fd", fd: 3 }],
];
for (const [text, address] of good) {
  test(`${text} is read and written back`, () => {
    assert.deepEqual(parseListenAddress(text), { address });
    assert.equal(formatListenAddress(address), text.replace("*", ""));
  });
}

const bad: readonly (readonly [text: string, why: RegExp])[] = [
  ["", /port is missing/],
  ["localhost", /port is missing/],
  ["8080", /port is missing/],
  [":", /0 to 65535/],
  [":65536", /0 to 65535/],
  [":-1", /0 to 65535/],
  [":80a", /0 to 65535/],
  [": 80", /0 to 65535/],
  [":0x50", /0 to 65535/],
  ["::1:80", /in brackets/],
  ["[127.0.0.1]:80", /IPv6 address/],
  ["[::1:80", /IPv6 address/],
  ["http://x:80", /in brackets/],
  ["a b:80", /name or an address/],
  ["unix:relative", /begins with \//],
  [`unix:/${"x".repeat(103)}`, /at most 103 bytes/],
  [`unix:/${"\u00e9".repeat(52)}`, /at most 103 bytes/],
  ["fd:2", /from 3 on/],
  ["fd:x", /from 3 on/],
];
for (const [text, why] of bad) {
  test(`${JSON.stringify(text)} is refused`, () => {
    const { problem } = parseListenAddress(text);
    assert.match(problem ?? "accepted", why);
  });
}
