import { test } from "node:test";
import assert from "node:assert/strict";
import { listenerUrl } from "./listener-url.ts";

test("the URL of a listener is one at which people reach it", () => {
  const tcp = (host: string): { kind: "tcp"; host: string; port: number; reusePort: boolean } => ({
    kind: "tcp",
    host,
    port: 8080,
    reusePort: true,
  });
  assert.equal(listenerUrl(tcp("127.0.0.1"), "127.0.0.1:0"), "http://127.0.0.1:8080");
  assert.equal(listenerUrl(tcp("::1"), "[::1]:8080"), "http://[::1]:8080");
  assert.equal(listenerUrl({ ...tcp("127.0.0.1"), moreHosts: ["::1"] }, "localhost:0"), "http://localhost:8080");
  assert.equal(listenerUrl(tcp("::"), ":8080"), "http://localhost:8080 (all addresses)");
  assert.equal(listenerUrl({ kind: "unix", path: "/run/a.sock" }, "unix:/run/a.sock"), "unix:/run/a.sock");
  assert.equal(listenerUrl({ kind: "fd", fd: 3 }, "fd:3"), "fd:3");
});
