import assert from "node:assert/strict";
import { test } from "node:test";
import { testConfig } from "../config.fixture.ts";
import { withHolder } from "./held-address.ts";

const [listener = assert.fail()] = testConfig().listeners;
const inUse = testConfig({
  listeners: [
    { ...listener, address: "127.0.0.1:80" },
    { ...listener, address: "unix:/a" },
  ],
  admin: { address: "127.0.0.1:9901", hosts: [] },
});
const BUSY = "the address is in use (EADDRINUSE)";

test("an address that this process has itself is freed with one reload and taken with the next", () => {
  assert.equal(
    withHolder(BUSY, ":9901", inUse),
    `${BUSY}: until the reload is over this process itself listens on 127.0.0.1:9901 (admin.address of the configuration in use); free it with one reload and take it with the next`,
  );
  assert.match(withHolder(BUSY, "localhost:80", inUse), /listens on 127\.0\.0\.1:80 \(listeners\.#1\.address of/);
});

test("nothing is added where another program has the address, or where it is not in use", () => {
  assert.equal(withHolder(BUSY, ":81", inUse), BUSY);
  assert.equal(withHolder("permission denied (EACCES)", ":80", inUse), "permission denied (EACCES)");
});
