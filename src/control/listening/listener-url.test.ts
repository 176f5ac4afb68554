import { test } from "node:test";
import assert from "node:assert/strict";
import type { ListenTarget } from "../../shared/protocol.ts";
import { listenerUrl } from "./listener-url.ts";

test("the URL of a listener is one at which people reach it", () => {
  const tcp = (host: string): { kind: "tcp"; host: string; port: number; reusePort: boolean } => ({
    kind: "tcp",
    host,
    port: 8080,
    reusePort: true,
  });
  const url = (target: ListenTarget, address: string, scheme: "http" | "https" = "http"): string =>
    listenerUrl({ target, address, scheme });
  assert.equal(url(tcp("127.0.0.1"), "127.0.0.1:0"), "http://127.0.0.1:8080");
  assert.equal(url(tcp("::1"), "[::1]:8080"), "http://[::1]:8080");
  assert.equal(url({ ...tcp("127.0.0.1"), moreHosts: ["::1"] }, "localhost:0"), "http://localhost:8080");
  assert.equal(url(tcp("::"), ":8080"), "http://localhost:8080 (all addresses)");
  assert.equal(url(tcp("::"), ":8080", "https"), "https://localhost:8080 (all addresses)");
  assert.equal(url({ kind: "unix", path: "/run/a.sock" }, "unix:/run/a.sock"), "unix:/run/a.sock");
  assert.equal(url({ kind: "fd", fd: 3 }, "fd:3"), "fd:3");
});
