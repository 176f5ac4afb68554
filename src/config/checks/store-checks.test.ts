import assert from "node:assert/strict";
import { test } from "node:test";
import { parseConfig } from "../load.ts";
import { formatProblem } from "../problems/problem.ts";

/** Everything that is said of a file with that store, which a limit refers to. */
function said(store: string, route: string = "rate_limit: { requests_per_minute: 1, store: shared }"): string {
  const text = `listeners: [{ address: ":1" }]
stores: { shared: { ${store} } }
routes: [{ respond: { status: 200 }, ${route} }]
`;
  const parsed = parseConfig(text, "f", { P: "hunter2" }, () => "hunter2", {
    storeFindings: (stores) => stores.map(({ path }) => ({ path: [...path, "type"], message: "it was asked for", severity: "error" })),
  });
  return ("problems" in parsed ? parsed.problems : parsed.warnings).map(formatProblem).join("\n");
}

test("what a store may not be", () => {
  for (const [store, message] of [
    ["", /stores\.shared: missing|type/],
    ["type: disk", /stores\.shared\.type: expected redis, also for Valkey .*, or memory/],
    ["type: memory", /stores\.shared: it lacks max_size/],
    ["type: memory, max_size: 8MiB, url: redis://a", /shared\.url: a store of the type memory has no such key/],
    ["type: memory, max_size: 1MiB", /shared\.max_size: expected a size from 4MiB/],
    ["type: memory, max_size: 8MiB", /rate_limit\.store: it needs a store of the type redis, and "shared" is of the type memory/],
    ["type: redis, url: redis://a, max_size: 8MiB", /shared\.max_size: it is for stores of the type memory/],
    ["type: redis", /stores\.shared: expected url or cluster, found neither/],
    ["type: redis, url: redis://a, cluster: [redis://b]", /shared\.cluster: url is given too/],
    ["type: redis, url: http://a", /shared\.url: expected redis:\/\/host:port, rediss:\/\/host:port \(TLS\) or unix:/],
    ["type: redis, url: redis://u:hunter2@a", /shared\.url: expected .*; user and password stand in username and password/],
    ["type: redis, cluster: [redis://a, rediss://b]", /shared\.cluster: some URLs begin with rediss: and some do not/],
    ["type: redis, cluster: [redis://a/3]", /shared\.cluster: a cluster has no Unix sockets and no databases/],
    ["type: redis, url: redis://a, tls: { ca_file: a }", /shared\.tls: nothing here is encrypted/],
    ["type: redis, url: redis://127.0.0.1, username: a", /shared\.username: there is no password for it/],
    ["type: redis, url: redis://a, prefix: 'a{b}'", /shared\.prefix: expected 1 to 64 letters/],
    ["type: redis, url: redis://a, timeout: 2s", /shared\.timeout: expected a duration from 1ms to 1s/],
    ["type: redis, url: redis://a, on_failure: fail", /shared\.on_failure/],
    ["type: redis, url: redis://127.0.0.1", /shared\.type: it was asked for/],
  ] as const) {
    const all = said(store);
    assert.match(all, message, store);
    assert.doesNotMatch(all, /hunter2/, store);
  }
});

test("a password that crosses the network as it is, and a store that nobody uses, are warned of", () => {
  const unread = /^f:2:[0-9]+: stores\.shared\.type: it was asked for$/;
  for (const url of ["redis://127.0.0.1", "redis://[::1]:7", "unix:/run/redis.sock", "rediss://redis.internal"])
    assert.match(said(`type: redis, url: "${url}", password: "\${P}"`), unread, url);
  assert.match(
    said('type: redis, url: "redis://redis.internal", password: "${P}"'),
    /shared\.password: the password crosses the network as it is/,
  );
  assert.match(said("type: redis, url: redis://127.0.0.1", "rate_limit: { requests_per_minute: 1 }"), /nothing refers to this store/);
  assert.match(
    said("type: redis, url: redis://127.0.0.1", "rate_limit: { requests_per_minute: 1, store: sharde }"),
    /did you mean "shared"/,
  );
});

test("a cache needs a store in memory", () => {
  const cache = "cache: { store: shared }";
  assert.match(
    said("type: redis, url: redis://127.0.0.1", cache),
    /cache\.store: it needs a store of the type memory, and "shared" is of the type redis/,
  );
  assert.equal(said("type: memory, max_size: 8MiB", cache), "");
});
