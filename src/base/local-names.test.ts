import assert from "node:assert/strict";
import { test } from "node:test";
import { isLocalName, isLocalPattern } from "./local-names.ts";

const LOCAL = [
  "localhost",
  "app.localhost",
  "a.b.localhost",
  "app.test",
  "db.prod.internal",
  "my_app.test",
  "127.0.0.1",
  "127.9.9.9",
  "10.255.0.1",
  "172.16.0.1",
  "172.31.255.255",
  "192.168.1.5",
  "::1",
  "fd12:3456::1",
  "::ffff:10.0.0.1",
];
const FOREIGN = [
  "",
  ".",
  ".localhost",
  "localhost.",
  "a..localhost",
  "localhost.example.com",
  "notlocalhost",
  "mytest",
  "example.com",
  "app.local",
  "172.32.0.1",
  "172.15.255.255",
  "11.0.0.1",
  "8.8.8.8",
  "::",
  "::2",
  "2001:db8::1",
  "fe80::1",
  "::ffff:8.8.8.8",
  "-a.test",
  "a-.test",
  "a b.test",
  "a\0.test",
  "*.test",
  `${"a".repeat(64)}.test`,
  `${"a.".repeat(126)}test`,
];

test("local names and addresses, and no others", () => {
  assert.deepEqual(
    LOCAL.filter((name) => !isLocalName(name)),
    [],
  );
  assert.deepEqual(FOREIGN.filter(isLocalName), []);
});

test("a pattern is local if all that it stands for is", () => {
  for (const pattern of ["*.localhost", "*.app.test", "app.test"]) assert.ok(isLocalPattern(pattern), pattern);
  for (const pattern of ["*", "*.com", "*.*.test", "*.example.com"]) assert.ok(!isLocalPattern(pattern), pattern);
});
